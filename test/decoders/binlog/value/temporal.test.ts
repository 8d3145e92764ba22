import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createDateTime,
  type DateTime,
  dateEpochDays,
  dayMicros,
  formatDate,
  formatDateTime,
  formatTime,
  fractionByteLength,
  parseDate,
  parseDateTime,
  parseOldDateTime,
  parseOldTime,
  parseOldTimestamp,
  parsePackedDateTime,
  parsePackedTime,
  parseTime,
  parseTimestamp,
  parseYear,
} from '../../../../decoders/binlog/value/temporal.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import { randomSource, SEED } from '../seeded-random.ts';
import { inside } from './inside.ts';

function filled(
  hex: string | Buffer,
  parse: (bytes: Buffer, start: number, end: number, into: DateTime) => void,
): DateTime {
  const into = createDateTime();
  inside(hex, (bytes, start, end) => parse(bytes, start, end, into));
  return into;
}

function dateTime(hex: string | Buffer, digits: number): string {
  const time = filled(hex, (bytes, start, end, into) => parseDateTime(bytes, start, end, digits, into));
  return formatDateTime(time, digits);
}

function time(hex: string | Buffer, digits: number): string {
  return formatTime(
    inside(hex, (bytes, start, end) => parseTime(bytes, start, end, digits)),
    digits,
  );
}

test('dates keep what was stored, zero and partial ones too', () => {
  const dates: [hex: string, text: string, days: number | null][] = [
    ['21b20f', '2009-01-01', 14_245],
    ['000000', '0000-00-00', null],
    ['40b20f', '2009-02-00', null],
    ['00b20f', '2009-00-00', null],
    ['9f1f4e', '9999-12-31', 2_932_896],
    ['5fb20f', '2009-02-31', null],
    ['5db20f', '2009-02-29', null],
  ];
  for (const [hex, text, days] of dates) {
    const date = filled(hex, parseDate);
    assert.equal(formatDate(date), text, hex);
    assert.equal(dateEpochDays(date), days, text);
  }
  for (const hex of ['0000', '00000000', 'a1b30f', 'ffffff']) assert.throws(() => filled(hex, parseDate), DecodeError);
});

test('times are signed, go beyond a day and keep their fraction', () => {
  // The vectors of the comment above my_time_packed_to_binary: 00:00:01.10 down to -00:00:01.10 with two digits.
  const ladder: [string, string][] = [
    ['8000010a', '00:00:01.10'],
    ['80000100', '00:00:01.00'],
    ['80000001', '00:00:00.01'],
    ['80000000', '00:00:00.00'],
    ['7fffffff', '-00:00:00.01'],
    ['7fffff9d', '-00:00:00.99'],
    ['7fffff00', '-00:00:01.00'],
    ['7ffffeff', '-00:00:01.01'],
    ['7ffffef6', '-00:00:01.10'],
  ];
  for (const [hex, text] of ladder) assert.equal(time(hex, 2), text);
  assert.equal(time('b46efb', 0), '838:59:59');
  assert.equal(time('4b9105', 0), '-838:59:59');
  assert.equal(time('4b9105000000', 6), '-838:59:59.000000');
  assert.equal(time('b46efb0f423f', 6), '838:59:59.999999');
  for (const [hex, digits] of [
    ['b47efb', 0],
    ['800f00', 0],
    ['80003c', 0],
    ['80000064', 2],
    ['8000000f4240', 6],
    ['800000', 1],
  ] as const) {
    assert.throws(() => time(hex, digits), DecodeError, hex);
  }
});

test('dates with times keep what was stored', () => {
  assert.equal(dateTime('8000000000', 0), '0000-00-00 00:00:00');
  assert.equal(dateTime('99a4f4b89b', 0), '2019-12-26 11:34:27');
  assert.equal(dateTime('fef3ff7efb', 0), '9999-12-31 23:59:59');
  assert.throws(() => dateTime('0000000000', 0), DecodeError);
  assert.throws(() => dateTime('ffffffffff', 0), DecodeError);
  const old = (hex: string) => formatDateTime(filled(hex, parseOldDateTime), 0);
  const decimal = Buffer.alloc(8);
  decimal.writeBigUInt64LE(20_191_126_113_427n);
  assert.equal(old(decimal.toString('hex')), '2019-11-26 11:34:27');
  assert.throws(() => old('ffffffffffffff7f'), DecodeError);
});

test('timestamps are microseconds since 1970, years since 1900', () => {
  const timestamp = (hex: string, digits: number) =>
    inside(hex, (bytes, start, end) => parseTimestamp(bytes, start, end, digits));
  assert.equal(timestamp('00000000', 0), 0);
  assert.equal(timestamp('7fffffff', 0), 2_147_483_647_000_000);
  assert.equal(timestamp('7fffffff0f423f', 6), 2_147_483_647_999_999);
  assert.equal(timestamp('000000011388', 3), 1_500_000);
  assert.equal(timestamp('0000000163', 1), 1_990_000);
  assert.equal(inside('01000000', parseOldTimestamp), 1_000_000);
  assert.equal(inside('00', parseYear), 0);
  assert.equal(inside('01', parseYear), 1901);
  assert.equal(inside('ff', parseYear), 2155);
  assert.equal(formatTime(inside('d3fdff', parseOldTime), 0), '-00:05:57');
  assert.throws(() => inside('abfdff', parseOldTime), DecodeError);
});

/** What the server packs: the whole and the fraction side by side, shifted by the sign bit. */
function encodeTime(micros: number, digits: number): Buffer {
  const fractionBytes = fractionByteLength(digits);
  const magnitude = BigInt(Math.abs(micros));
  const seconds = magnitude / 1_000_000n;
  const whole = ((seconds / 3600n) << 12n) | (((seconds / 60n) % 60n) << 6n) | (seconds % 60n);
  const fraction = (magnitude % 1_000_000n) / 100n ** BigInt(3 - fractionBytes);
  const packed = (whole << BigInt(8 * fractionBytes)) + fraction;
  const shifted = (0x80_0000n << BigInt(8 * fractionBytes)) + (micros < 0 ? -packed : packed);
  return Buffer.from(shifted.toString(16).padStart(2 * (3 + fractionBytes), '0'), 'hex');
}

test(`every time and date of every precision reads back (TEST_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  for (let i = 0; i < 4000; i++) {
    const digits = random(7);
    const unit = 10 ** (6 - digits);
    const seconds = random(4) === 0 ? random(3) : random(839 * 3600);
    const fraction = random(10 ** digits) * unit;
    const micros = (seconds * 1_000_000 + fraction) * (random(2) === 0 ? -1 : 1);
    const read = inside(encodeTime(micros, digits), (bytes, start, end) => parseTime(bytes, start, end, digits));
    assert.equal(read === 0 ? 0 : read, micros === 0 ? 0 : micros);

    const packed = Buffer.alloc(8);
    const magnitude = encodeTime(Math.abs(micros), 6).readUIntBE(0, 6) - 0x8000_0000_0000;
    packed.writeBigInt64LE(BigInt(micros < 0 ? -magnitude : magnitude));
    const unpacked = inside(packed, parsePackedTime);
    assert.equal(unpacked === 0 ? 0 : unpacked, micros === 0 ? 0 : micros);

    const [year, month, day] = [random(10_000), random(13), random(32)];
    const date = (BigInt(year * 13 + month) << 5n) | BigInt(day);
    const ofDay = encodeTime((seconds % 86_400) * 1_000_000 + fraction, digits);
    const wide = encodeTime((seconds % 86_400) * 1_000_000 + fraction, 6);
    const hms = BigInt(wide.readUIntBE(0, 3) - 0x80_0000);
    const head = Buffer.from(((1n << 39n) | (date << 17n) | hms).toString(16).padStart(10, '0'), 'hex');
    const bytes = Buffer.concat([head, ofDay.subarray(3)]);
    const expected = { year, month, day };
    const stored = filled(bytes, (b, start, end, into) => parseDateTime(b, start, end, digits, into));
    assert.deepEqual({ year: stored.year, month: stored.month, day: stored.day }, expected);
    assert.equal(dayMicros(stored), (seconds % 86_400) * 1_000_000 + fraction);

    packed.writeBigInt64LE((((date << 17n) | hms) << 24n) | BigInt(wide.readUIntBE(3, 3)));
    assert.deepEqual(filled(packed, parsePackedDateTime), stored);
  }
});
