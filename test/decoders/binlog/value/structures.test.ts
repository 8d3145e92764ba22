import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync, deflateSync } from 'node:zlib';
import { parseCompressed } from '../../../../decoders/binlog/value/compressed.ts';
import { parseGeometry } from '../../../../decoders/binlog/value/geometry.ts';
import { parseInet4, parseInet6, parseUuid } from '../../../../decoders/binlog/value/mariadb.ts';
import { parseVector } from '../../../../decoders/binlog/value/vector.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import { inside } from './inside.ts';

test('a geometry is its SRID and its WKB', () => {
  const point = '0101000000000000000000f03f0000000000000040';
  const { srid, wkb } = inside(`e6100000${point}`, parseGeometry);
  assert.equal(srid, 4326);
  assert.equal(wkb.toString('hex'), point);
  assert.throws(() => inside('e61000000101000000', parseGeometry), DecodeError);
  assert.throws(() => inside('e61000000201000000000000000000f03f', parseGeometry), DecodeError);
});

test('a vector is its floats', () => {
  assert.deepEqual(inside('0000803f000020c0', parseVector), [1, -2.5]);
  assert.deepEqual(inside('', parseVector), []);
  assert.throws(() => inside('0000803f00', parseVector), DecodeError);
});

test('MariaDB’s own types get their zeros back and have the server’s text', () => {
  assert.equal(inside('00112233445516778899aabbccddeeff', parseUuid), '00112233-4455-1677-8899-aabbccddeeff');
  assert.equal(inside('', parseUuid), '00000000-0000-0000-0000-000000000000');
  assert.equal(inside('20202020', parseInet4), '32.32.32.32');
  assert.equal(inside('ffff', parseInet4), '255.255.0.0');
  const addresses: [string, string][] = [
    ['', '::'],
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['00000000000000000000ffff01020304', '::ffff:1.2.3.4'],
    ['00000000000000000000000001020304', '::1.2.3.4'],
    ['00000000000000000000000000002020', '::2020'],
    ['00010000000000020000000000000003', '1:0:0:2::3'],
    ['2020', '2020::'],
    ['00010002000300040005000600070008', '1:2:3:4:5:6:7:8'],
  ];
  for (const [hex, text] of addresses) assert.equal(inside(hex, parseInet6), text);
  for (const parse of [parseUuid, parseInet6, parseInet4])
    assert.throws(() => inside('00'.repeat(17), parse), DecodeError);
});

test('a compressed column is inflated to the length that it tells, no further', () => {
  const value = Buffer.from('compress '.repeat(100));
  const compressed = (head: number, data: Buffer, length = value.length) =>
    inside(Buffer.concat([Buffer.from([head, length >> 8, length & 0xff]), data]), parseCompressed);
  assert.deepEqual(compressed(0x8a, deflateRawSync(value)), value);
  assert.deepEqual(compressed(0x82, deflateSync(value)), value);
  assert.equal(inside('00616263', parseCompressed).toString(), 'abc');
  assert.equal(inside('', parseCompressed).length, 0);
  assert.throws(() => compressed(0x8a, deflateRawSync(value), value.length - 1), DecodeError);
  assert.throws(() => compressed(0x8a, deflateRawSync(value), value.length + 1), DecodeError);
  assert.throws(() => compressed(0x82, deflateRawSync(value)), DecodeError);
  for (const hex of ['8a', '8a03', '80', '10616263', '01', '8f0000000000']) {
    assert.throws(() => inside(hex, parseCompressed), DecodeError, hex);
  }
});
