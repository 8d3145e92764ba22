import { ABSENT_VALUE, NULL_VALUE, type Row, type RowChange } from '../../decoders/change.ts';
import type { ValueCodec } from '../model/codec.ts';
import type { ColumnMapping, TableMapping } from '../model/plugin.ts';
import type { Schema } from '../model/schema.ts';

/**
 * A row is older than the catalog that describes it: by the time it is read, its column may have become NOT NULL, or
 * another column may have its name. (And a NOT NULL that is NOT VALID says nothing of older rows.) What stands for an
 * absent value must then not stand for a NULL: the column becomes optional for the rest of this table version. So it does
 * where a row image leaves a value out, nothing lends it, and its type has no placeholder: it is null then, too, and not
 * the column's default.
 */
export function isNotNull({ codec }: ColumnMapping): boolean {
  return !codec.schema.optional || codec.missing !== null;
}

/** A null in place of what a row image leaves out would not come out as one: the column holds none, or has a default. */
export function needsValue(column: ColumnMapping): boolean {
  return column.codec.unavailable === null && (isNotNull(column) || column.codec.schema.default !== undefined);
}

/** Columns in which a null may have to be admitted. */
export function isGuarded(column: ColumnMapping): boolean {
  return isNotNull(column) || needsValue(column);
}

/** Whether a row of the change holds a NULL that may not be in one of the columns, or nothing that can be told. */
export function holdsNull({ before, after }: RowChange, columns: readonly ColumnMapping[]): boolean {
  return (
    (after !== null && rowHoldsNull(after, before, columns)) || (before !== null && rowHoldsNull(before, null, columns))
  );
}

/** The mapping with every column optional in which the change holds a NULL. */
export function allowNulls(mapping: TableMapping, change: RowChange): TableMapping {
  return {
    ...mapping,
    columns: mapping.columns.map((column) =>
      isGuarded(column) && holdsNull(change, [column]) ? { ...column, codec: optionalCodec(column.codec) } : column,
    ),
  };
}

/** In a key-only image the other columns are absent, not NULL. `lender` has the values that `row` leaves out. */
export function rowHoldsNull(row: Row, lender: Row | null, columns: readonly ColumnMapping[]): boolean {
  if (row.image === 'key') return false;
  return columns.some((column) => {
    const start = row.spans[row.base + 2 * column.index];
    if (start === NULL_VALUE) return isNotNull(column);
    if (start! >= 0) return false;
    if (lender === null || !hasValue(lender, column.index)) return start === ABSENT_VALUE && needsValue(column);
    return lender.spans[lender.base + 2 * column.index] === NULL_VALUE && isNotNull(column);
  });
}

/** Whether a row image tells a column's value: a key-only one in its key columns, where no NULL is, others but for what was not sent. */
export function hasValue(row: Row, index: number): boolean {
  const start = row.spans[row.base + 2 * index]!;
  return start >= 0 || (start === NULL_VALUE && row.image !== 'key');
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
