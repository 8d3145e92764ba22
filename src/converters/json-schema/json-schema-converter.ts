import { isDeepStrictEqual } from 'node:util';
import { TailraceError } from '../../model/errors.ts';
import type { Converter } from '../../model/plugin.ts';
import type { Schema } from '../../model/schema.ts';
import { createJsonConverter } from '../json/json-converter.ts';
import { createJsonFormat } from '../json/json-format.ts';
import type { JsonFormat } from '../json/json-value.ts';
import { RegistryClient } from '../registry/client.ts';
import type { HttpSend } from '../registry/http.ts';
import { SchemaIds } from '../registry/schema-ids.ts';
import type { RegistrySettings } from '../registry/settings.ts';
import { formatJsonSchemaText, toJsonSchema } from './connect-to-json-schema.ts';

export interface JsonSchemaConverterOptions extends JsonFormat {
  readonly side: 'key' | 'value';
  readonly registry: RegistrySettings;
  readonly send: HttpSend;
}

const NOTHING = Buffer.alloc(0);

/**
 * Confluent's io.confluent.connect.json.JsonSchemaConverter, writing side: a zero byte, the id that the registry has for the JSON
 * Schema, and the value as JSON.
 */
export function createJsonSchemaConverter(options: JsonSchemaConverterOptions): Converter {
  const { side, registry, send, decimalFormat, replaceNullWithDefault } = options;
  const format: JsonFormat = { decimalFormat, replaceNullWithDefault };
  const json = createJsonConverter({ ...format, schemasEnable: false });
  const ids = new SchemaIds({
    side,
    type: 'JSON',
    settings: registry,
    client: new RegistryClient(registry, send),
    formOf: (schema, topic) => {
      refuseKeys(schema, topic);
      return { text: formatJsonSchemaText(toJsonSchema(schema, json.text)), record: schema.name ?? null };
    },
    isSameLayout: (one, other) => isDeepStrictEqual(JSON.parse(one), JSON.parse(other)),
  });
  const frame = (topic: string, schema: Schema) => ({ start: ids.prefix(topic, schema), end: NOTHING });
  return {
    toBytes(topic, schema, value) {
      if (value === null || schema === null) return null;
      return Buffer.concat([ids.prefix(topic, schema), json.toBytes(topic, schema, value)!]);
    },
    prepare: (topic, schema, signal) => ids.prepare(topic, schema, signal),
    ...(json.format === undefined ? {} : { format: createJsonFormat({ format, text: json.text, frame }) }),
  };
}

/** No source here has maps of anything but strings, and JSON has no others. */
function refuseKeys(schema: Schema, topic: string): void {
  if (schema.type === 'map' && schema.keys!.type !== 'string') {
    throw new TailraceError('converter.schema', `records of ${topic} hold a map whose keys are no strings`, {
      remedy: 'Leave the column out with column.exclude.list, or choose the Avro converter.',
    });
  }
  for (const inner of [schema.items, schema.values, ...(schema.fields ?? []).map((field) => field.schema)]) {
    if (inner !== undefined) refuseKeys(inner, topic);
  }
}
