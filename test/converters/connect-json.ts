import { createStruct, type Schema, type SchemaType, type Value } from '../../src/model/schema.ts';

export interface ConnectRecord {
  readonly schema: Schema;
  readonly value: Value;
}

/** Reads `{"schema":...,"payload":...}` as Kafka's JsonConverter writes it, without loss. */
export function parseConnectJson(text: string): ConnectRecord {
  const numbers = (_key: string, value: unknown, { source }: { source?: string }): unknown =>
    typeof value === 'number' ? { number: source } : value;
  // Node's own types do not know of the source text yet.
  const parse = JSON.parse as (text: string, reviver: typeof numbers) => { schema: JsonSchema; payload: unknown };
  const { schema, payload } = parse(text, numbers);
  const read = readSchema(schema);
  return { schema: read, value: readValue(read, payload) };
}

interface JsonSchema {
  readonly type: string;
  readonly optional: boolean;
  readonly name?: string;
  readonly version?: { readonly number: string };
  readonly doc?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly default?: unknown;
  readonly fields?: readonly (JsonSchema & { readonly field: string })[];
  readonly items?: JsonSchema;
  readonly keys?: JsonSchema;
  readonly values?: JsonSchema;
}

const TYPES: Readonly<Record<string, SchemaType>> = { float: 'float32', double: 'float64' };

function readSchema(json: JsonSchema): Schema {
  const { optional, name, version, doc, parameters, fields, items, keys, values } = json;
  const schema: Schema = {
    type: TYPES[json.type] ?? (json.type as SchemaType),
    optional,
    ...(name === undefined ? {} : { name }),
    ...(version === undefined ? {} : { version: Number(version.number) }),
    ...(doc === undefined ? {} : { doc }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(fields === undefined
      ? {}
      : { fields: fields.map((field) => ({ name: field.field, schema: readSchema(field) })) }),
    ...(items === undefined ? {} : { items: readSchema(items) }),
    ...(keys === undefined ? {} : { keys: readSchema(keys) }),
    ...(values === undefined ? {} : { values: readSchema(values) }),
  };
  return json.default === undefined ? schema : { ...schema, default: readValue(schema, json.default) };
}

function readValue(schema: Schema, json: unknown): Value {
  if (json === null || json === undefined) return null;
  const digits = (json as { number?: string }).number;
  switch (schema.type) {
    case 'int64':
      return BigInt(digits!);
    case 'int8':
    case 'int16':
    case 'int32':
    case 'float32':
    case 'float64':
      return Number(digits ?? json);
    case 'bytes':
      return Buffer.from(json as string, 'base64');
    case 'array':
      return (json as unknown[]).map((item) => readValue(schema.items!, item));
    case 'map': {
      const entries = Array.isArray(json) ? (json as [unknown, unknown][]) : Object.entries(json as object);
      return new Map(entries.map(([key, item]) => [readValue(schema.keys!, key), readValue(schema.values!, item)]));
    }
    case 'struct': {
      const struct = createStruct();
      for (const { name, schema: of } of schema.fields!)
        struct[name] = readValue(of, (json as Record<string, unknown>)[name]);
      return struct;
    }
    default:
      return json as string | boolean;
  }
}
