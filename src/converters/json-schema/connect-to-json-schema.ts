import type { Schema, Value } from '../../model/schema.ts';

/** A JSON Schema as an object to be printed; a default is JSON text already, whose numbers stay as they are written. */
export type JsonSchema = { [key: string]: unknown };

/** Stands in an object for JSON text. */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const DECIMAL = 'org.apache.kafka.connect.data.Decimal';
const NAMESPACE = 'io.confluent.connect.json';

/** A Connect schema as JSON Schema, as Confluent's JsonSchemaData maps it. `textOf` gives the JSON text of a default. */
export function toJsonSchema(schema: Schema, textOf: (schema: Schema, value: Value) => string): JsonSchema {
  return mapped(schema, null, textOf);
}

/** `index`: the place of a field in its struct, by which a reader puts them in order again. */
function mapped(schema: Schema, index: number | null, textOf: (schema: Schema, value: Value) => string): JsonSchema {
  const place = index === null ? {} : { 'connect.index': index };
  if (!schema.optional) return { ...described(schema, textOf), ...place };
  const of = described(schema, textOf);
  // A struct is known by its fields; anything else keeps its place besides.
  return { oneOf: [{ type: 'null' }, of], ...place };
}

function described(schema: Schema, textOf: (schema: Schema, value: Value) => string): JsonSchema {
  const { name, doc, version, parameters, default: byDefault } = schema;
  const own = Object.entries(parameters ?? {}).filter(([key]) => !key.startsWith(NAMESPACE));
  return {
    ...(name === undefined ? {} : { title: name }),
    ...(doc === undefined ? {} : { description: doc }),
    ...(byDefault === undefined || byDefault === null ? {} : { default: new RawJson(textOf(schema, byDefault)) }),
    ...typeOf(schema, textOf),
    ...(version === undefined ? {} : { 'connect.version': version }),
    ...(own.length === 0 ? {} : { 'connect.parameters': Object.fromEntries(own) }),
  };
}

function typeOf(schema: Schema, textOf: (schema: Schema, value: Value) => string): JsonSchema {
  const { type } = schema;
  switch (type) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return { type: 'integer', 'connect.type': type };
    case 'float32':
    case 'float64':
      return { type: 'number', 'connect.type': type };
    case 'boolean':
    case 'string':
      return { type };
    case 'bytes':
      return { type: schema.name === DECIMAL ? 'number' : 'string', 'connect.type': type };
    case 'array':
      return { type, items: mapped(schema.items!, null, textOf) };
    case 'map':
      return { type: 'object', additionalProperties: mapped(schema.values!, null, textOf), 'connect.type': type };
    case 'struct': {
      const fields = schema.fields!.map((field, i) => [field.name, mapped(field.schema, i, textOf)] as const);
      return { type: 'object', properties: Object.fromEntries(fields) };
    }
  }
}

export function formatJsonSchemaText(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map(formatJsonSchemaText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${formatJsonSchemaText(inner)}`);
  return `{${entries.join(',')}}`;
}
