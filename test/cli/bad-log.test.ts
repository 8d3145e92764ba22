import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { type TestDatabase, useDatabase } from '../services/shared.ts';
import { assertRefused, type Refusal } from './refusal.ts';
import { storedCount, storedIds } from './stored.ts';
import { type ConnectorKeys, TailraceProcess, tailrace, temporaryFolder, writeConnector } from './tailrace-process.ts';

const folder = temporaryFolder();
const TOPIC = 'p.public.items';
let database: TestDatabase;

before(async () => {
  database = await useDatabase();
  await database.client.query('CREATE TABLE items (id int PRIMARY KEY, body text); INSERT INTO items VALUES (0)');
});
after(() => database.dispose());

/** Slots are the server's, which other test files use, too: their names are the database's. */
function connector(name: string, keys: ConnectorKeys = {}): string {
  return writeConnector(folder, database.url, {
    name,
    'slot.name': `${database.name}_${name}`,
    'table.include.list': 'public.items',
    ...keys,
  });
}

const logOf = (path: string): string => join(dirname(path), 'log.tailrace.db');
const secrets = (): readonly string[] => [new URL(database.url).password];

/** `run` and `validate` both tell it. */
async function refuses(path: string, refusal: Refusal): Promise<void> {
  const [run, check] = await Promise.all([tailrace(['run', path]), tailrace(['validate', path])]);
  assertRefused(run, refusal, secrets());
  assert.equal(check.exitCode, refusal.exitCode);
  assert.match(check.stdout, /^error: log: /m);
}

test('a file that is not a log, or is damaged, is left as it is and named', { concurrency: 2 }, async (t) => {
  const text = join(folder, 'text.db');
  writeFileSync(text, 'Shopping: milk, bread, butter.\n'.repeat(100));
  const foreign = join(folder, 'foreign.db');
  new Database(foreign).exec('CREATE TABLE of_others (a)').close();
  const damaged = connector('damaged');
  assert.equal((await tailrace(['bootstrap', damaged, '--then', 'exit'])).exitCode, 0);
  overwritePages(logOf(damaged));
  const cases: readonly (readonly [name: string, path: string, error: RegExp, fix: RegExp])[] = [
    [
      'a text file',
      connector('text', { 'tailrace.log.path': text }),
      /text\.db is not a tailrace log: it is not a SQLite database/,
      /path of its own/,
    ],
    [
      'a database of another program',
      connector('foreign', { 'tailrace.log.path': foreign }),
      /foreign\.db is not a tailrace log: it is another program's SQLite database/,
      /path of its own/,
    ],
    ['a folder', connector('dir', { 'tailrace.log.path': folder }), /it is not a file/, /path of the log file/],
    ['a damaged log', damaged, /log\.tailrace\.db is damaged/, /backup/],
  ];
  const before = [text, foreign].map((path) => readFileSync(path));
  await Promise.all(
    cases.map(([name, path, error, fix]) => t.test(name, () => refuses(path, { exitCode: 4, error, fix }))),
  );
  assert.deepEqual(
    [text, foreign].map((path) => readFileSync(path)),
    before,
  );
});

/** Spoils every page but the first, where the header is. */
function overwritePages(path: string): void {
  const pages = readFileSync(path).length / 16_384;
  const file = openSync(path, 'r+');
  for (let page = 1; page < pages; page++) writeSync(file, Buffer.alloc(64, 0xab), 0, 64, page * 16_384);
  closeSync(file);
}

test('one process writes to a log: the second names the first', async () => {
  const first = connector('first', { 'snapshot.mode': 'initial' });
  const running = new TailraceProcess(['run', first]);
  await running.says(/snapshot read/);
  const second = connector('second', { 'tailrace.log.path': logOf(first) });
  assertRefused(
    await tailrace(['run', second]),
    {
      exitCode: 4,
      error: /is being written by process \d+/,
      fix: /stop process \d+, or give this one a log file of its own/,
    },
    secrets(),
  );
  assert.equal((await running.stop()).exitCode, 0);
});

test('a port in use is named with the key to change', async (t) => {
  const other = createServer();
  await new Promise<void>((ready) => other.listen(0, '127.0.0.1', ready));
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  assertRefused(
    await tailrace(['run', connector('port', { 'tailrace.http.listen': `127.0.0.1:${port}` })]),
    {
      exitCode: 2,
      error: new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use`),
      fix: /tailrace\.http\.listen/,
    },
    secrets(),
  );
});

test('configurations that cannot be read or understood are refused where they are wrong', {
  concurrency: 2,
}, async (t) => {
  const broken = join(folder, 'broken.json');
  writeFileSync(broken, '{\n  "name": "x",\n  "config": { "topic.prefix": }\n}');
  const both = connector('both', { 'table.exclude.list': 'public.b' });
  const wrong = connector('wrong', { 'snapshot.mode': 'sometimes' });
  const cases: readonly (readonly [name: string, args: readonly string[], error: RegExp])[] = [
    ['no such file', ['run', join(folder, 'none.json')], /there is no file .*none\.json/],
    ['a folder', ['run', folder], /is a folder, not a file/],
    ['a JSON syntax error', ['run', broken], /broken\.json:3:31: not JSON: a value is expected, not '\}'/],
    [
      'both lists',
      ['bootstrap', both],
      /both\.json:\d+: table\.include\.list cannot be set together with table\.exclude\.list/,
    ],
    [
      'a value that is not allowed',
      ['run', wrong],
      /wrong\.json:\d+: snapshot\.mode 'sometimes' is not one of initial, initial_only/,
    ],
  ];
  await Promise.all(
    cases.map(([name, args, error]) =>
      t.test(name, async () => assertRefused(await tailrace(args), { exitCode: 2, error, fix: null }, secrets())),
    ),
  );
  await t.test('a misspelt key is warned of and the nearest one named', async () => {
    const { exitCode, stdout } = await tailrace([
      'validate',
      '--offline',
      connector('misspelt', { 'snapshot.mod': 'initial' }),
    ]);
    assert.equal(exitCode, 0);
    assert.match(
      stdout,
      /^warning: .*misspelt\.json:\d+: snapshot\.mod is not a known key, ignored; is snapshot\.mode meant\?$/m,
    );
  });
});

test('a full disk loses nothing: with space again the task goes on, and so does a new process', async (t) => {
  const disk = useSmallDisk(t, '1m');
  if (disk === null) return;
  const path = connector('full', {
    'tailrace.log.path': join(disk.folder, 'log.tailrace.db'),
    // Short, so that the task tries again soon after there is space.
    'retriable.restart.connector.wait.ms': 500,
  });
  const log = join(disk.folder, 'log.tailrace.db');
  const first = new TailraceProcess(['run', path]);
  await first.says(/snapshot read/);
  await storedCount(log, TOPIC, 1);
  let last = 0;
  const fill = async (rows: number): Promise<void> => {
    for (const end = last + rows; last < end; ) {
      // Random text, which does not compress: 4 KB a row.
      await database.client.query('INSERT INTO items VALUES ($1, $2)', [++last, randomBytes(3000).toString('base64')]);
    }
  };
  await fill(400);
  const isFull = /log\.full.*No space left on the disk.*restarting/;
  await first.says(isFull);
  disk.resize('64m');
  assert.deepEqual(await storedCount(log, TOPIC, last + 1), range(last));
  const told = first.stderr.length;
  const ballast = join(disk.folder, 'ballast');
  fillDisk(ballast);
  // The WAL has room of its own, as much as it ever needed.
  while (!isFull.test(first.stderr.slice(told))) await fill(50);
  assert.equal((await first.stop()).exitCode, 0);
  rmSync(ballast);
  const second = new TailraceProcess(['run', path]);
  await storedCount(log, TOPIC, last + 1);
  assert.equal((await second.stop()).exitCode, 0);
  assert.deepEqual(await storedIds(log, TOPIC), range(last));
});

test('a disk that is full at the start is named', async (t) => {
  const disk = useSmallDisk(t, '64k');
  if (disk === null) return;
  const path = connector('no_space', { 'tailrace.log.path': join(disk.folder, 'log.tailrace.db') });
  assertRefused(
    await tailrace(['run', path]),
    { exitCode: 4, error: /No space left on the disk of/, fix: /Free space/ },
    secrets(),
  );
});

function fillDisk(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const block = Buffer.alloc(64 * 1024); writeSync(file, block) === block.length; );
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  } finally {
    closeSync(file);
  }
}

function range(last: number): readonly number[] {
  return Array.from({ length: last + 1 }, (_, id) => id);
}

/** A filesystem of its own. Null, with the test skipped, where we may not mount one. */
function useSmallDisk(t: TestContext, size: string): { readonly folder: string; resize(size: string): void } | null {
  const mountPoint = join(folder, `disk-${size}`);
  mkdirSync(mountPoint);
  const mount = (options: string): string | null => {
    const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', mountPoint], {
      encoding: 'utf8',
    });
    return status === 0 ? null : (error?.message ?? stderr.trim());
  };
  const failure = mount(`size=${size}`);
  if (failure !== null) {
    t.skip(`a tmpfs cannot be mounted here: ${failure}`);
    return null;
  }
  t.after(() => spawnSync('umount', ['--lazy', mountPoint]));
  return { folder: mountPoint, resize: (to) => assert.equal(mount(`remount,size=${to}`), null) };
}
