import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import type { TableMap } from '../../../decoders/binlog/table-map.ts';
import type { Table } from '../../../decoders/change.ts';
import type { TableSchema } from '../../../decoders/table-schema.ts';

/** {@link Column.type} of a column whose values come as text, from a snapshot's SELECT. */
export const TEXT_FORM = -1;

/**
 * One version of a table: `namespace` is its database, `columns[i].type` a COLUMN_TYPE or {@link TEXT_FORM},
 * `columns[i].identity` says that it is part of the primary key. `columns` and `schema.columns` go by the row image's order.
 */
export interface MysqlTable extends Table {
  readonly family: ServerFamily;
  /** Null: rows in text form, of a snapshot. */
  readonly map: TableMap | null;
  readonly schema: TableSchema;
}
