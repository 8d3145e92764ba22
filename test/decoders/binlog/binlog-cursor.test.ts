import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinlogCursor } from '../../../decoders/binlog/binlog-cursor.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';

const bytes = Buffer.from('f1f2f3f4f5f60708', 'hex');

test('integers are little-endian, of every width', () => {
  assert.equal(new BinlogCursor(bytes).uint8(), 0xf1);
  assert.equal(new BinlogCursor(bytes).uint16(), 0xf2f1);
  assert.equal(new BinlogCursor(bytes).uint24(), 0xf3f2f1);
  assert.equal(new BinlogCursor(bytes).uint32(), 0xf4f3f2f1);
  assert.equal(new BinlogCursor(bytes).int32(), 0xf4f3f2f1 | 0);
  assert.equal(new BinlogCursor(bytes).uint40(), 0xf5f4f3f2f1);
  assert.equal(new BinlogCursor(bytes).uint48(), 0xf6f5f4f3f2f1);
  assert.equal(new BinlogCursor(bytes).uint56(), 0x07f6f5f4f3f2f1);
  assert.equal(new BinlogCursor(bytes).bigUint64(), 0x0807f6f5f4f3f2f1n);
  assert.equal(new BinlogCursor(Buffer.alloc(8, 0xff)).bigInt64(), -1n);
  assert.equal(new BinlogCursor(Buffer.from('ffffffffffff1f00', 'hex')).uint64(), Number.MAX_SAFE_INTEGER);
});

test('a number that would not be exact is refused', () => {
  assert.throws(() => new BinlogCursor(bytes).uint64(), DecodeError);
  assert.throws(() => new BinlogCursor(Buffer.from('00000000000020', 'hex')).uint56(), DecodeError);
});

test('length-encoded integers have four forms, and two first bytes are none', () => {
  const of = (hex: string) => new BinlogCursor(Buffer.from(hex, 'hex')).lengthEncoded();
  assert.deepEqual([of('fa'), of('fcfb00'), of('fd010001'), of('fe0000000001000000')], [250, 251, 65537, 2 ** 32]);
  assert.throws(() => of('fb'), DecodeError);
  assert.throws(() => of('ff'), DecodeError);
});

test('nothing is read past the end of the range, though the buffer goes on', () => {
  for (const read of ['uint8', 'uint16', 'uint24', 'uint32', 'uint40', 'uint48', 'uint56', 'uint64'] as const) {
    const width = Number(read.slice(4)) / 8;
    const cursor = new BinlogCursor(Buffer.alloc(32), 3, 3 + width - 1);
    assert.throws(
      () => cursor[read](),
      (error) => error instanceof DecodeError && error.offset >= 3 && error.offset <= 3 + width,
      read,
    );
  }
  assert.throws(() => new BinlogCursor(Buffer.from('056869'), 0).lengthEncodedUtf8(), DecodeError);
  assert.throws(() => new BinlogCursor(bytes).take(-1), DecodeError);
});
