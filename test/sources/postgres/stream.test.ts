import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { parseLsn } from '../../../decoders/pgoutput/lsn.ts';
import type { SourceOffset } from '../../../src/model/log.ts';
import { type TestDatabase, useDatabase } from '../../services/shared.ts';
import { configFor, SourceRun } from './source-run.ts';

const NO_DATA = { 'snapshot.mode': 'no_data' };

async function confirmedLsn({ client }: TestDatabase, slot: string): Promise<number> {
  const { rows } = await client.query(
    'SELECT confirmed_flush_lsn AS lsn FROM pg_replication_slots WHERE slot_name = $1',
    [slot],
  );
  return parseLsn(rows[0].lsn);
}

/** Polls until it holds: for what only the server can tell. */
async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

async function streaming(run: SourceRun): Promise<SourceRun> {
  while (run.source.status().phase !== 'streaming') {
    await Promise.race([sleep(10), run.done.then(() => assert.fail('the source ended'))]);
  }
  return run;
}

test('inserts, updates and deletes arrive in commit order behind the snapshot, each once', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query(
    `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'one'), (2, NULL)`,
  );
  const run = new SourceRun(configFor(url), { t });
  await run.until(() => run.rows.length === 2);
  await client.query(`INSERT INTO items VALUES (3, 'three')`);
  await client.query(`UPDATE items SET name = 'two' WHERE id = 2; DELETE FROM items WHERE id = 1`);
  await run.until(() => run.rows.length === 5);
  await run.stop();
  assert.deepEqual(
    run.rows.map(({ op, after, before, snapshot }) => [op, after, before, snapshot]),
    [
      ['r', { id: '1', name: 'one' }, null, 'first'],
      ['r', { id: '2', name: null }, null, 'last'],
      ['c', { id: '3', name: 'three' }, null, 'false'],
      ['u', { id: '2', name: 'two' }, null, 'false'],
      ['d', null, { id: '1', name: null }, 'false'],
    ],
  );
});

test('what was acked is exactly the end of its commit: the adjacent transaction is neither skipped nor repeated', async (t) => {
  const database = await useDatabase(t);
  const { client, url } = database;
  await client.query('CREATE TABLE items (id int PRIMARY KEY)');
  const config = configFor(url, NO_DATA);
  await (await streaming(new SourceRun(config))).stop();
  for (let id = 1; id <= 50; id++) await client.query('INSERT INTO items VALUES ($1)', [id]);
  // Each run takes what comes first, acks it, and leaves; the next goes on from there.
  let offset: SourceOffset | null = { lsn_commit: await confirmedLsn(database, config['slot.name']) };
  const ids: string[] = [];
  while (ids.length < 50) {
    const run: SourceRun = new SourceRun({ ...config, 'tailrace.batch.bytes': 1 }, { from: offset });
    await run.until(() => run.rows.length > 0);
    await run.stop();
    offset = run.offset;
    ids.push(...run.rows.map((row) => row.after?.id ?? ''));
    assert.equal(await confirmedLsn(database, config['slot.name']), offset?.lsn_commit);
  }
  assert.deepEqual(
    ids,
    Array.from({ length: 50 }, (_, i) => String(i + 1)),
  );
});

test('what was received but not acked is never confirmed, however many status updates go by', async (t) => {
  const database = await useDatabase(t);
  const { client, url } = database;
  await client.query('CREATE TABLE items (id int PRIMARY KEY)');
  const config = configFor(url, { ...NO_DATA, 'status.update.interval.ms': '100' });
  const run = await streaming(new SourceRun(config, { t, acks: false }));
  const before = await confirmedLsn(database, config['slot.name']);
  await client.query('INSERT INTO items SELECT generate_series(1, 100)');
  await run.until(() => run.rows.length === 100);
  await sleep(400);
  assert.equal(await confirmedLsn(database, config['slot.name']), before);
  run.source.ack(run.offset!);
  await eventually(async () => (await confirmedLsn(database, config['slot.name'])) === run.offset!.lsn_commit);
});

test('rows stay as they were while later ones are read', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY, body text)');
  const run = await streaming(new SourceRun(configFor(url, { ...NO_DATA, 'tailrace.batch.bytes': '4096' }), { t }));
  await client.query(`INSERT INTO items SELECT i, repeat(chr(65 + i % 26), 500) FROM generate_series(1, 2000) i`);
  await run.until(() => run.rows.length === 2000);
  for (const { change } of run.rows) {
    assert.ok(change.kind === 'row' && change.after !== null);
    const { bytes, spans, base } = change.after;
    const id = Number(bytes.toString('utf8', spans[base], spans[base + 1]));
    assert.equal(
      bytes.toString('utf8', spans[base + 2], spans[base + 3]),
      String.fromCharCode(65 + (id % 26)).repeat(500),
    );
  }
});

test('a consumer that blocks for longer than wal_sender_timeout keeps its connection', async (t) => {
  const { client, url, name } = await useDatabase(t);
  await client.query(`ALTER DATABASE ${name} SET wal_sender_timeout = '1s'`);
  await client.query('CREATE TABLE items (id int PRIMARY KEY, body text)');
  let blocked = true;
  const config = configFor(url, { ...NO_DATA, 'tailrace.batch.bytes': '65536' });
  const run = await streaming(
    new SourceRun(config, {
      t,
      onBatch: async () => {
        if (blocked) await sleep(3_500);
        blocked = false;
      },
    }),
  );
  await client.query(`INSERT INTO items SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i`);
  await run.until(() => run.rows.length === 20_000);
  await client.query('INSERT INTO items VALUES (0)');
  await run.until(() => run.rows.length === 20_001);
});

test('a reader that has nothing to read keeps its connection beyond wal_sender_timeout', async (t) => {
  const { client, url, name } = await useDatabase(t);
  await client.query(
    `ALTER DATABASE ${name} SET wal_sender_timeout = '500ms'; CREATE TABLE items (id int PRIMARY KEY)`,
  );
  const run = await streaming(new SourceRun(configFor(url, NO_DATA), { t }));
  await sleep(1_600);
  await client.query('INSERT INTO items VALUES (1)');
  await run.until(() => run.rows.length === 1);
});

test('the slot of an idle database moves on by itself', async (t) => {
  const database = await useDatabase(t);
  const { client, url } = database;
  await client.query('CREATE TABLE captured (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY, body text)');
  const config = configFor(url, { ...NO_DATA, 'table.include.list': 'public.captured' });
  await streaming(new SourceRun(config, { t }));
  await client.query(`INSERT INTO other SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i`);
  const { rows } = await client.query('SELECT pg_current_wal_lsn() AS lsn');
  await eventually(async () => (await confirmedLsn(database, config['slot.name'])) >= parseLsn(rows[0].lsn));
});

test('a transaction bigger than a batch is taken up in its middle, at the very change', async (t) => {
  const database = await useDatabase(t);
  const { client, url } = database;
  await client.query('CREATE TABLE items (id int PRIMARY KEY, body text)');
  const config = configFor(url, { ...NO_DATA, 'tailrace.batch.bytes': '20000' });
  await (await streaming(new SourceRun(config))).stop();
  const start = await confirmedLsn(database, config['slot.name']);
  await client.query(`INSERT INTO items SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i`);
  await client.query('INSERT INTO items VALUES (5001)');
  let offset: SourceOffset | null = { lsn_commit: start };
  const ids: number[] = [];
  let partial = 0;
  while (ids.length < 5001) {
    const run: SourceRun = new SourceRun(config, { from: offset });
    await run.until(() => run.rows.length > 0);
    await run.stop();
    offset = run.offset!;
    ids.push(...run.rows.map((row) => Number(row.after?.id)));
    if (offset.skip === undefined) continue;
    partial++;
    assert.equal(offset.skip, ids.length);
    assert.equal(await confirmedLsn(database, config['slot.name']), start, 'half a transaction was confirmed');
  }
  assert.ok(partial > 5, `${partial} partial batches`);
  assert.deepEqual(
    ids,
    Array.from({ length: 5001 }, (_, i) => i + 1),
  );
});

test('a killed backend ends the run with an error after which the task is started again', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY)');
  const config = configFor(url, NO_DATA);
  const run = await streaming(new SourceRun(config, { t }));
  await client.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1', [
    config['slot.name'],
  ]);
  await assert.rejects(run.done, {
    code: 'source.connection_lost',
    policy: { action: 'restart', exitCode: 3, httpStatus: 503 },
  });
});

test('a column that loses its NOT NULL is optional from the next change on', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL)');
  const run = await streaming(new SourceRun(configFor(url, NO_DATA), { t }));
  await client.query('INSERT INTO items VALUES (1, 1)');
  await run.until(() => run.rows.length === 1);
  await client.query('ALTER TABLE items ALTER COLUMN n DROP NOT NULL');
  await client.query('INSERT INTO items VALUES (2, NULL)');
  await run.until(() => run.rows.length === 2);
  const optional = run.rows.map(({ change }) => {
    assert.ok(change.kind === 'row');
    return run.source.mapping(change.table).columns[1]!.codec.schema.optional;
  });
  assert.deepEqual(optional, [false, true]);
});

test('a table that is dropped before its changes are read has the key that it was known by; one never seen is told of', async (t) => {
  const { client, url } = await useDatabase(t);
  const create = (name: string) =>
    `CREATE TABLE ${name} (id int PRIMARY KEY, v int); ALTER TABLE ${name} REPLICA IDENTITY FULL; INSERT INTO ${name} VALUES (1, 1)`;
  const run = await streaming(new SourceRun(configFor(url, NO_DATA), { t }));
  await client.query(create('seen'));
  await run.until(() => run.rows.length === 1);
  await client.query('ALTER TABLE seen ADD COLUMN w int; INSERT INTO seen VALUES (2, 2, 2); DROP TABLE seen');
  await client.query(`${create('unseen')}; DROP TABLE unseen`);
  await run.until(() => run.rows.length === 3);
  const keys = run.rows.map(({ change }) => {
    assert.ok(change.kind === 'row');
    const { columns, primaryKey } = run.source.mapping(change.table);
    return primaryKey.map((index) => columns[index]!.name);
  });
  assert.deepEqual(keys, [['id'], ['id'], []]);
  assert.match(
    run.warnings.at(-1) ?? '',
    /^\{"table":"public.unseen"\} records of a table have no key.*message.key.columns/,
  );
});

test('logical messages of other prefixes are left out', async (t) => {
  const { client, url } = await useDatabase(t);
  const run = await streaming(
    new SourceRun(configFor(url, { ...NO_DATA, 'message.prefix.include.list': 'mine.*' }), { t }),
  );
  await client.query(
    `SELECT pg_logical_emit_message(true, 'mine_tx', 'a'), pg_logical_emit_message(true, 'other', 'b')`,
  );
  await client.query(`SELECT pg_logical_emit_message(false, 'mine_now', 'c')`);
  await run.until(() => run.changes.length === 2);
  assert.deepEqual(
    run.changes.map(({ change }) => (change.kind === 'message' ? [change.prefix, String(change.content)] : null)),
    [
      ['mine_tx', 'a'],
      ['mine_now', 'c'],
    ],
  );
});

test('heartbeat.action.query is run at its interval', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE beats (id int PRIMARY KEY, n int); INSERT INTO beats VALUES (1, 0)');
  const run = new SourceRun(
    configFor(url, {
      ...NO_DATA,
      'heartbeat.interval.ms': '50',
      'heartbeat.action.query': 'UPDATE beats SET n = n + 1 WHERE id = 1',
    }),
    { t },
  );
  await run.until(() => run.rows.length >= 3);
});

test('a heartbeat.action.query that waits for a lock delays neither changes of new tables nor the stop', {
  timeout: 60_000,
}, async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY); CREATE TABLE beats (n int)');
  const run = await streaming(
    new SourceRun(
      configFor(url, {
        ...NO_DATA,
        'table.include.list': 'public.items',
        'publication.autocreate.mode': 'filtered',
        'heartbeat.interval.ms': '20',
        'heartbeat.action.query': 'INSERT INTO beats VALUES (1)',
      }),
      { t },
    ),
  );
  await client.query('BEGIN; LOCK TABLE beats');
  const count = async (): Promise<number> => (await client.query('SELECT n FROM beats')).rows.length;
  const before = await count();
  const other = new Client({ connectionString: url });
  other.on('error', () => {});
  await other.connect();
  t.after(() => other.end());
  const waiting = async (): Promise<number> => {
    const { rows } = await other.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'INSERT INTO beats%' AND wait_event_type = 'Lock'",
    );
    return rows.length;
  };
  await eventually(async () => (await waiting()) > 0);
  await other.query('INSERT INTO items VALUES (1)');
  await run.until(() => run.rows.length === 1);
  await run.stop();
  await client.query('ROLLBACK');
  await eventually(async () => (await waiting()) === 0);
  assert.ok((await count()) <= before + 1, 'beats have queued up');
});
