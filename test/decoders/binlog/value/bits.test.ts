import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBinary } from '../../../../decoders/binlog/value/binary.ts';
import { parseBit, parseEnum, parseSet } from '../../../../decoders/binlog/value/bits.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import { inside } from './inside.ts';

test('bits are one unsigned number', () => {
  const bit = (hex: string, bits: number) => inside(hex, (bytes, start, end) => parseBit(bytes, start, end, bits));
  assert.equal(bit('01', 1), 1);
  assert.equal(bit('02ff', 10), 0x2ff);
  assert.equal(bit('ffffffffffffffff', 64), 18_446_744_073_709_551_615n);
  assert.equal(bit('001fffffffffffff', 64), Number.MAX_SAFE_INTEGER);
  assert.throws(() => bit('02', 1), DecodeError);
  assert.throws(() => bit('0001', 1), DecodeError);
  assert.throws(() => bit('', 0), DecodeError);
});

test('an enum is its index, 0 the invalid one; a set its bitmap, 0 the empty one', () => {
  const index = (hex: string, members: number | null) =>
    inside(hex, (b, start, end) => parseEnum(b, start, end, members));
  assert.equal(index('00', 2), 0);
  assert.equal(index('02', 2), 2);
  assert.equal(index('0102', 600), 513);
  assert.equal(index('ffff', null), 65_535);
  assert.throws(() => index('03', 2), DecodeError);
  assert.throws(() => index('', null), DecodeError);
  const bitmap = (hex: string, members: number | null) =>
    inside(hex, (b, start, end) => parseSet(b, start, end, members));
  assert.equal(bitmap('00', 2), 0);
  assert.equal(bitmap('03', 2), 3);
  assert.equal(bitmap('000102', 24), 0x02_01_00);
  assert.equal(bitmap('ffffffffffffffff', 64), 18_446_744_073_709_551_615n);
  assert.throws(() => bitmap('04', 2), DecodeError);
  assert.throws(() => bitmap('000000000000000000', null), DecodeError);
});

test('binary gets its zeros back and nothing longer than its column passes', () => {
  const binary = (hex: string, length: number) =>
    inside(hex, (bytes, start, end) => parseBinary(bytes, start, end, length)).toString('hex');
  assert.equal(binary('01', 3), '010000');
  assert.equal(binary('', 2), '0000');
  assert.equal(binary('0102', 2), '0102');
  assert.throws(() => binary('010203', 2), DecodeError);
});
