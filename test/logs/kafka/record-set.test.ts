import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { createCompressor } from '../../../src/logs/kafka/compression.ts';
import type { ProducerIdentity } from '../../../src/logs/kafka/record-batch.ts';
import { RecordBatchEncoder } from '../../../src/logs/kafka/record-batch-encoder.ts';
import { type AbortedTransaction, decodeRecordSet, type RecordSet } from '../../../src/logs/kafka/record-set.ts';
import type { Compression } from '../../../src/logs/kafka/settings.ts';
import { Random } from '../../crash/random.ts';
import { encodedRecords, type PlainRecord, plainRecords, randomRecords } from './kafka-records.ts';

const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
const PLAIN: ProducerIdentity = { producerId: 5n, epoch: 0, isTransactional: false };

interface BatchOptions {
  readonly compression?: Compression;
  readonly identity?: ProducerIdentity;
}

/** As a broker stores it, at that offset. */
function batch(baseOffset: number, records: readonly PlainRecord[], options: BatchOptions = {}): Buffer {
  const { compression = 'none', identity = PLAIN } = options;
  const encoder = new RecordBatchEncoder({ compressor: createCompressor(compression, null), batchBytes: 1 << 24 });
  encoder.add(encodedRecords('t', 0, records), { partitions: 1, timestampMs: 1_700_000_000_123 });
  const [encoded, ...more] = encoder.finish();
  assert.equal(more.length, 0);
  encoded!.seal(identity, 0);
  const bytes = Buffer.concat(encoded!.chunks);
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  return bytes;
}

/** An end of a transaction, 0 aborted or 1 committed: kafka.common.record.EndTransactionMarker. */
function marker(baseOffset: number, type: 0 | 1, identity: ProducerIdentity): Buffer {
  const key = Buffer.from([0, 0, 0, type]);
  const bytes = batch(baseOffset, [{ key, value: Buffer.alloc(6), headers: [] }], { identity });
  bytes[22]! |= 0x20;
  return reseal(bytes);
}

/** The CRC of what was changed. */
function reseal(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1));
  }
  return ~crc >>> 0;
}

function decode(bytes: Buffer, from = 0, aborted: readonly AbortedTransaction[] = []): RecordSet {
  return decodeRecordSet(bytes, { topic: 't', partition: 0, from, aborted });
}

const offsets = ({ batches }: RecordSet) => batches.flat().map(({ offset }) => offset);

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`${compression}: records are what they were (TEST_SEED=${SEED})`, () => {
    const random = new Random(SEED);
    for (let run = 0; run < 10; run++) {
      const records = randomRecords(random, random.integer(1, 30));
      const { batches, nextOffset } = decode(batch(1_000, records, { compression }));
      assert.equal(nextOffset, 1_000 + records.length);
      assert.deepEqual(
        batches.flat().map(({ key, value, headers }) => ({ key, value, headers })),
        records,
      );
      assert.ok(
        batches.flat().every(({ timestampMs, offset }, i) => timestampMs === 1_700_000_000_123 && offset === 1_000 + i),
      );
    }
  });
}

test('a fetch begins and ends where it is cut: at an offset within a batch, and before one that is not whole', () => {
  const bytes = Buffer.concat([batch(10, plainRecords(5)), batch(15, plainRecords(5)), batch(20, plainRecords(5))]);
  assert.deepEqual(offsets(decode(bytes, 13)), [13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]);
  for (let length = 0; length < bytes.length; length++) {
    const { nextOffset } = decode(bytes.subarray(0, length), 10);
    assert.ok([10, 15, 20].includes(nextOffset), String(nextOffset));
  }
});

test('compaction leaves gaps, and batches without records: reading goes on behind them', () => {
  const emptied = batch(10, plainRecords(1));
  emptied.writeInt32BE(61 - 12, 8);
  emptied.writeInt32BE(9, 23);
  emptied.writeInt32BE(0, 57);
  const empty = emptied.subarray(0, 61);
  empty.writeUInt32BE(crc32c(empty.subarray(21)), 17);
  const set = decode(Buffer.concat([empty, batch(40, plainRecords(2))]), 10);
  assert.deepEqual([offsets(set), set.nextOffset], [[40, 41], 42]);
  assert.deepEqual(decode(empty, 10), { batches: [], nextOffset: 20 });
});

test('aborted transactions and markers are passed over, those of others between them are not', () => {
  const [one, two] = [1n, 2n].map((producerId) => ({ producerId, epoch: 0, isTransactional: true })) as [
    ProducerIdentity,
    ProducerIdentity,
  ];
  const bytes = Buffer.concat([
    batch(0, plainRecords(2), { identity: one }),
    batch(2, plainRecords(2), { identity: two }),
    batch(4, plainRecords(1)),
    batch(5, plainRecords(1), { identity: one }),
    marker(6, 0, one),
    marker(7, 1, two),
    batch(8, plainRecords(1), { identity: one }),
    marker(9, 1, one),
  ]);
  const aborted = [{ producerId: 1n, firstOffset: 0 }];
  const set = decode(bytes, 0, aborted);
  assert.deepEqual([offsets(set), set.nextOffset], [[2, 3, 4, 8], 10]);
  assert.deepEqual(offsets(decode(bytes, 0)), [0, 1, 2, 3, 4, 5, 8]);
});

test('damaged records, and those of old formats, are no records', () => {
  const bytes = batch(0, plainRecords(3));
  for (let at = 21; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at]! ^= 0x10;
    assert.throws(() => decode(damaged), DecodeError, `byte ${at}`);
  }
  const old = Buffer.from(bytes);
  old[16] = 1;
  assert.throws(() => decode(old), /before 0\.11/);
});
