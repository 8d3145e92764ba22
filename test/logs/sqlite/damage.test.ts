import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { openSqliteLog } from '../../../src/logs/sqlite/log.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import { appendOf, collect, encodeRecords, plain, SERVER, seededRandom, TempFolder, testSeed } from './log-fixture.ts';

type PlainRecord = ReturnType<typeof plain>;
const PLACES = [
  ['orders', 0],
  ['orders', 1],
  ['items', 0],
] as const;

/** A log of three partitions with small, large and compressed batches; gives what each partition holds. */
async function writeSample(path: string): Promise<Map<string, PlainRecord[]>> {
  const log = openSqliteLog({ path, partitions: (topic) => (topic === 'orders' ? 2 : 1) });
  const epoch = await log.fence('shop');
  log.partitionsOf('orders');
  log.partitionsOf('items');
  for (let i = 0; i < 60; i++) {
    const [topic, partition] = PLACES[i % 3]!;
    const records = Array.from({ length: 1 + ((i * 7) % 50) }, (_, k) => ({
      key: `{"id":${i * 1000 + k}}`,
      value: `{"n":${i * 1000 + k},"text":"${((i * k) ** 3).toString(36).repeat(1 + (k % 40))}"}`,
    }));
    await log.append(appendOf(epoch, [encodeRecords(topic, records, partition)], i));
  }
  await log.commitLogOffsets('sink', [{ topic: 'items', partition: 0, offset: 3 }]);
  const sample = await readAll(log);
  await log.close();
  return sample;
}

async function readAll(log: ReturnType<typeof openSqliteLog>): Promise<Map<string, PlainRecord[]>> {
  const all = new Map<string, PlainRecord[]>();
  for (const [topic, partition] of PLACES) {
    all.set(`${topic}-${partition}`, (await collect(log.read({ topic, partition, from: 0 }))).map(plain));
  }
  return all;
}

test('flipped bytes and zeroed sectors give log.corrupt or the records as they were, never others', async (t) => {
  const seed = testSeed();
  t.diagnostic(`TEST_SEED=${seed}`);
  const random = seededRandom(seed);
  using folder = new TempFolder();
  const path = folder.file();
  const sample = await writeSample(path);
  const bytes = readFileSync(path);
  const damaged = folder.file('damaged.db');
  let found = 0;
  for (let round = 0; round < 150; round++) {
    const copy = Buffer.from(bytes);
    // A third in the page headers and cell pointers, where a flip changes which rows there are.
    const positions = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
      const at = Math.floor(random() * copy.length);
      return round % 3 === 0 ? at - (at % 16384) + Math.floor(random() * 64) : at;
    });
    for (const at of positions) copy[at]! ^= 1 << Math.floor(random() * 8);
    // A sector that was never written, as after a power cut.
    if (round % 5 === 0) copy.fill(0, positions[0]! & ~511, (positions[0]! & ~511) + 512);
    for (const suffix of ['-wal', '-shm', '-lock']) rmSync(damaged + suffix, { force: true });
    writeFileSync(damaged, copy);
    const context = `round ${round}, bytes ${positions.join(', ')}`;
    for (const readonly of [true, false]) {
      try {
        const log = openSqliteLog({ path: damaged, readonly });
        try {
          assert.deepEqual(await readAll(log), sample, context);
          assert.deepEqual(await log.offsets.get('shop', SERVER), { lsn: 59 }, context);
          assert.deepEqual(
            await log.committedLogOffsets('sink'),
            [{ topic: 'items', partition: 0, offset: 3 }],
            context,
          );
        } finally {
          await log.close();
        }
      } catch (error) {
        if (!(error instanceof TailraceError)) throw error;
        assert.equal(error.code, 'log.corrupt', `${context}: ${error.message}`);
        found++;
      }
    }
  }
  assert.ok(found > 40, `${found} of 300 damages were found`);
});

test('a truncated file is corrupt', async () => {
  using folder = new TempFolder();
  const path = folder.file();
  const sample = await writeSample(path);
  const { length } = readFileSync(path);
  const cut = folder.file('cut.db');
  for (const keep of [1, 99, 100, 512, 16_384, 16_385, Math.floor(length / 2), length - 16_384, length - 1]) {
    copyFileSync(path, cut);
    truncateSync(cut, keep);
    await assert.rejects(
      async () => {
        const log = openSqliteLog({ path: cut, readonly: true });
        try {
          assert.deepEqual(await readAll(log), sample);
        } finally {
          await log.close();
        }
      },
      { code: 'log.corrupt' },
      `cut to ${keep} bytes`,
    );
  }
});

test('a file that is no log, or of a newer format, is refused and left as it is', async () => {
  using folder = new TempFolder();
  const text = folder.file('notes.txt');
  writeFileSync(text, 'dear diary, '.repeat(100));
  const note = folder.file('note.txt');
  writeFileSync(note, 'buy milk');
  const foreign = folder.file('foreign.db');
  const db = new Database(foreign);
  db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
  db.close();
  const newer = folder.file('newer.db');
  await openSqliteLog({ path: newer }).close();
  const newerDb = new Database(newer);
  newerDb.pragma('user_version = 3');
  newerDb.close();
  for (const [path, message] of [
    [text, /notes\.txt is not a tailrace log: it is not a SQLite database/],
    [note, /note\.txt is not a tailrace log: it is not a SQLite database/],
    [foreign, /foreign\.db is not a tailrace log: it is another program's SQLite database/],
    [newer, /newer\.db has log format 3, this tailrace reads format 2/],
  ] as const) {
    const before = readFileSync(path);
    for (const readonly of [true, false]) {
      assert.throws(() => openSqliteLog({ path, readonly }), { code: 'log.corrupt', message });
    }
    assert.deepEqual(readFileSync(path), before);
    assert.equal(path === newer || !existsSync(`${path}-lock`), true);
  }
});

test('a path where no log can be is log.open, and an empty file becomes one', async () => {
  using folder = new TempFolder();
  assert.throws(() => openSqliteLog({ path: folder.file('none.db'), readonly: true }), {
    code: 'log.open',
    message: /There is no log/,
  });
  assert.throws(() => openSqliteLog({ path: `${folder.path}/missing/log.db` }), {
    code: 'log.open',
    message: /no folder/,
  });
  assert.throws(() => openSqliteLog({ path: folder.path }), { code: 'log.open', message: /not a file/ });
  const empty = folder.file('empty.db');
  writeFileSync(empty, '');
  assert.throws(() => openSqliteLog({ path: empty, readonly: true }), { code: 'log.open' });
  await openSqliteLog({ path: empty }).close();
  await openSqliteLog({ path: empty, readonly: true }).close();
});

const canMount = process.platform === 'linux' && process.getuid?.() === 0;

test('a full disk fails the append with log.full, keeps what was appended, and goes on once there is space', {
  skip: canMount ? false : 'needs root to mount a small tmpfs',
}, async () => {
  using folder = new TempFolder();
  const mount = folder.file('small');
  mkdirSync(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=5m', 'tmpfs', mount]);
  try {
    const path = `${mount}/log.db`;
    const ballast = `${mount}/ballast`;
    writeFileSync(`${mount}/more`, Buffer.alloc(1 << 20));
    writeFileSync(ballast, Buffer.alloc(1 << 20));
    let log = openSqliteLog({ path, compression: 'none' });
    let epoch = await log.fence('shop');
    const value = 'v'.repeat(50_000);
    let appended = 0;
    const append = (n: number) => log.append(appendOf(epoch, [encodeRecords('orders', [{ key: `${n}`, value }])], n));
    await assert.rejects(
      async () => {
        for (; appended < 200; appended++) await append(appended);
      },
      { code: 'log.full', message: /No space left on the disk of .*log\.db while appending/ },
    );
    assert.ok(appended > 5);
    const check = async (count: number) => {
      const read = (await collect(log.read({ topic: 'orders', partition: 0, from: 0 }))).map(plain);
      assert.deepEqual(
        read,
        Array.from({ length: count }, (_, i) => [i, `${i}`, value]),
      );
      assert.deepEqual(await log.offsets.get('shop', SERVER), { lsn: count - 1 });
    };
    await check(appended);
    rmSync(ballast);
    await append(appended++);
    await check(appended);
    await log.close();
    rmSync(`${mount}/more`);
    log = openSqliteLog({ path, compression: 'none' });
    await check(appended);
    epoch = await log.fence('shop');
    await log.close();

    writeFileSync(ballast, '');
    assert.throws(() => writeFileSync(ballast, Buffer.alloc(8 << 20)), { code: 'ENOSPC' });
    assert.throws(() => openSqliteLog({ path: `${mount}/second.db` }), { code: 'log.full' });
  } finally {
    execFileSync('umount', ['-l', mount]);
  }
});
