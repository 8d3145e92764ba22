import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { openSqliteLog } from '../../../src/logs/sqlite/log.ts';
import { createStateReader } from '../../../src/logs/state-reader.ts';
import { appendOf, collect, encodeRecords, type PlainRecord, plain, SERVER, TempFolder } from './log-fixture.ts';

const TOPIC = 'orders';

function batch(from: number, count = 10, bytes = 100) {
  return Array.from({ length: count }, (_, i) => ({ key: `${from + i}`, value: 'v'.repeat(bytes) }));
}

test('retention by bytes deletes whole batches from the old end and keeps at least as much as asked', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  const log = openSqliteLog({ path, compression: 'none', retention: { bytes: 10_000 } });
  const epoch = await log.fence('shop');
  for (let i = 0; i < 100; i++) {
    await log.append(appendOf(epoch, [encodeRecords(TOPIC, batch(i * 10))], i));
    const info = (await log.topics())[0]!.partitions[0]!;
    assert.equal(info.endOffset, (i + 1) * 10);
    assert.equal(info.startOffset % 10, 0);
    assert.ok(info.sizeBytes! < 10_000 + 1100, `${info.sizeBytes} bytes kept`);
    assert.ok(info.startOffset === 0 || info.sizeBytes! >= 10_000, `${info.sizeBytes} bytes kept`);
  }
  const before = (await log.topics())[0]!.partitions[0]!;
  assert.ok(before.startOffset > 800);
  const read = await collect(log.read({ topic: TOPIC, partition: 0, from: 5 }));
  assert.equal(read[0]!.offset, before.startOffset);
  assert.equal(read[0]!.key!.toString(), `${before.startOffset}`);
  assert.equal(read.length, before.records);
  await log.close();
  const again = openSqliteLog({ path });
  assert.deepEqual((await again.topics())[0]!.partitions[0], before);
  await again.close();
});

test('retention by age empties also a partition that nothing is written to, and its offsets go on', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  let nowMs = 1000;
  const open = () => openSqliteLog({ path, retention: { ms: 500 }, clock: () => nowMs });
  let log = open();
  let epoch = await log.fence('shop');
  for (let i = 0; i < 40; i++) await log.append(appendOf(epoch, [encodeRecords(TOPIC, batch(i * 10))], i, nowMs));
  nowMs = 1500;
  await log.append(appendOf(epoch, [], 40, nowMs));
  assert.equal((await log.topics())[0]!.partitions[0]!.startOffset, 0);
  nowMs = 1501;
  const heartbeats = 6;
  for (let i = 0; i < heartbeats; i++) await log.append(appendOf(epoch, [], 41 + i, nowMs));
  const empty = { partition: 0, startOffset: 400, endOffset: 400, records: 0, sizeBytes: 0 };
  assert.deepEqual((await log.topics())[0]!.partitions[0], empty);
  assert.deepEqual(await collect(log.read({ topic: TOPIC, partition: 0, from: 0 })), []);
  await log.close();
  log = open();
  assert.deepEqual((await log.topics())[0]!.partitions[0], empty);
  assert.deepEqual(await log.offsets.get('shop', SERVER), { lsn: 46 });
  epoch = await log.fence('shop');
  await log.append(appendOf(epoch, [encodeRecords(TOPIC, [{ key: 'next', value: null }])], 50, nowMs));
  assert.deepEqual((await collect(log.read({ topic: TOPIC, partition: 0, from: 7 }))).map(plain), [
    [400, 'next', null],
  ]);
  await log.close();
});

test('batches that a clock wrote that ran ahead for a while go with those that follow them', async () => {
  using folder = new TempFolder();
  const ahead = 365 * 86_400_000;
  const dayMs = 86_400_000;
  let nowMs = 1_700_000_000_000;
  const log = openSqliteLog({ path: folder.file(), retention: { ms: dayMs }, clock: () => nowMs });
  const epoch = await log.fence('shop');
  let appended = 0;
  const append = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++, appended++) {
      await log.append(appendOf(epoch, [encodeRecords(TOPIC, batch(appended, 1, 1))], appended, nowMs));
    }
  };
  const start = async (): Promise<number> => (await log.topics())[0]!.partitions[0]!.startOffset;
  await append(3);
  nowMs += ahead;
  await log.append(appendOf(epoch, [encodeRecords('other', batch(0))], 0, nowMs));
  // More of them than one append looks through.
  const ofTheFuture = 600;
  await append(ofTheFuture);
  nowMs -= ahead;
  assert.equal(await start(), 3, 'what the clock said was too old');
  await append(100);
  nowMs += dayMs;
  await append(100);
  assert.equal(await start(), 3, 'nothing is older than a day');
  nowMs += 1;
  await append(100);
  assert.equal(await start(), 3 + ofTheFuture + 100);
  assert.equal((await log.topics()).find(({ topic }) => topic === 'other')?.partitions[0]?.startOffset, 0);
  nowMs += 2 * dayMs;
  await append(100);
  assert.equal(await start(), 3 + ofTheFuture + 300, 'only what was written since is younger');
  await log.close();
});

test('no batch is older than its timestamp because the clock stood in the past for a while', async () => {
  using folder = new TempFolder();
  let nowMs = 1_700_000_000_000;
  const log = openSqliteLog({ path: folder.file(), retention: { ms: 1000 }, clock: () => nowMs });
  const epoch = await log.fence('shop');
  const append = () => log.append(appendOf(epoch, [encodeRecords(TOPIC, batch(0, 1))], 0, nowMs));
  for (let i = 0; i < 10; i++) await append();
  nowMs = 5;
  for (let i = 0; i < 10; i++) await append();
  nowMs = 1_700_000_000_900;
  await append();
  assert.equal((await log.topics())[0]!.partitions[0]!.startOffset, 0);
  await log.close();
});

test('a follower that retention overtakes goes on at the oldest record', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  const log = openSqliteLog({ path, compression: 'none', retention: { bytes: 3000 } });
  const epoch = await log.fence('shop');
  await log.append(appendOf(epoch, [encodeRecords(TOPIC, batch(0))], 1));
  const reader = openSqliteLog({ path, readonly: true });
  const stop = new AbortController();
  const offsets: number[] = [];
  for await (const record of reader.read({ topic: TOPIC, partition: 0, from: 0, follow: true }, stop.signal)) {
    offsets.push(record.offset);
    assert.equal(record.key!.toString(), `${record.offset}`);
    if (record.offset === 9) {
      for (let i = 1; i < 30; i++) await log.append(appendOf(epoch, [encodeRecords(TOPIC, batch(i * 10))], i));
    }
    if (record.offset === 299) stop.abort();
  }
  const { startOffset } = (await log.topics())[0]!.partitions[0]!;
  assert.deepEqual(offsets.slice(0, 11), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, startOffset]);
  assert.equal(offsets.length, 10 + 300 - startOffset);
  await reader.close();
  await log.close();
});

test('the file shrinks after much of it was deleted', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  let nowMs = 0;
  const log = openSqliteLog({ path, compression: 'none', retention: { ms: 1000 }, clock: () => nowMs });
  const epoch = await log.fence('shop');
  for (let i = 0; i < 80; i++) await log.append(appendOf(epoch, [encodeRecords(TOPIC, batch(i, 1, 1_000_000))], i, 0));
  await log.append(appendOf(epoch, [encodeRecords('other', batch(0))], 80, 5000));
  nowMs = 5000;
  for (let i = 0; i < 250; i++) await log.append(appendOf(epoch, [], 81 + i, nowMs));
  const kept = await collect(log.read({ topic: 'other', partition: 0, from: 0 }));
  assert.equal(kept.length, 10);
  await log.close();
  assert.ok(statSync(path).size < 20_000_000, `${statSync(path).size} bytes of 80 MB are left`);
});

test('a topic that a source keeps for itself has one partition and no retention, also where it was made without', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  const open = () =>
    openSqliteLog({ path, compression: 'none', partitions: 3, retention: { bytes: 1000, ms: 1 }, clock: () => 10_000 });
  const kept = (topic: string, i: number) => ({ ...encodeRecords(topic, batch(i * 10)), kept: true });
  let log = open();
  const startOffsets = async () =>
    Object.fromEntries(
      (await log.topics()).map(({ topic, partitions }) => [topic, partitions.map((p) => p.startOffset)]),
    );
  let epoch = await log.fence('shop');
  await log.append(appendOf(epoch, [encodeRecords('older', batch(0))], 1, 10_000));
  for (let i = 0; i < 40; i++) {
    const data = encodeRecords(TOPIC, batch(i * 10));
    await log.append(appendOf(epoch, [data, kept('history', i), kept('older', i + 1)], i, 1000));
  }
  const { [TOPIC]: data, ...own } = await startOffsets();
  assert.ok(data![0]! > 0);
  assert.deepEqual(own, { history: [0], older: [0, 0, 0] });
  await log.close();
  // Whoever writes next need not know of it.
  log = open();
  epoch = await log.fence('other');
  for (let i = 0; i < 40; i++) await log.append({ ...appendOf(epoch, [], i, 20_000), connector: 'other' });
  assert.deepEqual(await startOffsets(), { [TOPIC]: [400, 0, 0], history: [0], older: [0, 0, 0] });
  const state = createStateReader(log);
  const read = await collect(state.read('history'));
  assert.equal(read.length, 400);
  assert.deepEqual([String(read[399]!.key), String(read[399]!.value).length], ['399', 100]);
  assert.deepEqual(await collect(state.read('none')), []);
  await log.close();
});

test('of a topic that a source keeps, what it says it needs no more goes, a batch at a time, and nothing else', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  const log = openSqliteLog({ path });
  const epoch = await log.fence('shop');
  const append = (...records: readonly PlainRecord[]) =>
    log.append(appendOf(epoch, [{ ...encodeRecords('prepared', records), kept: true }], 1));
  const xa = { key: 'xa', value: 'rows' };
  const done = { key: 'xa', value: null };
  const forget = { key: null, value: null };
  for (let i = 0; i < 50; i++) await append(xa, done);
  const info = async () => (await log.topics())[0]!.partitions[0]!;
  assert.equal((await info()).records, 100);
  await append(xa, forget, xa);
  for (let i = 0; i < 10; i++) await append();
  assert.deepEqual([(await info()).startOffset, (await info()).endOffset], [100, 103]);
  await append(done, xa);
  assert.equal((await info()).startOffset, 100);
  await append(forget);
  assert.equal((await info()).startOffset, 105);
  assert.deepEqual((await collect(log.read({ topic: 'prepared', partition: 0, from: 0 }))).map(plain), [
    [105, null, null],
  ]);
  await log.close();
});
