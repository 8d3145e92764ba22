import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSqliteLog } from '../../../src/logs/sqlite/log.ts';
import type { LogRecord } from '../../../src/model/record.ts';
import {
  appendOf,
  collect,
  encodeRecords,
  type PlainRecord,
  plain,
  SERVER,
  seededRandom,
  TempFolder,
  testSeed,
} from './log-fixture.ts';

const TOPIC = 'app.public.orders';

for (const compression of ['zstd', 'none'] as const) {
  test(`what was appended is read back, null and empty and headers included (${compression})`, async () => {
    using folder = new TempFolder();
    const headers = [
      { key: 'op', value: Buffer.from('c') },
      { key: 'none', value: null },
      { key: '', value: Buffer.alloc(0) },
    ];
    const records: PlainRecord[] = [
      { key: '{"id":1}', value: '{"a":1}' },
      { key: null, value: null },
      { key: '', value: '' },
      { key: '{"id":1}', value: null, headers },
      { key: null, value: 'é😀'.repeat(2000), headers },
      { key: '{"id":2}', value: '{"a":2}', headers: [{ key: 'é', value: Buffer.from([0, 255]) }] },
    ];
    const path = folder.file();
    const log = openSqliteLog({ path, compression });
    const epoch = await log.fence('shop');
    assert.equal(log.partitionsOf(TOPIC), 1);
    await log.append(appendOf(epoch, [encodeRecords(TOPIC, records)], 1, 1234));
    await log.append(appendOf(epoch, [encodeRecords(TOPIC, [])], 2));
    await log.append(appendOf(epoch, [encodeRecords(TOPIC, records.slice(0, 1))], 3, 5678));
    await log.close();

    const again = openSqliteLog({ path, readonly: true });
    const read = await collect(again.read({ topic: TOPIC, partition: 0, from: 0 }));
    assert.deepEqual(
      read.map(plain),
      [...records, records[0]!].map((record, i) => [i, record.key, record.value]),
    );
    assert.deepEqual(
      read.map((record) => record.headers),
      [...records, records[0]!].map((record) => record.headers ?? []),
    );
    assert.deepEqual(
      read.map((record) => record.timestampMs),
      [...records.map(() => 1234), 5678],
    );
    for (let from = 0; from <= 9; from++) {
      const rest = await collect(again.read({ topic: TOPIC, partition: 0, from }));
      assert.deepEqual(rest.map(plain), read.slice(from).map(plain), `from ${from}`);
    }
    assert.deepEqual(await again.offsets.get('shop', SERVER), { lsn: 3 });
    await again.close();
  });
}

test('random appends over topics and partitions give what a model of arrays gives, also after reopening', async (t) => {
  const seed = testSeed();
  t.diagnostic(`TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  using folder = new TempFolder();
  const path = folder.file();
  const model = new Map<string, [number, string | null, string | null][]>();
  const open = () => openSqliteLog({ path, partitions: (topic) => (topic === 'one' ? 1 : 3) });
  let log = open();
  let epoch = await log.fence('shop');
  for (let lsn = 1; lsn <= 120; lsn++) {
    const records = Array.from({ length: below(4) }, () => {
      const topic = ['one', 'three', 'more'][below(3)]!;
      const partition = below(log.partitionsOf(topic));
      const plainRecords = Array.from({ length: below(40) }, () => ({
        key: random() < 0.1 ? null : `k${below(1000)}`,
        value: random() < 0.1 ? null : 'v'.repeat(below(300)) + below(1e6),
      }));
      const place = `${topic}-${partition}`;
      const stored = model.get(place) ?? [];
      for (const record of plainRecords) stored.push([stored.length, record.key, record.value]);
      model.set(place, stored);
      return encodeRecords(topic, plainRecords, partition);
    });
    await log.append(appendOf(epoch, records, lsn));
    if (random() < 0.05) {
      await log.close();
      log = open();
      assert.deepEqual(await log.offsets.get('shop', SERVER), { lsn });
      epoch = await log.fence('shop');
    }
  }
  const topics = await log.topics();
  for (const [place, expected] of model) {
    const [topic, partition] = [place.slice(0, -2), Number(place.slice(-1))];
    const from = below(expected.length + 1);
    const read: LogRecord[] = await collect(log.read({ topic, partition, from }));
    assert.deepEqual(read.map(plain), expected.slice(from), place);
    const info = topics.find((other) => other.topic === topic)!.partitions[partition]!;
    assert.deepEqual([info.startOffset, info.endOffset, info.records], [0, expected.length, expected.length]);
    assert.equal(info.sizeBytes! > 0, expected.length > 0);
  }
  await log.close();
});

test('an older epoch is refused and leaves neither records nor offset', async () => {
  using folder = new TempFolder();
  const log = openSqliteLog({ path: folder.file() });
  await assert.rejects(log.append(appendOf(1, [], 1)), { code: 'log.fenced' });
  const first = await log.fence('shop');
  await log.append(appendOf(first, [encodeRecords(TOPIC, [{ key: 'a', value: 'a' }])], 1));
  const second = await log.fence('shop');
  assert.equal(second, first + 1);
  assert.equal(await log.fence('other'), 1);
  await assert.rejects(log.append(appendOf(first, [encodeRecords(TOPIC, [{ key: 'b', value: 'b' }])], 2)), {
    code: 'log.fenced',
    message: /generation 2, this is 1/,
  });
  assert.deepEqual(await log.offsets.get('shop', SERVER), { lsn: 1 });
  await log.append(appendOf(second, [encodeRecords(TOPIC, [{ key: 'c', value: 'c' }])], 3));
  const read = await collect(log.read({ topic: TOPIC, partition: 0, from: 0 }));
  assert.deepEqual(read.map(plain), [
    [0, 'a', 'a'],
    [1, 'c', 'c'],
  ]);
  await log.close();
});

test('an append that fails half-way leaves nothing, and the next one takes its offsets', async () => {
  using folder = new TempFolder();
  const log = openSqliteLog({ path: folder.file() });
  const epoch = await log.fence('shop');
  const good = encodeRecords(TOPIC, [{ key: 'a', value: 'a' }]);
  // The offset is written last, and cannot be put into JSON: both batches are inserted by then.
  const failing = { ...appendOf(epoch, [good, good], 1), offset: { lsn: 1n as unknown as number } };
  await assert.rejects(log.append(failing), TypeError);
  assert.equal(await log.offsets.get('shop', SERVER), null);
  await log.append(appendOf(epoch, [good], 2));
  assert.deepEqual((await collect(log.read({ topic: TOPIC, partition: 0, from: 0 }))).map(plain), [[0, 'a', 'a']]);
  await assert.rejects(log.append(appendOf(epoch, [good, encodeRecords(TOPIC, [{ key: 'x', value: 'y' }], 5)], 3)), {
    code: 'log.topic_missing',
  });
  assert.deepEqual(await log.offsets.get('shop', SERVER), { lsn: 2 });
  await log.close();
});

test('source offsets keep Connect’s texts, are listed, set and removed', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  const log = openSqliteLog({ path, clock: () => 99 });
  const epoch = await log.fence('shop');
  await log.append(appendOf(epoch, [encodeRecords(TOPIC, [{ key: 'a', value: 'a' }])], 7));
  await log.offsets.set('other', { server: 'x' }, { pos: 4, gtids: null });
  assert.deepEqual(await log.offsets.list(), [
    { connector: 'other', partition: { server: 'x' }, offset: { pos: 4, gtids: null }, updatedMs: 99 },
    { connector: 'shop', partition: SERVER, offset: { lsn: 7 }, updatedMs: 99 },
  ]);
  await log.offsets.set('shop', SERVER, null);
  await log.offsets.set('other', { server: 'x' }, null);
  assert.deepEqual(await log.offsets.list(), []);
  assert.equal(await log.offsets.get('shop', SERVER), null);
  await log.close();
  const again = openSqliteLog({ path });
  assert.equal((await again.topics())[0]!.partitions[0]!.endOffset, 1);
  await again.close();
});

test('groups keep the log offsets they committed', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  const log = openSqliteLog({ path });
  assert.deepEqual(await log.groups(), []);
  await log.commitLogOffsets('sink', [
    { topic: TOPIC, partition: 1, offset: 5 },
    { topic: TOPIC, partition: 0, offset: 3_000_000_000 },
  ]);
  const reader = openSqliteLog({ path, readonly: true });
  await reader.commitLogOffsets('sink', [{ topic: TOPIC, partition: 1, offset: 6 }]);
  await reader.commitLogOffsets('audit', [{ topic: TOPIC, partition: 0, offset: 1 }]);
  for (const each of [log, reader]) {
    assert.deepEqual(await each.groups(), ['audit', 'sink']);
    assert.deepEqual(await each.committedLogOffsets('sink'), [
      { topic: TOPIC, partition: 0, offset: 3_000_000_000 },
      { topic: TOPIC, partition: 1, offset: 6 },
    ]);
    assert.deepEqual(await each.committedLogOffsets('nobody'), []);
  }
  await reader.close();
  await log.close();
});

test('a reader may neither append nor create topics, and a missing topic names its neighbours', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  const log = openSqliteLog({ path });
  log.partitionsOf(TOPIC);
  const reader = openSqliteLog({ path, readonly: true });
  await assert.rejects(reader.fence('shop'), { code: 'log.write' });
  await assert.rejects(reader.append(appendOf(1, [], 1)), { code: 'log.write' });
  await assert.rejects(reader.offsets.set('shop', SERVER, null), { code: 'log.write' });
  assert.throws(() => reader.partitionsOf('app.public.order'), {
    code: 'log.topic_missing',
    remedy: 'Did you mean app.public.orders?',
  });
  await assert.rejects(collect(reader.read({ topic: 'nope', partition: 0, from: 0 })), { code: 'log.topic_missing' });
  await assert.rejects(collect(reader.read({ topic: TOPIC, partition: 1, from: 0 })), { code: 'log.topic_missing' });
  log.partitionsOf('later');
  assert.equal(reader.partitionsOf('later'), 1);
  assert.throws(() => log.partitionsOf('not valid'), { code: 'config.invalid' });
  await reader.close();
  await log.close();
});

test('a follower gets appends of its own process and ends with its signal, or with the log', async () => {
  using folder = new TempFolder();
  const log = openSqliteLog({ path: folder.file() });
  const epoch = await log.fence('shop');
  log.partitionsOf(TOPIC);
  const stop = new AbortController();
  const seen: (string | null)[] = [];
  const following = (async () => {
    for await (const record of log.read({ topic: TOPIC, partition: 0, from: 1, follow: true }, stop.signal)) {
      seen.push(plain(record)[1]);
      if (seen.length === 3) stop.abort();
    }
  })();
  for (const key of ['a', 'b', 'c', 'd', 'e']) {
    await log.append(appendOf(epoch, [encodeRecords(TOPIC, [{ key, value: key }])]));
    await new Promise(setImmediate);
  }
  await following;
  assert.deepEqual(seen, ['b', 'c', 'd']);
  const untilClose = collect(log.read({ topic: TOPIC, partition: 0, from: 4, follow: true }));
  await new Promise(setImmediate);
  await log.close();
  assert.deepEqual((await untilClose).map(plain), [[4, 'e', 'e']]);
});
