import { TailraceError } from '../model/errors.ts';
import type { ColumnMapping, TableMapping } from '../model/plugin.ts';
import type { Schema } from '../model/schema.ts';
import { type ColumnTransform, codecWithSchema, transformColumn } from './column-transform.ts';
import { envelopeSchema } from './event-schemas.ts';
import { adjustFieldName, adjustSchemaName, type NameAdjustment } from './name-adjustment.ts';
import type { TopicNaming } from './topic-naming.ts';

/** What the configuration says of single columns. Ids are `schema.table` and `schema.table.column`. */
export interface ColumnRules {
  includes(columnId: string): boolean;
  /** Columns of `message.key.columns` for a table, null when the primary key stands. */
  keyColumns(collectionId: string): readonly string[] | null;
  transform(columnId: string): ColumnTransform | null;
  /** `column.propagate.source.type`, `datatype.propagate.source.type`. */
  propagates(columnId: string, typeIds: readonly string[]): boolean;
}

export interface ShapeOptions {
  readonly naming: TopicNaming;
  readonly rules: ColumnRules;
  readonly source: Schema;
  readonly schemaNames: NameAdjustment;
  readonly fieldNames: NameAdjustment;
}

/** A table version as it appears on its topic: fields of the value and of the key, and their schemas. */
export interface TableShape {
  readonly mapping: TableMapping;
  readonly topic: string;
  readonly fields: readonly ColumnMapping[];
  /** Key fields in key order; empty when there is no key. */
  readonly key: readonly ColumnMapping[];
  readonly keySchema: Schema | null;
  readonly rowSchema: Schema;
  readonly envelopeSchema: Schema;
}

export function shapeTable(mapping: TableMapping, options: ShapeOptions): TableShape {
  const { naming, rules, schemaNames } = options;
  const topic = naming.data(mapping.topicParts);
  const key = keyOf(mapping, rules).map((index) => keyField(mapping, mapping.columns[index]!, options));
  const fields = mapping.columns
    .filter((column) => rules.includes(columnId(mapping, column)))
    .map((column) => valueField(mapping, column, options));
  for (const columns of [key, fields]) refuseTwins(mapping, columns);
  const rowSchema = structSchema(adjustSchemaName(`${topic}.Value`, schemaNames), fields, true);
  return {
    mapping,
    topic,
    fields,
    key,
    keySchema: key.length === 0 ? null : structSchema(adjustSchemaName(`${topic}.Key`, schemaNames), key, false),
    rowSchema,
    envelopeSchema: envelopeSchema(adjustSchemaName(`${topic}.Envelope`, schemaNames), rowSchema, options.source),
  };
}

/** Adjusted names can meet, and a struct has room for one of them only. */
function refuseTwins({ collectionId, table }: TableMapping, fields: readonly ColumnMapping[]): void {
  const columns = new Map<string, ColumnMapping>();
  for (const field of fields) {
    const twin = columns.get(field.name);
    columns.set(field.name, field);
    if (twin === undefined || twin.index === field.index) continue;
    const [one, other] = [twin, field].map(({ index }) => table.columns[index]?.name);
    throw new TailraceError(
      'source.table',
      `columns ${one} and ${other} of ${collectionId} would both be ${field.name}`,
      {
        remedy: 'Set field.name.adjustment.mode to avro_unicode, or leave one of them out with column.exclude.list.',
      },
    );
  }
}

/** Of the settings of a column the first that fits counts, in Debezium's order: a transformed column tells no type. */
function valueField(mapping: TableMapping, column: ColumnMapping, { rules, fieldNames }: ShapeOptions): ColumnMapping {
  const id = columnId(mapping, column);
  const transform = rules.transform(id);
  const typeIds = [`${mapping.collectionId}.${column.sourceType.name}`, column.sourceType.name];
  const field =
    transform !== null
      ? transformColumn(column, transform)
      : rules.propagates(id, typeIds)
        ? propagateSourceType(column)
        : column;
  return { ...field, name: adjustFieldName(column.name, fieldNames) };
}

/** What is masked in the value must not stand in the key either. A cut key would be another row's, so it stays whole. */
function keyField(mapping: TableMapping, column: ColumnMapping, { rules, fieldNames }: ShapeOptions): ColumnMapping {
  const transform = rules.transform(columnId(mapping, column));
  const field = transform === null || transform.kind === 'truncate' ? column : transformColumn(column, transform);
  return { ...field, name: adjustFieldName(column.name, fieldNames) };
}

/** Field schema parameters that Debezium's JDBC sink reads to rebuild the column's type. */
function propagateSourceType(column: ColumnMapping): ColumnMapping {
  const { name, length, scale } = column.sourceType;
  const parameters: Record<string, string> = {
    ...column.codec.schema.parameters,
    '__debezium.source.column.type': name.toUpperCase(),
  };
  if (length !== null) parameters['__debezium.source.column.length'] = String(length);
  if (scale !== null) parameters['__debezium.source.column.scale'] = String(scale);
  const { doc } = column.codec.schema;
  if (doc !== undefined) parameters['__debezium.source.column.comment'] = doc;
  parameters['__debezium.source.column.name'] = column.name;
  return { ...column, codec: codecWithSchema(column.codec, { ...column.codec.schema, parameters }) };
}

function keyOf(mapping: TableMapping, rules: ColumnRules): readonly number[] {
  const named = rules.keyColumns(mapping.collectionId);
  if (named === null) return mapping.primaryKey;
  return named.map((name) => mapping.columns.findIndex((column) => column.name === name)).filter((i) => i !== -1);
}

function columnId(mapping: TableMapping, column: ColumnMapping): string {
  return `${mapping.collectionId}.${column.name}`;
}

function structSchema(name: string, columns: readonly ColumnMapping[], optional: boolean): Schema {
  return {
    type: 'struct',
    optional,
    name,
    fields: columns.map((column) => ({ name: column.name, schema: column.codec.schema })),
  };
}
