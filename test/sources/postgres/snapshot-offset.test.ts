import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import { useDatabase } from '../../services/shared.ts';
import { configFor, SourceRun } from './source-run.ts';

test('a stream after initial_only has the transaction that committed between its view and its LSN', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1); CREATE PUBLICATION p');
  await client.query('ALTER PUBLICATION p ADD TABLE items');
  const config = configFor(url, { 'publication.name': 'p' });
  await client.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [config['slot.name']]);
  await client.query('INSERT INTO items VALUES (2)');
  const open = new Client({ connectionString: url });
  await open.connect();
  await open.query('BEGIN; INSERT INTO items VALUES (3)');
  const alone = new SourceRun({ ...config, 'snapshot.mode': 'initial_only' });
  await alone.done;
  await open.query('COMMIT');
  await open.end();
  // As if the LSN had been read only now.
  const { rows } = await client.query("SELECT (pg_current_wal_insert_lsn() - '0/0')::float8 AS lsn");
  const { lsn } = rows[0];
  const from = { ...alone.offset, lsn, ...('snapshot_lsn' in alone.offset! ? { snapshot_lsn: lsn } : {}) };
  await client.query('INSERT INTO items VALUES (4)');
  const run = new SourceRun(config, { t, from });
  await run.until(() => run.rows.at(-1)?.after?.id === '4');
  assert.deepEqual(
    [...alone.rows, ...run.rows].map(({ op, after }) => `${op}${after?.id}`),
    ['r1', 'r2', 'c3', 'c4'],
  );
});
