import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createCompressor } from '../../../src/logs/kafka/compression.ts';
import { RecordBatchEncoder } from '../../../src/logs/kafka/record-batch-encoder.ts';
import { decodeRecordSet } from '../../../src/logs/kafka/record-set.ts';
import type { Compression } from '../../../src/logs/kafka/settings.ts';
import { Random } from '../../crash/random.ts';
import { encodedRecords, plainRecords, randomRecords } from './kafka-records.ts';

const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
const codecs: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const context = { topic: 't', partition: 0, from: 0, aborted: [] };

for (const codec of codecs) {
  test(`${codec}: what is compressed is read back, whatever it is (TEST_SEED=${SEED})`, () => {
    const random = new Random(SEED);
    const encoder = new RecordBatchEncoder({ compressor: createCompressor(codec, null), batchBytes: 200_000 });
    for (const count of [1, 2, 500]) {
      const records = randomRecords(random, count);
      encoder.add(encodedRecords('t', 0, records), { partitions: 1, timestampMs: 1 });
      const batches = encoder.finish();
      const read = batches.flatMap((batch) => {
        batch.seal({ producerId: 1n, epoch: 0, isTransactional: false }, 0);
        return decodeRecordSet(Buffer.concat(batch.chunks), context).batches.flat();
      });
      assert.deepEqual(
        read.map(({ key, value, headers }) => ({ key, value, headers })),
        records,
      );
      encoder.release(batches);
    }
  });
}

test('a batch that gets no smaller is not compressed, so that it is not larger than its limit', () => {
  for (const [i, codec] of codecs.entries()) {
    const encoder = new RecordBatchEncoder({ compressor: createCompressor(codec, null), batchBytes: 200_000 });
    const encode = (value: Buffer): number => {
      encoder.add(encodedRecords('t', 0, [{ key: null, value, headers: [] }]), { partitions: 1, timestampMs: 1 });
      const [batch] = encoder.finish();
      assert.ok(batch!.byteLength <= 61 + value.length + 22);
      return batch!.chunks[0]!.readInt16BE(21);
    };
    assert.equal(encode(randomBytes(50_000)), 0);
    assert.equal(encode(Buffer.alloc(50_000)), i);
  }
});

for (const [codec, low, high] of [
  ['gzip', 1, 9],
  ['zstd', 1, 19],
] as const) {
  test(`${codec}: a higher level compresses more`, () => {
    const random = new Random(SEED);
    const records = Buffer.concat(
      plainRecords(20_000).map(({ key, value }) => Buffer.from(`${key}${random.integer(0, 9_999)}${value}`)),
    );
    const sizeAt = (level: number): number => createCompressor(codec, level).compress!(records).length;
    assert.ok(sizeAt(high) < sizeAt(low));
  });
}
