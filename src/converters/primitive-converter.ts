import { TailraceError } from '../model/errors.ts';
import type { Converter } from '../model/plugin.ts';
import type { Schema, SchemaType, Value } from '../model/schema.ts';

/** Kafka's serializers of single values, big-endian, by the last part of their converters' class names. */
const PRIMITIVES: Readonly<Record<string, { readonly types: readonly SchemaType[]; encode(value: Value): Buffer }>> = {
  ByteArrayConverter: { types: ['bytes'], encode: (value) => Buffer.from(value as Uint8Array) },
  BooleanConverter: { types: ['boolean'], encode: (value) => Buffer.from([value === true ? 1 : 0]) },
  ShortConverter: { types: ['int16'], encode: (value) => written(2, (to) => to.writeInt16BE(value as number)) },
  IntegerConverter: { types: ['int32'], encode: (value) => written(4, (to) => to.writeInt32BE(value as number)) },
  LongConverter: { types: ['int64'], encode: (value) => written(8, (to) => to.writeBigInt64BE(value as bigint)) },
  FloatConverter: { types: ['float32'], encode: (value) => written(4, (to) => to.writeFloatBE(value as number)) },
  DoubleConverter: { types: ['float64'], encode: (value) => written(8, (to) => to.writeDoubleBE(value as number)) },
};

function written(bytes: number, write: (to: Buffer) => void): Buffer {
  const to = Buffer.alloc(bytes);
  write(to);
  return to;
}

/** One of org.apache.kafka.connect.converters: it takes values of its own type and no others. */
export function createPrimitiveConverter(className: string): Converter {
  const simple = className.slice(className.lastIndexOf('.') + 1);
  const primitive = PRIMITIVES[simple];
  if (primitive === undefined) throw new TypeError(`${className} is no converter of single values`);
  const refuse = (topic: string, { type }: Schema): never => {
    throw new TailraceError(
      'converter.schema',
      `${simple} cannot write records of ${topic}: they are of type ${type}`,
      {
        remedy: `It takes ${primitive.types.join(', ')}. Choose another key.converter or value.converter, such as org.apache.kafka.connect.json.JsonConverter.`,
      },
    );
  };
  return {
    toBytes(topic, schema, value) {
      if (value === null || schema === null) return null;
      return primitive.types.includes(schema.type) ? primitive.encode(value) : refuse(topic, schema);
    },
  };
}
