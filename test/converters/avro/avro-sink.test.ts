import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AvroSink } from '../../../src/converters/avro/avro-sink.ts';
import { avscWriter } from '../../../src/converters/avro/avsc-type.ts';
import type { Schema, SchemaType, Value } from '../../../src/model/schema.ts';
import { Random } from '../../crash/random.ts';

const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);

function written(write: (sink: AvroSink) => void): string {
  // So small that it grows within a value.
  const sink = new AvroSink(Buffer.alloc(1));
  write(sink);
  return sink.buffer.toString('hex', 0, sink.position);
}

function byAvsc(type: SchemaType, value: Value): string {
  const schema: Schema = { type, optional: false };
  return avscWriter(schema, false).toBuffer(value).toString('hex');
}

const BORDERS = [
  0n,
  1n,
  63n,
  64n,
  2n ** 29n,
  2n ** 30n,
  2n ** 31n,
  2n ** 34n,
  2n ** 52n,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n,
];

test(`integers of every width are avsc’s, whichever way they come (TEST_SEED=${SEED})`, () => {
  const random = new Random(SEED);
  const near = BORDERS.flatMap((border) => [-2n, -1n, 0n, 1n].flatMap((by) => [border + by, -border + by]));
  const drawn = Array.from({ length: 3000 }, () => {
    const bits = BigInt(random.integer(1, 63));
    return (
      BigInt.asIntN(64, (BigInt(random.integer(0, 2 ** 32 - 1)) << 32n) | BigInt(random.integer(0, 2 ** 32 - 1))) >>
      (63n - bits)
    );
  });
  for (const value of [...near, ...drawn]) {
    if (BigInt.asIntN(64, value) !== value) continue;
    const expected = byAvsc('int64', value);
    assert.equal(
      written((sink) => sink.bigint(value)),
      expected,
      `${value}`,
    );
    const text = Buffer.from(`x${value}x`);
    assert.equal(
      written((sink) => sink.integerText(text, 1, text.length - 1)),
      expected,
      `text ${value}`,
    );
    if (Number.isSafeInteger(Number(value))) {
      assert.equal(
        written((sink) => sink.integer(Number(value))),
        expected,
        `number ${value}`,
      );
    }
  }
});

test('texts, bytes and floats are avsc’s, of every length', () => {
  for (const length of [0, 1, 31, 32, 33, 63, 64, 65, 5000]) {
    for (const letter of ['a', 'é', '😀']) {
      const text = letter.repeat(length);
      const bytes = Buffer.from(`<${text}>`);
      const expected = byAvsc('string', text);
      assert.equal(
        written((sink) => sink.string(text)),
        expected,
      );
      assert.equal(
        written((sink) => sink.utf8(bytes, 1, bytes.length - 1)),
        expected,
      );
      assert.equal(
        written((sink) => sink.binary(bytes, 1, bytes.length - 1)),
        expected,
      );
    }
  }
  for (const value of [0, -0, 1.5, -3.25, Number.NaN, Number.POSITIVE_INFINITY, 5e-324, 1.7976931348623157e308]) {
    assert.equal(
      written((sink) => sink.float64(value)),
      byAvsc('float64', value),
    );
    assert.equal(
      written((sink) => sink.float32(Math.fround(value))),
      byAvsc('float32', Math.fround(value)),
    );
  }
});

test('half of a surrogate pair is a question mark, as in Java', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['\ud83d', '?'],
    [`${'ä'.repeat(40)}\ud83d`, `${'ä'.repeat(40)}?`],
    ['\ude00x\ufffd', '?x\ufffd'],
  ];
  for (const [text, expected] of cases) {
    const hex = written((sink) => sink.string(text));
    assert.ok(hex.endsWith(Buffer.from(expected).toString('hex')), hex);
    assert.equal(byAvsc('string', text), hex);
  }
});
