import { TailraceError } from '../../model/errors.ts';
import type { Converter } from '../../model/plugin.ts';
import type { Schema, Value } from '../../model/schema.ts';
import { RegistryClient } from '../registry/client.ts';
import type { HttpSend } from '../registry/http.ts';
import { type SchemaForm, SchemaIds } from '../registry/schema-ids.ts';
import type { RegistrySettings } from '../registry/settings.ts';
import { createAvroFormat } from './avro-format.ts';
import { isSameLayout } from './avro-layout.ts';
import { AvroNameClash, formatAvroSchema, fullNameOf } from './avro-schema.ts';
import { NullRefusal } from './avro-value.ts';
import { type AvscWriter, avscWriter } from './avsc-type.ts';
import { type AvroMapping, toAvroSchema } from './connect-to-avro.ts';
import { checkNames } from './name-check.ts';

export interface AvroConverterOptions extends AvroMapping {
  readonly side: 'key' | 'value';
  readonly registry: RegistrySettings;
  /** `ignore.default.for.nullables` */
  readonly keepsNull: boolean;
  readonly send: HttpSend;
}

/**
 * Confluent's io.confluent.connect.avro.AvroConverter, writing side: a zero byte, the id that the registry has for the schema,
 * and the value in Avro's binary encoding.
 */
export function createAvroConverter(options: AvroConverterOptions): Converter {
  const { side, registry, keepsNull, send } = options;
  const ids = new SchemaIds({
    side,
    type: 'AVRO',
    settings: registry,
    client: new RegistryClient(registry, send),
    formOf: (schema, topic) => avroForm(schema, topic, options),
    isSameLayout,
  });
  const writers = new WeakMap<Schema, AvscWriter>();
  return {
    toBytes(topic, schema, value) {
      if (value === null || schema === null) return null;
      let writer = writers.get(schema);
      if (writer === undefined) {
        writer = avscWriter(schema, keepsNull);
        writers.set(schema, writer);
      }
      return Buffer.concat([ids.prefix(topic, schema), encode(writer, topic, value)]);
    },
    prepare: (topic, schema, signal) => ids.prepare(topic, schema, signal),
    format: createAvroFormat({ keepsNull, prefix: (topic, schema) => ids.prefix(topic, schema) }),
  };
}

function encode(writer: AvscWriter, topic: string, value: Value): Buffer {
  try {
    return writer.toBuffer(value);
  } catch (cause) {
    if (!(cause instanceof NullRefusal)) throw cause;
    throw new TailraceError('source.value', `${topic}: ${cause.message}`, {
      remedy: 'Leave the column out with column.exclude.list.',
      cause,
    });
  }
}

function avroForm(schema: Schema, topic: string, mapping: AvroMapping): SchemaForm {
  const avro = toAvroSchema(schema, mapping);
  checkNames(avro, topic);
  try {
    return { text: formatAvroSchema(avro), record: avro.kind === 'record' ? fullNameOf(avro) : null };
  } catch (error) {
    if (!(error instanceof AvroNameClash)) throw error;
    throw new TailraceError(
      'converter.schema',
      `records of ${topic} would hold two different types named ${error.message}`,
      {
        remedy:
          'Avro has one type for a name. Leave one of the columns out with column.exclude.list, or do without column.propagate.source.type for them.',
        cause: error,
      },
    );
  }
}
