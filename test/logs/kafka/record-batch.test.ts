import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { createCompressor } from '../../../src/logs/kafka/compression.ts';
import type { RecordBatch } from '../../../src/logs/kafka/record-batch.ts';
import { RecordBatchEncoder } from '../../../src/logs/kafka/record-batch-encoder.ts';
import { decodeRecordSet } from '../../../src/logs/kafka/record-set.ts';
import { partitionFor } from '../../../src/logs/partitioner.ts';
import { Random } from '../../crash/random.ts';
import { encodedRecords, NO_HEADERS, type PlainRecord, plainRecords, randomRecords } from './kafka-records.ts';

const load = createRequire(import.meta.url);
const { RecordBatch: encodeByKafkajs } = load('kafkajs/src/protocol/recordBatch/v0/index.js') as {
  RecordBatch(options: Record<string, unknown>): Promise<{ readonly buffer: Buffer }>;
};
const recordByKafkajs = load('kafkajs/src/protocol/recordBatch/record/v0/index.js') as (record: unknown) => unknown;
const decodeByKafkajs = load('kafkajs/src/protocol/recordBatch/v0/decoder.js') as (
  decoder: unknown,
) => Promise<{ readonly records: readonly { readonly key: Buffer | null; readonly value: Buffer | null }[] }>;
const KafkajsDecoder = load('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => unknown;

const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
const timestampMs = 1_700_000_000_123;
const producer = { producerId: 2n ** 40n + 5n, epoch: 7, isTransactional: true };
/** base offset, length; the leader's epoch, which is the broker's to write and not in the CRC, follows them. */
const BEHIND_LEADER_EPOCH = 16;

function encode(
  records: Parameters<RecordBatchEncoder['add']>[0],
  options: { partitions?: number; batchBytes?: number } = {},
): readonly RecordBatch[] {
  const { partitions = 1, batchBytes = 2 ** 30 } = options;
  const encoder = new RecordBatchEncoder({ compressor: createCompressor('none', null), batchBytes });
  encoder.add(records, { partitions, timestampMs });
  return encoder.finish();
}

function sealed(batches: readonly RecordBatch[]): Buffer[] {
  return batches.map((batch) => {
    batch.seal(producer, 41);
    return Buffer.concat(batch.chunks);
  });
}

function readBack(bytes: Buffer): PlainRecord[] {
  const context = { topic: 't', partition: 0, from: 0, aborted: [] };
  return decodeRecordSet(bytes, context).batches.flatMap((records) =>
    records.map(({ key, value, headers }) => ({ key, value, headers })),
  );
}

async function kafkajsBatch(records: readonly PlainRecord[]): Promise<Buffer> {
  const encoded = records.map(({ key, value, headers }, offsetDelta) =>
    recordByKafkajs({ key, value, offsetDelta, headers: Object.fromEntries(headers.map((h) => [h.key, h.value])) }),
  );
  const batch = await encodeByKafkajs({
    firstTimestamp: timestampMs,
    maxTimestamp: timestampMs,
    lastOffsetDelta: records.length - 1,
    producerId: String(producer.producerId),
    producerEpoch: producer.epoch,
    firstSequence: 41,
    transactional: true,
    records: encoded,
  });
  return batch.buffer;
}

test(`a batch has the bytes that kafkajs' encoder gives (TEST_SEED=${SEED})`, async () => {
  const random = new Random(SEED);
  for (let run = 0; run < 40; run++) {
    const records = randomRecords(random, random.integer(1, 40));
    const [ours, ...more] = sealed(encode(encodedRecords('t', 0, records)));
    assert.equal(more.length, 0);
    const theirs = await kafkajsBatch(records);
    assert.deepEqual(ours!.subarray(0, 12), theirs.subarray(0, 12));
    assert.ok(ours!.subarray(BEHIND_LEADER_EPOCH).equals(theirs.subarray(BEHIND_LEADER_EPOCH)), `run ${run}`);
  }
});

test('100,000 records in one batch are read back by kafkajs', async () => {
  const records = plainRecords(100_000);
  const [bytes, ...more] = sealed(encode(encodedRecords('t', 0, records)));
  assert.equal(more.length, 0);
  const decoded = await decodeByKafkajs(new KafkajsDecoder(bytes!));
  assert.equal(decoded.records.length, records.length);
  for (const [i, { key, value }] of decoded.records.entries()) {
    assert.deepEqual([key, value], [records[i]!.key, records[i]!.value]);
  }
});

test('null, empty and repeated headers are kept apart', () => {
  const headers = [
    { key: 'a', value: null },
    { key: 'a', value: Buffer.alloc(0) },
    { key: 'a', value: Buffer.from('1') },
  ];
  const records: PlainRecord[] = [
    { key: null, value: null, headers },
    { key: Buffer.alloc(0), value: Buffer.alloc(0), headers: NO_HEADERS },
  ];
  const [bytes] = sealed(encode(encodedRecords('t', 0, records)));
  assert.deepEqual(readBack(bytes!), records);
});

test('records that share a header list share its bytes, whichever list that is', () => {
  const random = new Random(SEED);
  const records = randomRecords(random, 300);
  const [bytes] = sealed(encode(encodedRecords('t', 0, records)));
  assert.deepEqual(readBack(bytes!), records);
});

test('no batch is larger than asked for, unless one record is, and no record is lost or moved', () => {
  const random = new Random(SEED);
  const batchBytes = 20_000;
  const records = randomRecords(random, 400);
  const batches = encode(encodedRecords('t', 0, records), { batchBytes });
  for (const { byteLength, count } of batches) assert.ok(byteLength <= batchBytes || count === 1);
  assert.ok(batches.length > 2);
  assert.deepEqual(sealed(batches).flatMap(readBack), records);
});

test('a topic that takes less gets smaller batches', () => {
  const encoder = new RecordBatchEncoder({ compressor: createCompressor('none', null), batchBytes: 1 << 20 });
  encoder.add(encodedRecords('t', 0, plainRecords(1000)), { partitions: 1, timestampMs, mostBytes: 5_000 });
  const batches = encoder.finish();
  assert.ok(batches.length > 1);
  for (const { byteLength } of batches) assert.ok(byteLength <= 5_000);
});

test("each record goes to its key's partition, in the order in which it came", () => {
  const partitions = 7;
  const records = [...plainRecords(500), { key: null, value: Buffer.from('keyless'), headers: NO_HEADERS }];
  const batches = encode(encodedRecords('topic', null, records), { partitions, batchBytes: 3_000 });
  for (let partition = 0; partition < partitions; partition++) {
    const got = sealed(batches.filter((batch) => batch.partition === partition)).flatMap(readBack);
    assert.deepEqual(
      got,
      records.filter(({ key }) => partitionFor('topic', key, partitions) === partition),
    );
  }
});

test('records for a partition that the topic does not have are refused', () => {
  assert.throws(() => encode(encodedRecords('t', 3, plainRecords(1)), { partitions: 3 }), /t has 3 partitions/);
});

test('several slabs of one topic come into the same batch, behind each other', () => {
  const encoder = new RecordBatchEncoder({ compressor: createCompressor('none', null), batchBytes: 1 << 20 });
  encoder.add(encodedRecords('t', 0, plainRecords(3, 'a')), { partitions: 1, timestampMs });
  encoder.add(encodedRecords('u', 0, plainRecords(1, 'u')), { partitions: 1, timestampMs });
  encoder.add(encodedRecords('t', 0, plainRecords(3, 'b')), { partitions: 1, timestampMs });
  const batches = encoder.finish();
  assert.deepEqual(
    batches.map(({ topic, count }) => [topic, count]),
    [
      ['t', 6],
      ['u', 1],
    ],
  );
  assert.deepEqual(readBack(sealed(batches)[0]!), [...plainRecords(3, 'a'), ...plainRecords(3, 'b')]);
});

test('memory that was released is used for the next append, and nothing of the one before is left in it', () => {
  const encoder = new RecordBatchEncoder({ compressor: createCompressor('none', null), batchBytes: 1 << 20 });
  const give = (count: number, prefix: string): readonly RecordBatch[] => {
    encoder.add(encodedRecords('t', 0, plainRecords(count, prefix)), { partitions: 1, timestampMs });
    return encoder.finish();
  };
  const first = give(100, 'first');
  const memory = first[0]!.chunks[0]!.buffer;
  encoder.release(first);
  const second = give(99, 'other');
  assert.equal(second[0]!.chunks[0]!.buffer, memory);
  assert.deepEqual(sealed(second).flatMap(readBack), plainRecords(99, 'other'));
});

test('what is not released is not written to', () => {
  const encoder = new RecordBatchEncoder({ compressor: createCompressor('none', null), batchBytes: 1 << 20 });
  const [held, next] = ['a', 'b'].map((prefix) => {
    encoder.add(encodedRecords('t', 0, plainRecords(50, prefix)), { partitions: 1, timestampMs });
    return sealed(encoder.finish())[0]!;
  });
  assert.deepEqual(readBack(held!), plainRecords(50, 'a'));
  assert.deepEqual(readBack(next!), plainRecords(50, 'b'));
});
