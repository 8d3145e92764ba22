import type { Schema, SchemaType } from '../../model/schema.ts';
import { formatJsonSchema } from '../json/json-schema.ts';
import { CONNECT_JSON } from '../json/json-value.ts';
import { formatDefault } from './avro-default.ts';
import { avroName, type NameParts, scrubName } from './avro-name.ts';
import { type AvroField, type AvroPrimitive, type AvroRecord, type AvroSchema, formatText } from './avro-schema.ts';
import { isAvroMap, isNullFirst } from './avro-value.ts';

/** AvroData's settings that change the schema. */
export interface AvroMapping {
  /** `connect.meta.data` */
  readonly connectMetaData: boolean;
  /** `scrub.invalid.names` */
  readonly scrubInvalidNames: boolean;
}

const CONNECT = 'org.apache.kafka.connect.data.';
export const DECIMAL = `${CONNECT}Decimal`;
const LOGICAL_TYPES: Readonly<Record<string, string>> = {
  [`${CONNECT}Date`]: 'date',
  [`${CONNECT}Time`]: 'time-millis',
  [`${CONNECT}Timestamp`]: 'timestamp-millis',
};
/** Of a decimal whose schema tells none. */
const DEFAULT_PRECISION = '64';
const NAMESPACE = 'io.confluent.connect.avro';
const MAP_ENTRY = 'MapEntry';

const PRIMITIVES: Readonly<Partial<Record<SchemaType, AvroPrimitive>>> = {
  int8: 'int',
  int16: 'int',
  int32: 'int',
  int64: 'long',
  float32: 'float',
  float64: 'double',
  boolean: 'boolean',
  string: 'string',
  bytes: 'bytes',
};

interface Context {
  readonly mapping: AvroMapping;
  /** What was mapped already, optional schemas aside, by the schema's JSON text: equal schemas are one type. */
  readonly mapped: Map<string, AvroSchema>;
  /** Records by the Connect name of their struct: a struct that is optional, an item or a map's value is known by its name alone. */
  readonly records: Map<string, AvroRecord>;
  unnamed: number;
}

/** A Connect schema as Avro, as Confluent's AvroData maps it. */
export function toAvroSchema(schema: Schema, mapping: AvroMapping): AvroSchema {
  return map(schema, { mapping, mapped: new Map(), records: new Map(), unnamed: 0 });
}

function map(schema: Schema, context: Context): AvroSchema {
  if (schema.optional) {
    const of = schema.type === 'struct' ? mapByName(required(schema), context) : describe(schema, context);
    return { kind: 'optional', of, nullFirst: isNullFirst(schema) };
  }
  const key = formatJsonSchema(schema, CONNECT_JSON);
  const known = context.mapped.get(key);
  if (known !== undefined) return known;
  const made = describe(schema, context);
  context.mapped.set(key, made);
  return made;
}

/** The type of an item, of a map's value and of an optional struct. */
function mapByName(schema: Schema, context: Context): AvroSchema {
  const record = schema.name === undefined ? undefined : context.records.get(schema.name);
  if (record === undefined) return map(schema, context);
  return schema.optional ? { kind: 'optional', of: record, nullFirst: isNullFirst(schema) } : record;
}

function required(schema: Schema): Schema {
  return { ...schema, optional: false };
}

/** The type without a union around it, with what Connect knows of the schema. */
function describe(schema: Schema, context: Context): AvroSchema {
  const type = typeOf(schema, context);
  const { props } = type;
  if (schema.name === DECIMAL) {
    props.set('scale', schema.parameters?.scale ?? '0');
    props.set('precision', schema.parameters?.['connect.decimal.precision'] ?? DEFAULT_PRECISION);
  }
  if (context.mapping.connectMetaData) addMetaData(schema, props, context.mapping);
  const logicalType = schema.name === DECIMAL ? 'decimal' : LOGICAL_TYPES[schema.name ?? ''];
  if (logicalType !== undefined) props.set('logicalType', formatText(logicalType));
  return type;
}

function addMetaData(schema: Schema, props: Map<string, string>, mapping: AvroMapping): void {
  const { doc, version, parameters, name, type } = schema;
  if (doc !== undefined) props.set('connect.doc', formatText(doc));
  if (version !== undefined) props.set('connect.version', String(version));
  if (parameters !== undefined && Object.keys(parameters).length > 0) {
    const entries = Object.entries(parameters).map(([key, value]) => `${formatText(key)}:${formatText(value)}`);
    props.set('connect.parameters', `{${entries.join(',')}}`);
  }
  if (schema.default !== undefined && schema.default !== null) {
    props.set(
      'connect.default',
      formatDefault(schema, schema.default, (field) => fieldName(field, mapping)),
    );
  }
  if (name !== undefined) props.set('connect.name', formatText(name));
  if (type === 'int8' || type === 'int16') props.set('connect.type', formatText(type));
}

function typeOf(schema: Schema, context: Context): Exclude<AvroSchema, { kind: 'optional' }> {
  const { type } = schema;
  switch (type) {
    case 'array':
      return { kind: 'array', items: mapByName(schema.items!, context), props: new Map() };
    case 'map':
      if (isAvroMap(schema)) return { kind: 'map', values: mapByName(schema.values!, context), props: new Map() };
      return { kind: 'array', items: entryRecord(schema, context), props: new Map() };
    case 'struct':
      return recordOf(schema, context);
    default:
      return { kind: 'primitive', type: PRIMITIVES[type]!, props: new Map() };
  }
}

/** An entry of a map whose keys are no strings. */
function entryRecord({ name, keys, values }: Schema, context: Context): AvroRecord {
  const props = new Map(name === undefined ? [] : [['connect.internal.type', formatText(MAP_ENTRY)]]);
  const parts = name === undefined ? { namespace: NAMESPACE, name: MAP_ENTRY } : nameOf(name, context);
  const fields = [field('key', keys!, context), field('value', values!, context)];
  return { kind: 'record', ...parts, doc: null, fields, props };
}

function recordOf({ name, fields }: Schema, context: Context): AvroRecord {
  const record: AvroRecord = { kind: 'record', ...nameOf(name, context), doc: null, fields: [], props: new Map() };
  if (name !== undefined) context.records.set(name, record);
  for (const { name: given, schema } of fields!) {
    record.fields.push(field(fieldName(given, context.mapping), schema, context));
  }
  return record;
}

function nameOf(name: string | undefined, context: Context): NameParts {
  if (name !== undefined) return avroName(name, context.mapping.scrubInvalidNames);
  context.unnamed++;
  return { namespace: NAMESPACE, name: `ConnectDefault${context.unnamed > 1 ? context.unnamed : ''}` };
}

export function fieldName(name: string, { scrubInvalidNames }: AvroMapping): string {
  return scrubInvalidNames ? scrubName(name) : name;
}

function field(name: string, schema: Schema, context: Context): AvroField {
  return { name, schema: map(schema, context), doc: null, default: fieldDefault(schema, context.mapping) };
}

/** Null: none. A struct's default cannot be one of Avro's where the struct is optional: null is the union's first branch. */
function fieldDefault(schema: Schema, mapping: AvroMapping): string | null {
  const byDefault = schema.default ?? null;
  if (byDefault === null) return schema.optional ? 'null' : null;
  if (schema.type === 'struct' && schema.optional) return null;
  return formatDefault(schema, byDefault, (name) => fieldName(name, mapping));
}
