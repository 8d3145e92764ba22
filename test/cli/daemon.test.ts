import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatLsn } from '../../decoders/pgoutput/lsn.ts';
import { startPostgres, type TestPostgres } from '../services/postgres.ts';
import { type TestDatabase, useDatabase } from '../services/shared.ts';
import { storedCount, storedIds, storedOffset } from './stored.ts';
import { type ConnectorKeys, TailraceProcess, temporaryFolder, writeConnector } from './tailrace-process.ts';

const folder = temporaryFolder();
const TOPIC = 'p.public.items';
let database: TestDatabase;

before(async () => {
  database = await useDatabase();
  await database.client.query('CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (0)');
});
after(() => database.dispose());

/** Slots are the server's, which other test files use, too: their names are the database's. */
function connector(name: string, keys: ConnectorKeys = {}, url = database.url): string {
  return writeConnector(folder, url, {
    name,
    'slot.name': `${database.name}_${name}`,
    'table.include.list': 'public.items',
    ...keys,
  });
}

const logOf = (path: string): string => join(dirname(path), 'log.tailrace.db');

async function baseUrl(run: TailraceProcess): Promise<string> {
  const [, url] = await run.says(/"url":"(http:[^"]+)"/);
  return url!;
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the bodies are pinned by the tests of src/rest.
  readonly body: any;
}

async function get(url: string): Promise<Answer> {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
}

async function until(url: string, holds: (answer: Answer) => boolean): Promise<Answer> {
  for (;;) {
    const answer = await get(url);
    if (holds(answer)) return answer;
    await sleep(20);
  }
}

test('/health and /lag say 200 of a healthy task, and /lag 503 once a threshold is crossed', async () => {
  const http = { 'tailrace.http.listen': '127.0.0.1:0' };
  const healthy = new TailraceProcess(['run', connector('healthy', http)]);
  const url = await baseUrl(healthy);
  await healthy.says(/snapshot read/);
  const { body } = await until(`${url}/health`, ({ status }) => status === 200);
  assert.equal(body.status, 'healthy');
  const lag = await until(`${url}/lag`, ({ status }) => status === 200);
  assert.deepEqual([lag.body.status, lag.body.slots[0].crossed], ['ok', []]);
  await healthy.stop();

  // A slot retains at least the WAL from its restart_lsn on.
  const tiny = connector('tiny', { ...http, 'tailrace.lag.retained.bytes.max': 1 });
  const lagging = new TailraceProcess(['run', tiny]);
  const red = await until(`${await baseUrl(lagging)}/lag`, ({ body }) => body.slots[0].retainedBytes > 1);
  assert.equal(red.status, 503);
  assert.deepEqual([red.body.status, red.body.slots[0].crossed], ['crossed', ['retainedBytes']]);
  await lagging.stop();
});

test('/health is 503 with the reason while one of two connectors has failed; the other goes on', async () => {
  const slot = `${database.name}_alien`;
  await database.client.query(`SELECT pg_create_logical_replication_slot($1, 'test_decoding')`, [slot]);
  const sound = connector('sound', { 'tailrace.http.listen': '127.0.0.1:0' });
  const alien = connector('alien', { 'topic.prefix': 'q' });
  const run = new TailraceProcess(['run', sound, alien]);
  const { body } = await until(`${await baseUrl(run)}/health`, ({ status }) => status === 503);
  assert.equal(body.status, 'failed');
  const task = body.tasks.find((one: { connector: string }) => one.connector === 'alien');
  assert.equal(task.state, 'FAILED');
  assert.equal(task.error.code, 'source.setting');
  assert.match(task.error.remedy, /pg_drop_replication_slot/);
  await storedCount(logOf(sound), TOPIC, 1);
  const { stderr } = await run.stop();
  assert.match(stderr, /"level":"error".*"connector":"alien".*test_decoding/);
});

test('/health is 503 while a task restarts and 200 when it runs again; the restart loses nothing', async () => {
  await using server: TestPostgres = await startPostgres();
  const { Client } = (await import('pg')).default;
  const insert = async (id: number, ddl = ''): Promise<void> => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    await client.query(`${ddl}; INSERT INTO items VALUES (${id})`);
    await client.end();
  };
  await insert(0, 'CREATE TABLE items (id int PRIMARY KEY)');
  const path = connector(
    'restarted',
    { 'tailrace.http.listen': '127.0.0.1:0', 'retriable.restart.connector.wait.ms': 200 },
    server.url,
  );
  const run = new TailraceProcess(['run', path]);
  const url = await baseUrl(run);
  await storedCount(logOf(path), TOPIC, 1);
  await until(`${url}/health`, ({ body }) => body.tasks[0].phase === 'streaming');
  await server.stop();
  const away = await until(`${url}/health`, ({ status }) => status === 503);
  assert.deepEqual([away.body.status, away.body.tasks[0].state], ['restarting', 'RESTARTING']);
  assert.match(away.body.tasks[0].error.code, /^source\.(connect|connection_lost)$/);
  const answers: number[] = [];
  await until(`${url}/health`, ({ status, body }) => {
    answers.push(status);
    return body.tasks[0].failedAttempts >= 4;
  });
  assert.deepEqual(new Set(answers), new Set([503]), 'an attempt to reconnect is not yet health');
  const lag = await get(`${url}/lag`);
  assert.deepEqual([lag.status, lag.body.status], [503, 'unknown']);
  await server.restart();
  await insert(1);
  assert.deepEqual(await storedCount(logOf(path), TOPIC, 2), [0, 1]);
  await until(`${url}/health`, ({ status }) => status === 200);
  const { exitCode, stderr } = await run.stop();
  assert.equal(exitCode, 0);
  assert.ok(!stderr.includes(server.password));
});

test('SIGTERM under load ends run with 0, everything appended confirmed, and the next run has every row once', async () => {
  const path = connector('stopped');
  const slot = `${database.name}_stopped`;
  const log = logOf(path);
  const run = new TailraceProcess(['run', path]);
  await run.says(/snapshot read/);
  let last = 0;
  let writing = true;
  const writer = (async () => {
    while (writing) await database.client.query('INSERT INTO items VALUES ($1)', [++last]);
  })();
  await storedCount(log, TOPIC, 200);
  const { exitCode, stdout } = await run.stop();
  writing = false;
  await writer;
  assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: '' });
  const offset = await storedOffset(log, 'stopped');
  const { rows } = await database.client.query(
    'SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = $1',
    [slot],
  );
  assert.equal(rows[0].lsn, formatLsn(Number(offset?.lsn_commit)));
  const again = new TailraceProcess(['run', path]);
  await storedCount(log, TOPIC, last + 1);
  assert.equal((await again.stop()).exitCode, 0);
  assert.deepEqual(
    await storedIds(log, TOPIC),
    Array.from({ length: last + 1 }, (_, id) => id),
  );
});
