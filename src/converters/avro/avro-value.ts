import type { Schema, Struct, Value } from '../../model/schema.ts';
import type { AvroSink } from './avro-sink.ts';

/** Connect names a map's key schema optional in none of the types that we have; Avro's own maps have required string keys. */
export function isAvroMap({ keys }: Schema): boolean {
  return keys?.type === 'string' && !keys.optional;
}

/** Null stands first in an optional field's union, or last where the field's default is not null: an Avro default is of the first branch. */
export function isNullFirst({ type, default: byDefault }: Schema): boolean {
  return type === 'struct' || byDefault === undefined || byDefault === null;
}

/** The union's branch of a value, or of null, of an optional schema: a zigzag 0 or 1. */
export function branchOf(schema: Schema, isNull: boolean): 0 | 2 {
  return isNull === isNullFirst(schema) ? 0 : 2;
}

/** Java encodes half of a surrogate pair, which a cut text may end with, as a question mark. */
export function toJavaText(text: string): string {
  return text.isWellFormed()
    ? text
    : text.toWellFormed().replace(/\ufffd/g, (mark, at: number) => (text[at] === mark ? mark : '?'));
}

/** A null that the schema does not allow, such as an element of an array of enum labels, which Debezium's schema says there is none of. */
export class NullRefusal extends Error {
  override readonly name = 'NullRefusal';

  constructor({ name, type }: Schema) {
    super(`a null, for which the schema ${name ?? type} has no room`);
  }
}

/** Writes a value or null under its schema, with the branch of its union. A default takes the place of null, as Connect's Struct does it. */
export function writeAvroValue(sink: AvroSink, schema: Schema, given: Value): void {
  const value = given ?? (sink.keepsNull ? null : (schema.default ?? null));
  if (value === null && !schema.optional) throw new NullRefusal(schema);
  if (schema.optional) sink.byte(branchOf(schema, value === null));
  if (value !== null) writeAvroBody(sink, schema, value);
}

/** Writes a value as its type is encoded, whatever union it stands in. */
export function writeAvroBody(sink: AvroSink, schema: Schema, value: Exclude<Value, null>): void {
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
      sink.integer(value as number);
      return;
    case 'int64':
      sink.bigint(value as bigint);
      return;
    case 'float32':
      sink.float32(value as number);
      return;
    case 'float64':
      sink.float64(value as number);
      return;
    case 'boolean':
      sink.boolean(value as boolean);
      return;
    case 'string':
      sink.string(value as string);
      return;
    case 'bytes':
      sink.binary(value as Uint8Array, 0, (value as Uint8Array).length);
      return;
    case 'array':
      writeArray(sink, schema.items!, value as readonly Value[]);
      return;
    case 'map':
      writeMap(sink, schema, value as ReadonlyMap<Value, Value>);
      return;
    case 'struct':
      for (const field of schema.fields!) writeAvroValue(sink, field.schema, (value as Struct)[field.name] ?? null);
      return;
  }
}

/** One block of all items, then the empty one. */
function writeArray(sink: AvroSink, items: Schema, value: readonly Value[]): void {
  if (value.length > 0) {
    sink.integer(value.length);
    for (const item of value) writeAvroValue(sink, items, item);
  }
  sink.integer(0);
}

/** A map, or an array of entries where keys are no strings. */
function writeMap(sink: AvroSink, schema: Schema, value: ReadonlyMap<Value, Value>): void {
  const isMap = isAvroMap(schema);
  if (value.size > 0) {
    sink.integer(value.size);
    for (const [key, item] of value) {
      if (isMap) sink.string(key as string);
      else writeAvroValue(sink, schema.keys!, key);
      writeAvroValue(sink, schema.values!, item);
    }
  }
  sink.integer(0);
}
