import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { murmur2, partitionFor } from '../../src/logs/partitioner.ts';

// Key, hash, and partition of 3, 12 and 50: printed by org.apache.kafka.common.utils.Utils of kafka-clients 4.1.0.
const KEYS: readonly (readonly [string, number, number, number, number])[] = [
  ['', 275646681, 0, 9, 31],
  ['a', -1563381124, 1, 4, 24],
  ['ab', 316155434, 2, 2, 34],
  ['abc', 479470107, 0, 3, 7],
  ['abcd', -1323649548, 2, 8, 0],
  ['21', -973932308, 0, 0, 40],
  ['foobar', -790332482, 0, 6, 16],
  ['a-little-bit-long-string', -985981536, 2, 8, 12],
  ['a-little-bit-longer-string', -1486304829, 2, 11, 19],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971, 2, 5, 27],
  ['{"id":1}', -56768732, 0, 0, 16],
  ['{"id":1001}', 1645685654, 2, 2, 4],
  ['{"id":2147483647}', 1363013458, 1, 10, 8],
  ['{"schema":null,"payload":{"id":7}}', -1984693182, 2, 2, 16],
  ['éèê', -1401640301, 0, 3, 47],
  ['😀', 131881617, 0, 9, 17],
  ['orders', -1029842276, 0, 0, 22],
  ['app.public.orders', -1082114474, 0, 6, 24],
];

// Hashes of the bytes 255, 254, ... of each length, from the same run: the sign of a byte must not matter.
const DESCENDING: readonly (readonly [number, number])[] = [
  [1, -311467685],
  [2, 1717632651],
  [3, 998637092],
  [4, 2136149935],
  [5, 524068735],
  [7, -166236347],
  [8, 2069784301],
  [127, -1773865406],
  [128, -1875649705],
  [129, 793004825],
  [255, -788971837],
  [256, -1141900935],
];

test('murmur2 and the partition of a key are those of the Java client', () => {
  for (const [key, hash, of3, of12, of50] of KEYS) {
    const bytes = Buffer.from(key);
    assert.equal(murmur2(bytes), hash, key);
    assert.deepEqual(
      [3, 12, 50].map((partitions) => partitionFor('any', bytes, partitions)),
      [of3, of12, of50],
      key,
    );
  }
  for (const [length, hash] of DESCENDING) {
    assert.equal(murmur2(Uint8Array.from({ length }, (_, i) => 255 - i)), hash, `${length} bytes`);
  }
});

test('keys of every kind and length go where the Java client puts them, whatever the number of partitions', () => {
  // Key in Base64, its hash, and its partition of each number of partitions: fixtures/record-partitions.ts.
  const file = new URL('../../fixtures/kafka/partitions.json', import.meta.url);
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as {
    counts: number[];
    keys: (readonly [string, number, ...number[]])[];
  };
  assert.ok(recorded.keys.length > 150);
  for (const [key, hash, ...partitions] of recorded.keys) {
    const bytes = Buffer.from(key, 'base64');
    assert.equal(murmur2(bytes), hash, key);
    assert.deepEqual(
      recorded.counts.map((count) => partitionFor('any', bytes, count)),
      partitions,
      key,
    );
  }
});

test('records without a key stay in one partition of their topic', () => {
  assert.equal(partitionFor('app.public.orders', null, 12), 6);
  assert.equal(partitionFor('app.public.orders', null, 1), 0);
});
