import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { PostgresConfig } from '../../../src/config/postgres.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import type { SourceOffset } from '../../../src/model/log.ts';
import { startPostgres } from '../../services/postgres.ts';
import { type TestDatabase, useDatabase } from '../../services/shared.ts';
import { configFor, SourceRun } from './source-run.ts';

/** A connector that has snapshotted and streamed, and the offset that it left. */
async function ran(database: TestDatabase, keys: Record<string, string> = {}): Promise<[PostgresConfig, SourceOffset]> {
  const { client, url } = database;
  await client.query('CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)');
  const config = configFor(url, keys);
  const run = new SourceRun(config);
  await run.until(() => run.rows.length === 1);
  await client.query('INSERT INTO items VALUES (2)');
  await run.until(() => run.rows.length === 2);
  await run.stop();
  return [config, run.offset!];
}

/** The server frees a slot some time after its reader has said goodbye. */
async function dropSlot({ client }: TestDatabase, config: PostgresConfig): Promise<void> {
  const name = config['slot.name'];
  const isActive = async (): Promise<boolean> => {
    const { rows } = await client.query('SELECT active FROM pg_replication_slots WHERE slot_name = $1', [name]);
    return rows[0].active;
  };
  while (await isActive()) await sleep(20);
  await client.query('SELECT pg_drop_replication_slot($1)', [name]);
}

async function failure(config: PostgresConfig, from: SourceOffset | null): Promise<TailraceError> {
  const run = new SourceRun(config, { from });
  return run.done.then(
    () => assert.fail('it ran'),
    (error: TailraceError) => error,
  );
}

test('a slot that is gone while a position is stored stops the start; when_needed reads the tables again', async (t) => {
  const database = await useDatabase(t);
  const [config, offset] = await ran(database);
  await dropSlot(database, config);
  await database.client.query('INSERT INTO items VALUES (3)');
  const error = await failure(config, offset);
  assert.equal(error.code, 'source.slot_missing');
  assert.match(error.remedy ?? '', /when_needed/);
  const { rows } = await database.client.query('SELECT FROM pg_replication_slots WHERE slot_name = $1', [
    config['slot.name'],
  ]);
  assert.equal(rows.length, 0, 'the slot was made anew without a word');
  const run = new SourceRun({ ...config, 'snapshot.mode': 'when_needed' }, { t, from: offset });
  await run.until(() => run.rows.length === 3);
  assert.equal(run.batches[0]?.snapshot, 'begin');
  assert.equal(run.warnings.length, 1);
});

test('a slot that was made anew behind our back is told from the one we knew', async (t) => {
  const database = await useDatabase(t);
  const [config, offset] = await ran(database);
  await dropSlot(database, config);
  await database.client.query('INSERT INTO items VALUES (3)');
  await database.client.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [config['slot.name']]);
  assert.equal((await failure(config, offset)).code, 'source.position_lost');
  const run = new SourceRun({ ...config, 'snapshot.mode': 'when_needed' }, { t, from: offset });
  await run.until(() => run.rows.length === 3);
  await database.client.query('INSERT INTO items VALUES (4)');
  await run.until(() => run.rows.length === 4);
  assert.deepEqual(
    run.rows.map(({ op, after }) => `${op}${after?.id}`),
    ['r1', 'r2', 'r3', 'c4'],
  );
});

test('a slot whose WAL the server removed is named as lost; when_needed replaces it', async (t) => {
  const server = await startPostgres({
    settings: { max_slot_wal_keep_size: '1MB', min_wal_size: '32MB', max_wal_size: '32MB', fsync: 'off' },
  });
  t.after(() => server.stop());
  const client = new Client({ connectionString: server.url });
  // The server is stopped before this connection is closed.
  client.on('error', () => {});
  await client.connect();
  const database = { client, url: server.url } as unknown as TestDatabase;
  const [config, offset] = await ran(database);
  for (let i = 0; ; i++) {
    await client.query(
      `SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000)), pg_switch_wal(); CHECKPOINT`,
    );
    const { rows } = await client.query('SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1', [
      config['slot.name'],
    ]);
    if (rows[0].wal_status === 'lost') break;
    assert.ok(i < 50, 'the slot is never lost');
  }
  const error = await failure(config, offset);
  assert.equal(error.code, 'source.slot_invalidated');
  assert.match(error.message, /wal_removed/);
  const run = new SourceRun({ ...config, 'snapshot.mode': 'when_needed' }, { t, from: offset });
  await run.until(() => run.rows.length === 2);
  await client.query('INSERT INTO items VALUES (3)');
  await run.until(() => run.rows.length === 3);
  await run.stop();
});

test('a position of another server, of another timeline, or beyond the WAL is refused', async (t) => {
  const database = await useDatabase(t);
  const [config, offset] = await ran(database);
  assert.equal((await failure(config, { ...offset, system_id: '1' })).code, 'source.identity_changed');
  assert.equal((await failure(config, { ...offset, timeline: 7 })).code, 'source.position_lost');
  const beyond = Number(offset.lsn_commit) + 2 ** 40;
  assert.equal((await failure(config, { ...offset, lsn_commit: beyond })).code, 'source.position_lost');
  assert.equal((await failure(config, { nonsense: true })).code, 'source.position_lost');
});

test('when_needed reads the tables again where the position is of a timeline that the server never had', async (t) => {
  const database = await useDatabase(t);
  const [config, offset] = await ran(database);
  const run = new SourceRun({ ...config, 'snapshot.mode': 'when_needed' }, { t, from: { ...offset, timeline: 7 } });
  await run.until(() => run.rows.length === 2);
  await database.client.query('INSERT INTO items VALUES (3)');
  await run.until(() => run.rows.length === 3);
  assert.deepEqual(
    run.rows.map(({ op, after }) => `${op}${after?.id}`),
    ['r1', 'r2', 'c3'],
  );
});

test('another transaction with the xid of one that was delivered in part is not taken for it', async (t) => {
  const database = await useDatabase(t);
  const [config, offset] = await ran(database);
  const { rows } = await database.client.query<{ xid: string }>(
    'WITH inserted AS (INSERT INTO items VALUES (3), (4)) SELECT pg_current_xact_id()::text AS xid',
  );
  const part = { skip: 1, skip_xid: Number(rows[0]?.xid), skip_commit_lsn: Number(offset.lsn_commit) + 2 ** 30 };
  const error = await failure(config, { ...offset, ...part });
  assert.equal(error.code, 'source.position_lost');
  assert.match(error.message, /was delivered in part/);
});

test("an offset in Debezium's keys alone is gone on from", async (t) => {
  const database = await useDatabase(t);
  const [config, offset] = await ran(database);
  const { lsn, lsn_commit, lsn_proc, txId, ts_usec } = offset;
  await database.client.query('INSERT INTO items VALUES (3)');
  const from = { lsn, lsn_commit, lsn_proc, txId, ts_usec, messageType: 'INSERT' } as SourceOffset;
  const run = new SourceRun(config, { t, from });
  await run.until(() => run.rows.length === 1);
  assert.deepEqual(run.rows[0]?.after, { id: '3' });
});

test('a slot that another reads, of another plugin, or of another database is refused with who and what', async (t) => {
  const database = await useDatabase(t);
  const { client, url } = database;
  await client.query('CREATE TABLE items (id int PRIMARY KEY)');
  const config = configFor(url, { 'snapshot.mode': 'no_data' });
  const run = new SourceRun(config, { t });
  while (run.source.status().phase !== 'streaming') await sleep(10);
  const inUse = await failure(config, null);
  assert.equal(inUse.code, 'source.slot_in_use');
  assert.match(inUse.message, /pid \d+, user postgres, application "tailrace"/);
  await client
    .query(`SELECT pg_create_logical_replication_slot($1, 'test_decoding')`, [`${config['slot.name']}_t`])
    .catch(() => null);
  const other = await useDatabase(t);
  const elsewhere = await failure({ ...configFor(other.url), 'slot.name': config['slot.name'] }, null);
  assert.equal(elsewhere.code, 'source.slot_in_use');
  await run.stop();
  const foreign = await failure({ ...configFor(other.url), 'slot.name': config['slot.name'] }, null);
  assert.match(foreign.message, /belongs to database/);
});

test('what a role or the server lacks is said with the SQL that mends it', async (t) => {
  const { client, url, name } = await useDatabase(t);
  await client.query(`CREATE TABLE items (id int PRIMARY KEY); CREATE ROLE ${name}_u LOGIN PASSWORD 'x'`);
  t.after(() => client.query(`DROP ROLE ${name}_u`).catch(() => {}));
  const user = { 'database.user': `${name}_u`, 'database.password': 'x' };
  const noReplication = await failure(configFor(url, user), null);
  assert.equal(noReplication.code, 'source.privilege');
  assert.match(noReplication.remedy ?? '', new RegExp(`ALTER ROLE "${name}_u" REPLICATION`));
  await client.query(`ALTER ROLE ${name}_u REPLICATION`);
  const noSuperuser = await failure(configFor(url, user), null);
  assert.equal(noSuperuser.code, 'source.privilege');
  assert.match(noSuperuser.remedy ?? '', /CREATE PUBLICATION "dbz_publication" FOR ALL TABLES/);
  const notThere = await failure(
    configFor(url, { 'publication.autocreate.mode': 'disabled', 'table.include.list': 'public.items' }),
    null,
  );
  assert.equal(notThere.code, 'source.publication');
  assert.match(notThere.remedy ?? '', /CREATE PUBLICATION/);
  const noMatch = await failure(
    configFor(url, { 'publication.autocreate.mode': 'filtered', 'table.include.list': 'public.itms' }),
    null,
  );
  assert.equal(noMatch.code, 'source.table');
});

test('a server without logical WAL is named with the setting', async (t) => {
  const server = await startPostgres({ settings: { wal_level: 'replica' } });
  t.after(() => server.stop());
  const error = await failure(configFor(server.url), null);
  assert.equal(error.code, 'source.setting');
  assert.match(error.remedy ?? '', /wal_level/);
});

test('a filtered publication follows the include list and keeps the column lists of the tables that stay', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query(
    'CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY)',
  );
  await client.query('CREATE PUBLICATION p FOR TABLE a (id), b');
  const config = configFor(url, {
    'publication.name': 'p',
    'publication.autocreate.mode': 'filtered',
    'table.include.list': 'public.a,public.c',
    'snapshot.mode': 'no_data',
  });
  const run = new SourceRun(config, { t });
  while (run.source.status().phase !== 'streaming') await sleep(10);
  await client.query('INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1); INSERT INTO c VALUES (1)');
  await run.until(() => run.rows.length === 2);
  assert.deepEqual(
    run.rows.map(({ table, after }) => [table, after]),
    [
      ['public.a', { id: '1' }],
      ['public.c', { id: '1' }],
    ],
  );
});

test('replica.identity.autoset.values is applied before the first change', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY, n int); INSERT INTO items VALUES (1, 1)');
  const run = new SourceRun(configFor(url, { 'replica.identity.autoset.values': 'public.items:FULL' }), { t });
  await run.until(() => run.rows.length === 1);
  await client.query('UPDATE items SET n = 2');
  await run.until(() => run.rows.length === 2);
  assert.deepEqual(run.rows[1]?.before, { id: '1', n: '1' });
});

test('a temporary slot leaves nothing behind, and slot.drop.on.stop drops the other kind', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY)');
  const slots = async (): Promise<number> =>
    (await client.query('SELECT FROM pg_replication_slots WHERE database = current_database()')).rows.length;
  const temporary = new SourceRun(configFor(url), { deps: { temporarySlot: true } });
  await temporary.until(() => temporary.batches.length > 1);
  while (temporary.source.status().phase !== 'streaming') await sleep(10);
  await client.query('INSERT INTO items VALUES (1)');
  await temporary.until(() => temporary.rows.length === 1);
  await temporary.stop();
  while ((await slots()) > 0) await sleep(10);
  const dropping = new SourceRun(configFor(url, { 'slot.drop.on.stop': 'true' }));
  await dropping.until(() => dropping.rows.length === 1);
  while (dropping.source.status().phase !== 'streaming') await sleep(10);
  assert.equal(await slots(), 1);
  await dropping.stop();
  assert.equal(await slots(), 0);
});

test('slot.drop.on.stop keeps the slot after a failure, and the one of another reader', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY)');
  const slots = async (): Promise<number> =>
    (await client.query('SELECT FROM pg_replication_slots WHERE database = current_database()')).rows.length;
  const config = configFor(url, { 'snapshot.mode': 'no_data' });
  const dropping: PostgresConfig = { ...config, 'slot.drop.on.stop': true };
  const streaming = async (run: SourceRun): Promise<SourceRun> => {
    while (run.source.status().phase !== 'streaming') await sleep(10);
    return run;
  };
  const failing = await streaming(new SourceRun(dropping));
  await failing.stop(new TailraceError('log.full', 'no space left'));
  assert.equal(await slots(), 1);

  const owner = await streaming(new SourceRun(config, { t }));
  const other = new SourceRun(dropping, { t });
  const sessions = async (): Promise<number> =>
    (
      await client.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tailrace'",
      )
    ).rows.length;
  // Both have a walsender and have opened a session for the catalog: the other one waits for the slot.
  while ((await sessions()) < 4) await sleep(10);
  const stopped = other.stop().catch((error: TailraceError) => assert.equal(error.code, 'source.slot_in_use'));
  await owner.stop();
  await stopped;
  assert.equal(await slots(), 1);

  await (await streaming(new SourceRun(dropping))).stop();
  assert.equal(await slots(), 0);
});

test('a walsender session that cannot be made ready for the stream is closed', { timeout: 60_000 }, async (t) => {
  const { client, url } = await useDatabase(t);
  const sessions = async (): Promise<number> =>
    (
      await client.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tailrace'",
      )
    ).rows.length;
  const query = Client.prototype.query;
  const failing = async (...failures: readonly RegExp[]): Promise<void> => {
    const mock = t.mock.method(Client.prototype, 'query', function (this: Client, ...args: unknown[]): unknown {
      if (failures.some((pattern) => pattern.test(String(args[0])))) {
        return Promise.reject(new Error('Connection terminated unexpectedly'));
      }
      return Reflect.apply(query, this, args);
    });
    const error = await failure(configFor(url, { 'snapshot.mode': 'no_data' }), null);
    assert.equal(error.code, 'source.connection_lost');
    mock.mock.restore();
    while ((await sessions()) > 0) await sleep(10);
  };
  await failing(/SET statement_timeout = 0; SET lock_timeout = 0/);
  // The session that the start left has died, and its replacement does, too.
  await failing(/^SELECT 1$/, /wal_sender_timeout/);
});

test('a server that restarts ends the run as a passing fault, promptly, and its next start loses nothing', async (t) => {
  const server = await startPostgres();
  t.after(() => server.stop());
  const connectTo = async () => {
    const client = new Client({ connectionString: server.url });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const client = await connectTo();
  const [config, offset] = await ran({ client, url: server.url } as unknown as TestDatabase);
  const run = new SourceRun(config, { from: offset });
  while (run.source.status().phase !== 'streaming') await sleep(10);
  await client.query('INSERT INTO items VALUES (3)');
  await run.until(() => run.rows.length === 1);
  await server.restart();
  const error = (await run.done.catch((cause: unknown) => cause)) as TailraceError;
  assert.equal(error.policy.action, 'restart', error.message);
  const again = await connectTo();
  await again.query('INSERT INTO items VALUES (4)');
  const next = new SourceRun(config, { t, from: run.offset });
  await next.until(() => next.rows.length === 1);
  assert.deepEqual(next.rows[0]?.after, { id: '4' });
  await next.stop();
  await again.end();
});

test('a start that waits for open transactions says for whom, and can be called off', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY)');
  await client.query('BEGIN; INSERT INTO items VALUES (1)');
  const run = new SourceRun(configFor(url));
  while (run.warnings.length === 0) await sleep(20);
  assert.match(run.warnings[0]!, /pid \d+ \(postgres/);
  await run.stop();
  assert.equal(run.batches.length, 0);
  await client.query('COMMIT');
});
