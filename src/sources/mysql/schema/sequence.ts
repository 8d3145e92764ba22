import type { ColumnSchema, TableSchema } from '../../../../decoders/table-schema.ts';
import { withKey } from './create-table.ts';

/** Columns of the one row of a MariaDB sequence (sql/sql_sequence.cc, `sequence_structure`); all BIGINT but the cycle's. */
const COLUMNS: readonly (readonly [name: string, typeName: string, jdbcType: number])[] = [
  ['next_not_cached_value', 'BIGINT', -5],
  ['minimum_value', 'BIGINT', -5],
  ['maximum_value', 'BIGINT', -5],
  ['start_value', 'BIGINT', -5],
  ['increment', 'BIGINT', -5],
  ['cache_size', 'BIGINT UNSIGNED', -5],
  ['cycle_option', 'TINYINT UNSIGNED', 5],
  ['cycle_count', 'BIGINT', -5],
];

export function sequenceTable(name: { readonly database: string; readonly name: string }): TableSchema {
  const columns = COLUMNS.map(
    ([column, typeName, jdbcType]): ColumnSchema => ({
      name: column,
      position: 0,
      typeName,
      jdbcType,
      length: null,
      scale: null,
      charset: null,
      optional: false,
      autoIncremented: false,
      generated: false,
      comment: null,
      hasDefault: false,
      defaultValue: null,
      labels: [],
    }),
  );
  return withKey({ ...name, columns, primaryKey: [], charset: null, comment: null }, []);
}
