// The other process of the tests: node log-child.ts append|read|commit <path> [count]
import { openSqliteLog } from '../../../src/logs/sqlite/log.ts';
import { appendOf, encodeRecords, plain, SERVER } from './log-fixture.ts';

/** Record `n` of the sequence that a child appends: its content follows from its number. */
export function sequenceRecord(n: number): { key: string; value: string } {
  return { key: `{"id":${n}}`, value: `{"after":{"id":${n},"text":"${'x'.repeat((n * 7919) % 2000)}"}}` };
}

/** The append that begins at record `n`: of one to 60 records. */
export function sequenceCount(n: number): number {
  return 1 + ((n * 31) % 60);
}

const [mode, path, count] = process.argv.slice(2);
if (import.meta.main && mode !== undefined && path !== undefined) {
  if (mode === 'append') await append(path, count === undefined ? Number.POSITIVE_INFINITY : Number(count));
  if (mode === 'read') await read(path, Number(count));
  if (mode === 'commit') await commit(path, Number(count));
}

async function append(path: string, until: number): Promise<void> {
  const log = openSqliteLog({ path, retention: {} });
  const epoch = await log.fence('shop');
  let next = Number((await log.offsets.get('shop', SERVER))?.lsn ?? 0);
  process.stdout.write('ready\n');
  while (next < until) {
    const size = sequenceCount(next);
    const records = Array.from({ length: size }, (_, i) => sequenceRecord(next + i));
    // Alternate records go to two partitions of two topics: one transaction over several places.
    const even = records.filter((_, i) => (next + i) % 2 === 0);
    const odd = records.filter((_, i) => (next + i) % 2 === 1);
    log.partitionsOf('even');
    log.partitionsOf('odd');
    next += size;
    await log.append(appendOf(epoch, [encodeRecords('even', even), encodeRecords('odd', odd)], next));
    await new Promise(setImmediate);
  }
  await log.close();
}

async function read(path: string, until: number): Promise<void> {
  const log = openSqliteLog({ path, readonly: true });
  process.stdout.write('ready\n');
  const stop = new AbortController();
  let next = 0;
  for await (const record of log.read({ topic: 'even', partition: 0, from: 0, follow: true }, stop.signal)) {
    const expected = sequenceRecord(next * 2);
    const [offset, key, value] = plain(record);
    if (offset !== next || key !== expected.key || value !== expected.value) throw new Error(`wrong record at ${next}`);
    if (++next === until) stop.abort();
  }
  await log.close();
  process.stdout.write(`read ${next}\n`);
}

async function commit(path: string, times: number): Promise<void> {
  const log = openSqliteLog({ path, readonly: true });
  process.stdout.write('ready\n');
  for (let i = 1; i <= times; i++) {
    await log.commitLogOffsets('sink', [{ topic: 'even', partition: 0, offset: i }]);
    await new Promise(setImmediate);
  }
  await log.close();
}
