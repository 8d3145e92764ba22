import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSqliteLog, type SqliteLog } from '../../../src/logs/sqlite/log.ts';
import { appendOf, collect, encodeRecords, plain, TempFolder } from './log-fixture.ts';

const TOPIC = 'app.public.orders';

const record = (key: string) => encodeRecords(TOPIC, [{ key, value: key.repeat(3) }]);

async function keys(log: SqliteLog, topic = TOPIC): Promise<(string | number | null)[][]> {
  return (await collect(log.read({ topic, partition: 0, from: 0 }))).map((one) => plain(one).slice(0, 2));
}

test('a snapshot that begins anew withdraws what the interrupted one appended, and gives no log offset twice', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  let log = openSqliteLog({ path });
  let epoch = await log.fence('shop');
  await log.append(appendOf(epoch, [record('before')]));
  await log.append({ ...appendOf(epoch, []), snapshot: 'begin' });
  await log.append(appendOf(epoch, [record('a')]));
  await log.append(appendOf(epoch, [record('b'), encodeRecords('app.public.other', [{ key: 'o', value: 'o' }])]));
  await log.close();

  log = openSqliteLog({ path });
  epoch = await log.fence('shop');
  assert.deepEqual(
    await keys(log),
    [
      [0, 'before'],
      [1, 'a'],
      [2, 'b'],
    ],
    'nothing is withdrawn before the next begins',
  );
  await log.append({ ...appendOf(epoch, []), snapshot: 'begin' });
  assert.deepEqual(await keys(log), [[0, 'before']]);
  assert.deepEqual(await keys(log, 'app.public.other'), []);
  await log.append(appendOf(epoch, [record('a')]));
  await log.append({ ...appendOf(epoch, [record('c')]), snapshot: 'end' });
  await log.append(appendOf(epoch, [record('streamed')]));
  await log.close();

  log = openSqliteLog({ path });
  epoch = await log.fence('shop');
  await log.append({ ...appendOf(epoch, []), snapshot: 'begin' });
  assert.deepEqual(
    await keys(log),
    [
      [0, 'before'],
      [3, 'a'],
      [4, 'c'],
      [5, 'streamed'],
    ],
    'a complete snapshot and what followed it stay',
  );
  await log.close();
});

test('what a task appends outside of a snapshot of its own is never withdrawn', async () => {
  using folder = new TempFolder();
  const log = openSqliteLog({ path: folder.file() });
  let epoch = await log.fence('shop');
  await log.append({ ...appendOf(epoch, []), snapshot: 'begin' });
  await log.append(appendOf(epoch, [record('part')]));
  epoch = await log.fence('shop');
  await log.append(appendOf(epoch, [record('streamed')]));
  await log.append({ ...appendOf(epoch, [record('whole')]), snapshot: 'begin' });
  const other = await log.fence('other');
  await log.append({ ...appendOf(other, []), connector: 'other', snapshot: 'begin' });
  assert.deepEqual(await keys(log), [
    [1, 'streamed'],
    [2, 'whole'],
  ]);
  await log.close();
});

test('a large snapshot is withdrawn in steps: others append meanwhile, and one that was fenced off withdraws no more', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  const log = openSqliteLog({ path });
  const epoch = await log.fence('shop');
  await log.append({ ...appendOf(epoch, []), snapshot: 'begin' });
  const parts = Array.from({ length: 100 }, (_, i) => encodeRecords(`t${i}`, [{ key: 'k', value: 'v' }]));
  for (let i = 0; i < 30; i++) await log.append(appendOf(epoch, parts));
  const count = async (): Promise<number> => {
    const reader = openSqliteLog({ path, readonly: true });
    const all = await Promise.all(parts.map(({ topic }) => keys(reader, topic)));
    await reader.close();
    return all.flat().length;
  };
  assert.equal(await count(), 3000);

  const other = await log.fence('other');
  const steps = log.append({ ...appendOf(epoch, [record('first')]), snapshot: 'begin' });
  const refused = assert.rejects(steps, { code: 'log.fenced' });
  await log.append({ ...appendOf(other, [record('of the other')]), connector: 'other' });
  assert.deepEqual(await keys(log), [[0, 'of the other']], 'nothing of the new snapshot before the old one is gone');
  const newer = await log.fence('shop');
  await refused;
  const left = await count();
  assert.ok(left > 0 && left < 3000, `${left} records are left`);
  await log.close();

  const again = openSqliteLog({ path });
  await again.append({ ...appendOf(newer, [record('anew')]), snapshot: 'begin' });
  assert.equal(await count(), 0);
  assert.deepEqual(await keys(again), [
    [0, 'of the other'],
    [1, 'anew'],
  ]);
  const ends = (await again.topics())
    .filter(({ topic }) => topic !== TOPIC)
    .map(({ partitions }) => partitions[0]!.endOffset);
  assert.deepEqual(new Set(ends), new Set([30]), 'log offsets stay given');
  await again.close();
});
