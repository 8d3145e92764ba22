import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type MysqlFamily, type TestSchema, useSchema, whyNoMysql } from '../services/shared-mysql.ts';
import { runCli } from './fake-io.ts';
import { storedCount, storedIds, storedOffset } from './stored.ts';
import { type ConnectorKeys, TailraceProcess, tailrace, temporaryFolder, writeConnector } from './tailrace-process.ts';

const CLASSES: Readonly<Record<MysqlFamily, string>> = {
  mysql: 'io.debezium.connector.mysql.MySqlConnector',
  mariadb: 'io.debezium.connector.mariadb.MariaDbConnector',
};
const folder = temporaryFolder();

/** The server's is a mysql:// URL, whichever it is. */
function urlOf({ family, url }: TestSchema): string {
  return url.replace(/^mysql:/, `${family}:`);
}

function connector({ family, url, name: database }: TestSchema, name: string, keys: ConnectorKeys = {}): string {
  return writeConnector(folder, url, { 'connector.class': CLASSES[family], name: `${database}_${name}`, ...keys });
}

const logOf = (path: string): string => join(dirname(path), 'log.tailrace.db');

for (const family of ['mysql', 'mariadb'] as const) {
  const skip = await whyNoMysql(family);

  test(`${family}: tail shows the rows that there are and what is committed after them, and says where`, {
    skip,
  }, async (t) => {
    const schema = await useSchema(family, t);
    const { client, name } = schema;
    await client.query('CREATE TABLE items (id int PRIMARY KEY, n bigint unsigned, at datetime(3))');
    await client.query("INSERT INTO items VALUES (1, 18446744073709551615, '2024-02-29 12:00:00.5')");
    let changed: Promise<unknown> | null = null;
    const run = (args: readonly string[], isTTY: boolean) =>
      runCli(['tail', urlOf(schema), '--snapshot', '--tables', `${name}\\.items`, ...args], {
        isTTY,
        onStdout: () => {
          changed ??= client.query('UPDATE items SET n = n - 1 WHERE id = 1');
        },
      });
    const lines = await run(['--limit', '2'], false);
    assert.equal(lines.exitCode, 0, lines.stderr);
    const [read, update] = lines.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line.replaceAll(/:(\d{17,})/g, ':"$1"')));
    assert.deepEqual(read.key, { id: 1 });
    assert.deepEqual(read.value.after, { id: 1, n: '18446744073709551615', at: '2024-02-29T12:00:00.5Z' });
    assert.equal(read.value.source.connector, family);
    assert.deepEqual([update.value.op, update.value.after.n], ['u', '18446744073709551614']);
    await changed;

    changed = null;
    const shown = await run(['--limit', '2'], true);
    assert.equal(shown.exitCode, 0, shown.stderr);
    assert.match(shown.stdout, new RegExp(`^read +${name}\\.items id=1 +snapshot `));
    assert.match(shown.stdout, new RegExp(`\nupdate +${name}\\.items id=1 +gtid \\S+ `));
    assert.match(shown.stdout, /\n {4}n {2}18446744073709551614 → 18446744073709551613\n$/);
    await changed;
  });

  test(`${family}: run goes on where it was stopped, with /lag, its history in the log and its offset shown`, {
    skip,
  }, async (t) => {
    const schema = await useSchema(family, t);
    const { client, name } = schema;
    await client.query('CREATE TABLE items (id int PRIMARY KEY)');
    await client.query('INSERT INTO items VALUES (1), (2)');
    const path = connector(schema, 'run', { 'tailrace.http.listen': '127.0.0.1:0' });
    const topic = `p.${name}.items`;
    const first = new TailraceProcess(['run', path]);
    assert.deepEqual(await storedCountOf(first, topic, path, 2), [1, 2]);
    await client.query('INSERT INTO items VALUES (3)');
    await storedCount(logOf(path), topic, 3);
    const [, url] = await first.says(/"url":"(http:[^"]+)"/);
    const lag = (await (await fetch(`${url}/lag`)).json()) as {
      readonly status: string;
      readonly binlogs: readonly Record<string, unknown>[];
    };
    assert.equal(lag.status, 'ok');
    assert.match(String(lag.binlogs[0]?.file), /^\S+\.\d+$/);
    const stopped = await first.stop();
    assert.equal(stopped.exitCode, 0, stopped.stderr);
    await client.query('ALTER TABLE items ADD note varchar(9)');
    await client.query("INSERT INTO items VALUES (4, 'x')");
    const second = new TailraceProcess(['run', path]);
    await storedCountOf(second, topic, path, 4);
    assert.equal((await second.stop()).exitCode, 0);
    assert.deepEqual(await storedIds(logOf(path), topic), [1, 2, 3, 4]);
    const offset = await storedOffset(logOf(path), `${name}_run`);
    assert.equal(typeof offset?.file, 'string');
    const history = await runCli(['topics', 'read', 'p.schema-history', '--log', logOf(path)]);
    assert.match(history.stdout, /ALTER TABLE items ADD note/);
    const changes = await runCli(['topics', 'read', 'p', '--log', logOf(path)]);
    assert.match(changes.stdout, /ALTER TABLE items ADD note/);
    const shown = await runCli(['offsets', 'show', '--log', logOf(path)]);
    assert.deepEqual(JSON.parse(shown.stdout).offset, offset);
    const behind = await runCli(['slots', 'lag', path, '--json']);
    assert.equal(JSON.parse(behind.stdout).file, offset?.file);
    assert.match(
      (await runCli(['slots', 'lag', path])).stdout,
      /^DELIVERED TO +SERVER AT +UNDELIVERED +TRANSACTIONS +KEPT FOR +LEFT\n\S+:\d+ /,
    );
  });

  test(`${family}: lists that choose no table are told of, as one may be made later`, { skip }, async (t) => {
    const schema = await useSchema(family, t);
    const { client, name } = schema;
    const run = new TailraceProcess(['tail', urlOf(schema), '--snapshot', '--tables', `${name}\\.later`]);
    await run.says(/there is no table to read/);
    await run.says(/"msg":"streaming"/);
    await client.query('CREATE TABLE later (id int PRIMARY KEY)');
    await client.query('INSERT INTO later VALUES (1)');
    await run.writes(/"id":1/);
    assert.equal((await run.stop()).exitCode, 0);
  });

  test(`${family}: bootstrap ends after the snapshot, validate finds nothing wrong`, { skip }, async (t) => {
    const schema = await useSchema(family, t);
    const { client, name } = schema;
    await client.query('CREATE TABLE items (id int PRIMARY KEY)');
    await client.query('INSERT INTO items VALUES (1), (2), (3)');
    const path = connector(schema, 'bootstrap');
    const checked = await tailrace(['validate', path]);
    assert.equal(checked.exitCode, 0, checked.stdout);
    assert.doesNotMatch(checked.stdout, /^(error|warning): /m);
    const outcome = await tailrace(['bootstrap', path, '--then', 'exit']);
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    assert.deepEqual(await storedIds(logOf(path), `p.${name}.items`), [1, 2, 3]);
  });
}

/** Rejects when the process ends before. */
async function storedCountOf(
  run: TailraceProcess,
  topic: string,
  path: string,
  count: number,
): Promise<readonly number[]> {
  await run.says(/"msg":"streaming"/);
  return await Promise.race([
    storedCount(logOf(path), topic, count),
    run.ended.then(({ stderr }) => Promise.reject(new Error(stderr))),
  ]);
}
