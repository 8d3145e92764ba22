import { NULL_VALUE, type Row, type RowChange } from '../../decoders/change.ts';
import type { ValueCodec } from '../model/codec.ts';
import type { ColumnMapping, TableMapping } from '../model/plugin.ts';
import type { Schema } from '../model/schema.ts';

/**
 * A row is older than the catalog that describes it: by the time it is read, its column may have become NOT NULL, or
 * another column may have its name. (And a NOT NULL that is NOT VALID says nothing of older rows.) What stands for an
 * absent value must then not stand for a NULL: the column becomes optional for the rest of this table version.
 */
export function isNotNull({ codec }: ColumnMapping): boolean {
  return !codec.schema.optional || codec.missing !== null;
}

/** Whether a whole row image of the change holds NULL in one of the columns. */
export function holdsNull({ before, after }: RowChange, columns: readonly ColumnMapping[]): boolean {
  return (after !== null && rowHoldsNull(after, columns)) || (before !== null && rowHoldsNull(before, columns));
}

/** The mapping with every column optional in which the change holds a NULL. */
export function allowNulls(mapping: TableMapping, change: RowChange): TableMapping {
  return {
    ...mapping,
    columns: mapping.columns.map((column) =>
      isNotNull(column) && holdsNull(change, [column]) ? { ...column, codec: optionalCodec(column.codec) } : column,
    ),
  };
}

/** In a key-only image the other columns are absent, not NULL. */
function rowHoldsNull(row: Row, columns: readonly ColumnMapping[]): boolean {
  if (row.image !== 'full') return false;
  return columns.some(({ index }) => row.spans[row.base + 2 * index] === NULL_VALUE);
}

/** Without the default, which converters put in the place of a null. */
function optionalCodec(codec: ValueCodec): ValueCodec {
  const { default: _, ...rest } = codec.schema;
  const schema: Schema = { ...rest, optional: true };
  return {
    schema,
    missing: null,
    unavailable: codec.unavailable,
    read: (bytes, start, end) => codec.read(bytes, start, end),
    write: (sink, bytes, start, end) => codec.write(sink, bytes, start, end),
  };
}
