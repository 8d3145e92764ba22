import avsc from 'avsc';
import type { Schema, Struct, Value } from '../../model/schema.ts';
import { isNullFirst, NullRefusal, toJavaText } from './avro-value.ts';

/** Writes values of one Connect schema in Avro's binary encoding, by avsc. */
export interface AvscWriter {
  /** @throws NullRefusal */
  toBuffer(value: Value): Buffer;
}

/**
 * The encoding does not hold names, defaults or properties, so avsc is told none: a topic's name need not be a name that avsc
 * allows, and a field's may be one that JavaScript has a use for.
 */
export function avscWriter(schema: Schema, keepsNull: boolean): AvscWriter {
  const type = avsc.Type.forSchema(layout(schema, { count: 0 }), { registry: { long: LONG } });
  return { toBuffer: (value) => type.toBuffer(convert(schema, value, keepsNull)) };
}

interface Names {
  count: number;
}

function layout(schema: Schema, names: Names): avsc.Schema {
  const of = layoutOfType(schema, names);
  if (!schema.optional) return of;
  return (isNullFirst(schema) ? ['null', of] : [of, 'null']) as avsc.Schema;
}

function layoutOfType(schema: Schema, names: Names): avsc.Schema {
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
      return 'int';
    case 'int64':
      return 'long';
    case 'float32':
      return 'float';
    case 'float64':
      return 'double';
    case 'boolean':
    case 'string':
    case 'bytes':
      return schema.type;
    case 'array':
      return { type: 'array', items: layout(schema.items!, names) };
    case 'map':
      // Avro's maps are encoded as arrays of their entries are, and a map of avsc would not keep their order.
      return { type: 'array', items: record([layout(schema.keys!, names), layout(schema.values!, names)], names) };
    case 'struct':
      return record(
        schema.fields!.map((field) => layout(field.schema, names)),
        names,
      );
  }
}

function record(types: readonly avsc.Schema[], names: Names): avsc.Schema {
  return { type: 'record', name: `R${names.count++}`, fields: types.map((type, i) => ({ name: `f${i}`, type })) };
}

/** The value as avsc takes it: with a struct's default in the place of null, records by numbered fields. */
function convert(schema: Schema, given: Value, keepsNull: boolean): unknown {
  const value = given ?? (keepsNull ? null : (schema.default ?? null));
  if (value === null) {
    if (schema.optional) return null;
    throw new NullRefusal(schema);
  }
  const inner = (of: Schema, item: Value): unknown => convert(of, item, keepsNull);
  switch (schema.type) {
    case 'string':
      return toJavaText(value as string);
    case 'bytes': {
      const { buffer, byteOffset, length } = value as Uint8Array;
      return Buffer.from(buffer, byteOffset, length);
    }
    case 'array':
      return (value as readonly Value[]).map((item) => inner(schema.items!, item));
    case 'map':
      return [...(value as ReadonlyMap<Value, Value>)].map(([key, item]) => ({
        f0: inner(schema.keys!, key),
        f1: inner(schema.values!, item),
      }));
    case 'struct': {
      const record: Record<string, unknown> = {};
      schema.fields!.forEach((field, i) => {
        record[`f${i}`] = inner(field.schema, (value as Struct)[field.name] ?? null);
      });
      return record;
    }
    default:
      return value;
  }
}

/** 64 bits in a bigint: avsc packs and unpacks their eight bytes. */
const LONG = avsc.types.LongType.__with({
  toBuffer(value: bigint): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  fromJSON: (value: number | string) => BigInt(value),
  toJSON: (value: bigint) => value.toString(),
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (one: bigint, other: bigint) => (one === other ? 0 : one < other ? -1 : 1),
});
