import assert from 'node:assert/strict';
import { createAvroFormat } from '../../../src/converters/avro/avro-format.ts';
import { AvroSink } from '../../../src/converters/avro/avro-sink.ts';
import { NullRefusal } from '../../../src/converters/avro/avro-value.ts';
import { avscWriter } from '../../../src/converters/avro/avsc-type.ts';
import type { ValueCodec } from '../../../src/model/codec.ts';
import { createStruct, type Value } from '../../../src/model/schema.ts';

const format = createAvroFormat({ keepsNull: false, prefix: () => Buffer.alloc(0) });

/** A column's value, and what stands for none, must be the same Avro on the compiled road as avsc makes of the structured one. */
export function assertAvroAgrees(codec: ValueCodec, bytes: Buffer, start: number, end: number): void {
  const sourceType = { name: 'type', length: null, scale: null };
  const pieces = format.row([{ index: 0, name: 'c', codec, sourceType }]);
  const writer = avscWriter({ type: 'struct', optional: false, fields: [{ name: 'c', schema: codec.schema }] }, false);
  const structured = (value: Value): string =>
    writer.toBuffer(Object.assign(createStruct(), { c: value })).toString('hex');
  const compiled = (): string => {
    const sink = new AvroSink(Buffer.alloc(1));
    sink.raw(pieces.before[0]!);
    pieces.codecs[0]!.write(sink, bytes, start, end);
    return sink.buffer.toString('hex', 0, sink.position);
  };
  const orRefusal = (encode: () => string): string => {
    try {
      return encode();
    } catch (error) {
      if (error instanceof NullRefusal) return error.message;
      throw error;
    }
  };
  const value = codec.read(bytes, start, end);
  assert.equal(
    orRefusal(compiled),
    orRefusal(() => structured(value)),
    'Avro',
  );
  for (const constant of ['missing', 'unavailable'] as const) {
    // A required column of a type that is never left out has nothing to stand for that.
    if (codec[constant] === null && !codec.schema.optional && codec.schema.default === undefined) continue;
    assert.equal(pieces[constant][0]?.toString('hex'), structured(codec[constant]), constant);
  }
}
