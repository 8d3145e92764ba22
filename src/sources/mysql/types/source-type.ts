import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import type { ColumnMapping } from '../../../model/plugin.ts';

/** Name, length and scale of a column's type as its DDL has them, which is what Debezium tells of it. */
export function sourceTypeOf(column: ColumnSchema): ColumnMapping['sourceType'] {
  return { name: column.typeName.toUpperCase(), length: column.length, scale: column.scale };
}
