import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Client } from 'pg';
import type { PostgresConfig } from '../../../src/config/postgres.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import type { PublishedTable } from '../../../src/sources/postgres/catalog.ts';
import { viewCheck } from '../../../src/sources/postgres/outdated-view.ts';
import { type TestDatabase, useDatabase } from '../../services/shared.ts';
import { configFor, SourceRun } from './source-run.ts';

const ROWS = 1000;

/** `a` is read first and long enough for something to be done to `b` meanwhile. */
async function useTables(t: TestContext, version: 15 | 18, keys: Record<string, string> = {}) {
  const database = await useDatabase(t, { version });
  await database.client.query(`
    CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a SELECT i, repeat('x', 500) FROM generate_series(1, 40000) i;
    CREATE TABLE b (id int PRIMARY KEY, n int); INSERT INTO b SELECT i, i FROM generate_series(1, ${ROWS}) i;
    CREATE TABLE other (id int PRIMARY KEY, n int); INSERT INTO other SELECT i, i FROM generate_series(1, ${ROWS}) i;
    CREATE TABLE p (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
    CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (100);
    CREATE TABLE p_2 PARTITION OF p FOR VALUES FROM (100) TO (1000000);
    INSERT INTO p SELECT i, i FROM generate_series(1, ${ROWS}) i`);
  const config = configFor(database.url, {
    'table.include.list': 'public.a,public.b,public.p',
    'publish.via.partition.root': 'true',
    'tailrace.batch.bytes': '8192',
    ...keys,
  });
  return { database, config };
}

/** Runs a snapshot and, when its first rows are there, these statements; returns when it has ended, or with its error. */
async function meanwhile(config: PostgresConfig, { client }: TestDatabase, statements: string) {
  let isDone = false;
  const run = new SourceRun(config, {
    onBatch: async (batch) => {
      if (isDone || batch.changes.length === 0) return;
      isDone = true;
      await client.query("SET lock_timeout = '10s'");
      for (const statement of statements.split(';')) await client.query(statement);
    },
  });
  const error = await run.until(() => run.batches.at(-1)?.snapshot === 'end').catch((error: unknown) => error);
  await run.stop().catch(() => {});
  assert.ok(isDone);
  if (error !== undefined) assert.ok(error instanceof TailraceError, String(error));
  return { run, error };
}

function idsOf(run: SourceRun, table: string): number[] {
  const ids = run.rows.filter((row) => row.table === `public.${table}`).map(({ after }) => Number(after!.id));
  return ids.sort((x, y) => x - y);
}

const outdating = {
  'a rewrite': 'ALTER TABLE b ALTER COLUMN n TYPE bigint',
  'a volatile default': 'ALTER TABLE b ADD COLUMN at timestamptz DEFAULT clock_timestamp()',
  'a rewrite of a partition': 'ALTER TABLE p ALTER COLUMN n TYPE bigint',
  'a truncated and filled table': 'TRUNCATE b; INSERT INTO b SELECT generate_series(5001, 5010)',
  'another table under its name': 'ALTER TABLE b RENAME TO b_old; ALTER TABLE other RENAME TO b',
  'a new name': 'ALTER TABLE b RENAME TO b_old',
  'a dropped table': 'DROP TABLE b',
  'a dropped column': 'ALTER TABLE b DROP COLUMN n',
};

for (const [what, statements] of Object.entries(outdating)) {
  for (const version of [18, 15] as const) {
    test(`${what} while an earlier table is read starts the snapshot anew, which then has it all (Postgres ${version})`, async (t) => {
      const { database, config } = await useTables(t, version);
      const { run, error } = await meanwhile(config, database, statements);
      assert.equal(error?.code, 'source.table_changed');
      assert.equal(error?.policy.action, 'restart');
      assert.match(error?.message ?? '', /public\.(b|p) /);
      const again = new SourceRun(config, { t, from: run.offset });
      await again.until(() => again.batches.at(-1)?.snapshot === 'end');
      assert.equal(again.batches[0]?.snapshot, 'begin');
      for (const table of ['b', 'p']) {
        const { rows } = await database.client.query(`SELECT to_regclass('${table}') IS NOT NULL AS is`);
        const now = rows[0].is ? await database.client.query(`SELECT id FROM ${table} ORDER BY id`) : { rows: [] };
        assert.deepEqual(
          idsOf(again, table),
          now.rows.map(({ id }) => id),
        );
      }
    });
  }
}

test('a rewritten table that a select override reads is told by the lock on it', async (t) => {
  const { client, url } = (await useTables(t, 18)).database;
  const reader = new Client({ connectionString: url });
  // The database is dropped before this connection is closed.
  reader.on('error', () => {});
  await reader.connect();
  t.after(() => reader.end());
  await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT count(*) FROM pg_class');
  await client.query('ALTER TABLE other ALTER COLUMN n TYPE bigint');
  await reader.query('SELECT b.id, other.n FROM b LEFT JOIN other USING (id)');
  const { rows } = await reader.query("SELECT 'b'::regclass::oid::int AS oid");
  const table = { oid: rows[0].oid, namespace: 'public', name: 'b', partitioned: false } as PublishedTable;
  const check = async (overridden: boolean): Promise<readonly unknown[]> => {
    const sql = viewCheck({ table, overridden, rows: 1 }).slice('COPY ('.length, -') TO STDOUT'.length);
    return (await reader.query({ text: sql, rowMode: 'array' })).rows;
  };
  assert.deepEqual(await check(true), [['other was rewritten']]);
  assert.deepEqual(await check(false), []);
});

for (const statement of ['VACUUM FULL b', 'CLUSTER b USING b_pkey', 'ALTER TABLE b ADD COLUMN c int DEFAULT 5']) {
  test(`${statement} keeps the rows that the snapshot sees, so it goes on`, async (t) => {
    const { database, config } = await useTables(t, 18);
    const { run, error } = await meanwhile(config, database, statement);
    assert.equal(error, undefined);
    assert.equal(idsOf(run, 'b').length, ROWS);
  });
}

test('a partition that is dropped, and one that is emptied, do not stop a snapshot', async (t) => {
  const { database, config } = await useTables(t, 18);
  const { run, error } = await meanwhile(config, database, 'DROP TABLE p_1; TRUNCATE b');
  assert.equal(error, undefined);
  assert.deepEqual(idsOf(run, 'b'), []);
  assert.equal(idsOf(run, 'p').length, ROWS - 99);
});
