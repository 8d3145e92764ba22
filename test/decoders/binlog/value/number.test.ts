import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decimalByteLength, parseDecimal } from '../../../../decoders/binlog/value/decimal.ts';
import { formatFloat64, parseFloat32, parseFloat64 } from '../../../../decoders/binlog/value/float.ts';
import {
  parseSigned,
  parseSigned64,
  parseUnsigned,
  parseUnsigned64,
} from '../../../../decoders/binlog/value/integer.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import { formatDecimal } from '../../../../decoders/pgoutput/text/numeric.ts';
import { randomSource, SEED } from '../seeded-random.ts';
import { inside } from './inside.ts';

test('integers of every width are read signed and unsigned', () => {
  const values: [hex: string, signed: number, unsigned: number][] = [
    ['00', 0, 0],
    ['7f', 127, 127],
    ['80', -128, 128],
    ['ff', -1, 255],
    ['0080', -32_768, 32_768],
    ['ff7f', 32_767, 32_767],
    ['000080', -8_388_608, 8_388_608],
    ['ffffff', -1, 16_777_215],
    ['00000080', -2_147_483_648, 2_147_483_648],
    ['ffffffff', -1, 4_294_967_295],
    ['15cd5b07', 123_456_789, 123_456_789],
  ];
  for (const [hex, signed, unsigned] of values) {
    assert.equal(inside(hex, parseSigned), signed, hex);
    assert.equal(inside(hex, parseUnsigned), unsigned, hex);
  }
  assert.equal(inside('0000000000000080', parseSigned64), -9_223_372_036_854_775_808n);
  assert.equal(inside('ffffffffffffffff', parseUnsigned64), 18_446_744_073_709_551_615n);
  for (const hex of ['', '0000000000']) assert.throws(() => inside(hex, parseSigned), DecodeError);
  assert.throws(() => inside('00', parseUnsigned64), DecodeError);
});

test('floats are the doubles that equal them', () => {
  assert.equal(inside('0000c03f', parseFloat32), 1.5);
  assert.equal(inside('cdcccc3d', parseFloat32), Math.fround(0.1));
  assert.ok(Object.is(inside('00000080', parseFloat32), -0));
  assert.equal(inside('000000000000f03f', parseFloat64), 1);
  assert.throws(() => inside('0000c0', parseFloat32), DecodeError);
  assert.throws(() => inside('0000c03f', parseFloat64), DecodeError);
});

test('a double has the server’s text', () => {
  const texts: [number, string][] = [
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [-1.5, '-1.5'],
    [0.1, '0.1'],
    [1e14, '100000000000000'],
    [1e15, '1e15'],
    [1.5e15, '1.5e15'],
    [123_456_789_012_345.6, '123456789012345.6'],
    [1e-15, '0.000000000000001'],
    [1e-16, '1e-16'],
    [-1.797_693_134_862_315_7e308, '-1.7976931348623157e308'],
    [5e-324, '5e-324'],
  ];
  for (const [value, text] of texts) assert.equal(formatFloat64(value), text);
});

function decimal(hex: string, precision: number, scale: number): string {
  return inside(hex, (bytes, start, end) => formatDecimal(parseDecimal(bytes, start, end, precision, scale), scale));
}

test('decimals are exact, of both signs, to DECIMAL(65, 30)', () => {
  // The first two are the example of decimal2bin's comment in the server.
  assert.equal(decimal('810dfb38d204d2', 14, 4), '1234567890.1234');
  assert.equal(decimal('7ef204c72dfb2d', 14, 4), '-1234567890.1234');
  assert.equal(decimal('80', 1, 0), '0');
  assert.equal(decimal('7f', 1, 0), '0');
  assert.equal(decimal('80', 2, 2), '0.00');
  assert.equal(decimal('e3', 2, 2), '0.99');
  assert.throws(() => decimal('e4', 2, 2), DecodeError);
  assert.throws(() => decimal('8000', 2, 2), DecodeError);
  assert.throws(() => decimal('80', 0, 0), DecodeError);
  assert.throws(() => decimal('80', 1, 2), DecodeError);
});

/** decimal2bin from the digits, written against the manual's description and not against the decoder. */
function encodeDecimal(digits: string, isNegative: boolean, precision: number, scale: number): Buffer {
  const lengths = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
  const whole = digits.slice(0, precision - scale);
  const fraction = digits.slice(precision - scale);
  const groups: string[] = [];
  const lead = whole.length % 9;
  if (lead > 0) groups.push(whole.slice(0, lead));
  for (let at = lead; at < whole.length; at += 9) groups.push(whole.slice(at, at + 9));
  for (let at = 0; at < fraction.length; at += 9) groups.push(fraction.slice(at, at + 9));
  const bytes = Buffer.concat(
    groups.map((group) => {
      const encoded = Buffer.alloc(4);
      encoded.writeUInt32BE(Number(group));
      return encoded.subarray(4 - lengths[group.length]!);
    }),
  );
  if (isNegative) for (let i = 0; i < bytes.length; i++) bytes[i]! ^= 0xff;
  bytes[0]! ^= 0x80;
  return bytes;
}

test(`every decimal reads back as its digits (TEST_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  for (let i = 0; i < 3000; i++) {
    const precision = 1 + random(65);
    const scale = random(Math.min(precision, 38) + 1);
    const digits = Array.from({ length: precision }, () => (random(4) === 0 ? 9 : random(10))).join('');
    const isZero = /^0*$/.test(digits);
    const isNegative = !isZero && random(2) === 0;
    const bytes = encodeDecimal(digits, isNegative, precision, scale);
    assert.equal(bytes.length, decimalByteLength(precision, scale));
    const unscaled = inside(bytes, (b, start, end) => parseDecimal(b, start, end, precision, scale));
    assert.equal(BigInt(unscaled), isNegative ? -BigInt(digits) : BigInt(digits), `decimal(${precision}, ${scale})`);
    assert.equal(typeof unscaled, Number.isSafeInteger(Number(unscaled)) ? 'number' : 'bigint');
  }
});
