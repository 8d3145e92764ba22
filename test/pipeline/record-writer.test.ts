import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonSink } from '../../src/converters/json/json-sink.ts';
import { decodeRecords } from '../../src/pipeline/decode-records.ts';
import { Output } from '../../src/pipeline/output.ts';
import { RecordWriter, SlabPool } from '../../src/pipeline/record-writer.ts';
import { Random } from '../crash/random.ts';

const KIB = 1024;

test('records of any number and size come out as they went in', () => {
  const random = new Random(7);
  const writer = new RecordWriter({ topic: 't', partition: 0, kept: false }, new JsonSink(Buffer.alloc(1)));
  const headerLists = Array.from({ length: 5 }, (_, i) => [{ key: `h${i}`, value: Buffer.from([i]) }]);
  const expected = Array.from({ length: 3000 }, (_, i) => {
    const bytes = (longest: number): Buffer | null =>
      random.next() < 0.1 ? null : Buffer.alloc(random.integer(0, longest), i % 251);
    const record = { key: bytes(20), value: bytes(i % 500 === 0 ? 100 * KIB : 200), headers: random.pick(headerLists) };
    if (record.key !== null) writer.sink.raw(record.key);
    if (record.value !== null) writer.sink.raw(record.value);
    writer.push(record.key?.length ?? -1, record.value?.length ?? -1, record.headers);
    return record;
  });
  const records = decodeRecords(writer, 10, 99);
  assert.deepEqual(
    records.map(({ key, value, headers }) => ({ key, value, headers })),
    expected,
  );
  assert.equal(records.at(-1)!.offset, 10 + 2999);
  assert.equal(writer.headers.length, 5, 'equal lists are kept once');
});

test('a slab is given again only after it was given back', () => {
  const pool = new SlabPool();
  const [first, second] = [pool.take(), pool.take()];
  assert.notEqual(first.buffer, second.buffer);
  pool.give(first);
  assert.equal(pool.take(), first);
  assert.notEqual(pool.take().buffer, second.buffer);
});

test('the pool keeps what grew, within its bound', () => {
  const pool = new SlabPool();
  const grown = Buffer.alloc(5 * KIB * KIB);
  const huge = Buffer.alloc(64 * KIB * KIB);
  pool.give(huge);
  pool.give(grown);
  assert.equal(pool.take(), grown);
  assert.notEqual(pool.take(), huge);
});

test('bytes of a batch stay while later batches are written, until it is released', () => {
  const output = new Output({
    partitionsOf: () => 2,
    partition: (_topic, key) => (key === null ? 0 : key[0]! % 2),
    createSink: (slab) => new JsonSink(slab),
  });
  const write = (batch: number): ReturnType<Output['take']> => {
    for (let i = 0; i < 400; i++) {
      const text = Buffer.from(`batch ${batch} record ${i} ${'x'.repeat((i * 37) % 300)}`);
      output.append(`topic ${i % 3}`, i % 7 === 0 ? 1 : null, Buffer.from([i]), text, []);
    }
    return output.take();
  };
  const contents = (records: ReturnType<Output['take']>): unknown =>
    records.map((part) => decodeRecords(part, 0, 0).map(({ partition, key, value }) => [partition, key, value]));
  let last = write(0);
  for (let batch = 1; batch < 20; batch++) {
    const before = contents(last);
    const next = write(batch);
    assert.deepEqual(contents(last), before);
    const slabs = next.map(({ bytes }) => bytes.buffer);
    for (const { bytes } of last) assert.ok(!slabs.includes(bytes.buffer), 'two batches share a slab');
    output.release(last);
    last = next;
  }
});

test('a topic without records in this batch has no part in it', () => {
  const output = new Output({
    partitionsOf: () => 1,
    partition: () => 0,
    createSink: (slab) => new JsonSink(slab),
  });
  assert.deepEqual(output.take(), []);
  output.writer('empty', 0);
  output.append('full', 0, null, Buffer.from('x'), []);
  assert.deepEqual(
    output.take().map(({ topic, count }) => [topic, count]),
    [['full', 1]],
  );
});
