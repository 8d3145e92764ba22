import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { openSqliteLog } from '../../../src/logs/sqlite/log.ts';
import { sequenceCount, sequenceRecord } from './log-child.ts';
import { appendOf, collect, encodeRecords, plain, SERVER, seededRandom, TempFolder, testSeed } from './log-fixture.ts';

const CHILD = fileURLToPath(new URL('./log-child.ts', import.meta.url));

interface Child {
  readonly process: ChildProcess;
  readonly output: () => string;
  /** Settles with the exit code, or the signal. */
  readonly ended: Promise<number | string>;
}

async function start(...args: readonly string[]): Promise<Child> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes('ready\n')) resolve();
      });
    }
  });
  await Promise.race([ready, ended]);
  return { process: child, output: () => output, ended };
}

async function endedWell(child: Child): Promise<void> {
  assert.equal(await child.ended, 0, child.output());
}

test('two processes follow while a third appends and a fourth commits log offsets', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  const log = openSqliteLog({ path });
  log.partitionsOf('even');
  log.partitionsOf('odd');
  const readers = await Promise.all([start('read', path, '1500'), start('read', path, '1500')]);
  const committer = await start('commit', path, '300');
  const epoch = await log.fence('shop');
  for (let next = 0; next < 3000; ) {
    const size = sequenceCount(next);
    const numbers = Array.from({ length: size }, (_, i) => next + i);
    const half = (rest: number) => numbers.filter((n) => n % 2 === rest).map(sequenceRecord);
    next += size;
    await log.append(appendOf(epoch, [encodeRecords('even', half(0)), encodeRecords('odd', half(1))], next));
    await new Promise(setImmediate);
  }
  await Promise.all([...readers, committer].map(endedWell));
  for (const reader of readers) assert.match(reader.output(), /read 1500\n/);
  assert.deepEqual(await log.committedLogOffsets('sink'), [{ topic: 'even', partition: 0, offset: 300 }]);
  await log.close();
});

test('a second writer is refused with the pid of the first, and only while that lives', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  const child = await start('append', path);
  const pid = child.process.pid!;
  assert.throws(() => openSqliteLog({ path }), { code: 'log.locked', message: new RegExp(`process ${pid} on`) });
  child.process.kill('SIGKILL');
  assert.equal(await child.ended, 'SIGKILL');
  const log = openSqliteLog({ path });
  assert.throws(() => openSqliteLog({ path }), {
    code: 'log.locked',
    message: new RegExp(`process ${process.pid} on`),
  });
  const refused = await start('append', path);
  assert.equal(await refused.ended, 1);
  assert.match(refused.output(), new RegExp(`is being written by process ${process.pid}`));
  await log.append(appendOf(await log.fence('shop'), []));
  await log.close();
  assert.equal(existsSync(`${path}-wal`), false);
  await openSqliteLog({ path }).close();
});

test('a log has one writer by whatever path it is reached, before and after its file is made', async () => {
  using folder = new TempFolder();
  const elsewhere = folder.file('elsewhere');
  mkdirSync(elsewhere);
  symlinkSync('elsewhere', folder.file('folder'));
  symlinkSync(join('folder', 'log.db'), folder.file('link.db'));
  symlinkSync('link.db', folder.file('chain.db'));
  const paths = ['chain.db', 'link.db', join('folder', 'log.db'), join('elsewhere', 'log.db')].map((name) =>
    folder.file(name),
  );
  for (const path of paths) {
    const log = openSqliteLog({ path });
    const epoch = await log.fence('shop');
    await log.append(appendOf(epoch, [encodeRecords('t', [{ key: path, value: 'v' }])]));
    for (const other of paths) {
      assert.throws(() => openSqliteLog({ path: other }), { code: 'log.locked' }, `${path}, then ${other}`);
      const reader = openSqliteLog({ path: other, readonly: true });
      assert.equal((await collect(reader.read({ topic: 't', partition: 0, from: 0 }))).at(-1)?.key?.toString(), path);
      await reader.commitLogOffsets('sink', [{ topic: 't', partition: 0, offset: 1 }]);
      await reader.close();
    }
    assert.deepEqual(readdirSync(elsewhere).sort(), ['log.db', 'log.db-lock', 'log.db-shm', 'log.db-wal']);
    await log.close();
  }
  assert.deepEqual(readdirSync(folder.path).sort(), ['chain.db', 'elsewhere', 'folder', 'link.db']);
  symlinkSync('ring.db', folder.file('ring.db'));
  assert.throws(() => openSqliteLog({ path: folder.file('ring.db') }), { code: 'log.open' });
});

test('after SIGKILL at any moment records and source offset agree exactly and the file is whole', async (t) => {
  const seed = testSeed();
  t.diagnostic(`TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  using folder = new TempFolder();
  const path = folder.file();
  let records = 0;
  for (let round = 0; round < 12; round++) {
    const child = await start('append', path);
    await new Promise((resolve) => setTimeout(resolve, random() * 120));
    child.process.kill('SIGKILL');
    assert.equal(await child.ended, 'SIGKILL', child.output());

    // Alternately the first to open the file, and so to recover it, is a reader or a writer.
    const log = openSqliteLog({ path, readonly: round % 2 === 0 });
    const offset = Number((await log.offsets.get('shop', SERVER))?.lsn ?? 0);
    const found = [];
    for (const topic of offset === 0 ? [] : ['even', 'odd']) {
      for (const [at, key, value] of (await collect(log.read({ topic, partition: 0, from: 0 }))).map(plain)) {
        const n = at * 2 + (topic === 'odd' ? 1 : 0);
        assert.deepEqual({ key, value }, sequenceRecord(n));
        found.push(n);
      }
    }
    assert.equal(found.length, offset);
    assert.equal(new Set(found).size, offset);
    assert.ok(offset >= records, `${offset} records after ${records}`);
    records = offset;
    await log.close();
    const db = new Database(path);
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    db.close();
  }
  assert.ok(records > 0);
});
