import type { Schema, SchemaType } from '../../model/schema.ts';
import { JsonSink } from './json-sink.ts';
import type { JsonFormat } from './json-value.ts';

const TYPE_NAMES: Readonly<Record<SchemaType, string>> = {
  int8: 'int8',
  int16: 'int16',
  int32: 'int32',
  int64: 'int64',
  float32: 'float',
  float64: 'double',
  boolean: 'boolean',
  string: 'string',
  bytes: 'bytes',
  array: 'array',
  map: 'map',
  struct: 'struct',
};

/**
 * A Connect schema as JsonConverter prints it: `type`, then `fields`, `items` or `keys` and `values`, then `optional`,
 * `name`, `version`, `doc`, `parameters`, `default`; and `field` last, in a struct's field.
 */
export function formatJsonSchema(schema: Schema, format: JsonFormat): string {
  const sink = new JsonSink(undefined, format);
  writeSchema(sink, schema, null);
  return sink.buffer.toString('utf8', 0, sink.position);
}

function writeSchema(sink: JsonSink, schema: Schema, field: string | null): void {
  sink.ascii(`{"type":"${TYPE_NAMES[schema.type]}"`);
  if (schema.fields !== undefined) {
    sink.ascii(',"fields":[');
    schema.fields.forEach(({ name, schema: fieldSchema }, i) => {
      if (i > 0) sink.ascii(',');
      writeSchema(sink, fieldSchema, name);
    });
    sink.ascii(']');
  }
  for (const part of ['items', 'keys', 'values'] as const) {
    const inner = schema[part];
    if (inner === undefined) continue;
    sink.ascii(`,"${part}":`);
    writeSchema(sink, inner, null);
  }
  sink.ascii(`,"optional":${schema.optional}`);
  writeText(sink, 'name', schema.name);
  if (schema.version !== undefined) sink.ascii(`,"version":${schema.version}`);
  writeText(sink, 'doc', schema.doc);
  writeParameters(sink, schema.parameters);
  if (schema.default !== undefined && schema.default !== null) {
    sink.ascii(',"default":');
    sink.value(schema, schema.default);
  }
  writeText(sink, 'field', field ?? undefined);
  sink.ascii('}');
}

function writeText(sink: JsonSink, key: string, text: string | undefined): void {
  if (text === undefined) return;
  sink.ascii(`,"${key}":`);
  sink.string(text);
}

function writeParameters(sink: JsonSink, parameters: Schema['parameters']): void {
  if (parameters === undefined) return;
  sink.ascii(',"parameters":{');
  Object.entries(parameters).forEach(([key, value], i) => {
    if (i > 0) sink.ascii(',');
    sink.string(key);
    sink.ascii(':');
    sink.string(value);
  });
  sink.ascii('}');
}
