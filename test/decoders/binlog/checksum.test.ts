import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { crc32 } from '../../../decoders/binlog/checksum.ts';
import { randomSource, SEED } from './seeded-random.ts';

test(`checksums of every length and of any bytes are zlib’s (TEST_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  const bytes = Buffer.from(Array.from({ length: 2000 }, () => random(256)));
  for (let length = 0; length < 1200; length++) {
    const start = random(700);
    assert.equal(crc32(bytes, start, start + length), zlibCrc32(bytes.subarray(start, start + length)), `${length}`);
  }
  assert.equal(crc32(Buffer.from('123456789'), 0, 9), 0xcbf4_3926);
});
