import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import type { PgTx } from '../../../decoders/pgoutput/tx.ts';
import type { SourceOffset } from '../../../src/model/log.ts';
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

test('messages outside of transactions are not delivered again when a start fails between its snapshot and its stream', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)');
  const config = configFor(url);
  const first = new SourceRun(config, { acks: false });
  await first.until(() => first.rows.length === 1);
  await client.query('INSERT INTO items VALUES (2)');
  await first.until(() => first.rows.length === 2);
  const committed = first.batches.find(({ changes }) => changes.some((one) => one.kind === 'row' && one.op === 'c'));
  await client.query("SELECT pg_logical_emit_message(false, 'p', 'only once')");
  await first.until(() => first.changes.at(-1)?.op === 'message');
  await first.stop();
  // A keepalive may have moved the position past the message since: this is what it was before.
  const stored: SourceOffset = { ...committed!.offset, message_lsn: first.changes.at(-1)!.change.at };
  const always = new SourceRun({ ...config, 'snapshot.mode': 'always' }, { from: stored, acks: false });
  await always.until(() => always.batches.some(({ snapshot }) => snapshot === 'end'));
  await always.stop();
  const from = always.batches.find(({ snapshot }) => snapshot === 'end')!.offset;
  assert.equal(from.lsn_commit, stored.lsn_commit);
  const last = new SourceRun(config, { t, from });
  await client.query('INSERT INTO items VALUES (3)');
  await last.until(() => last.rows.length === 1);
  assert.deepEqual(
    last.changes.map(({ op }) => op),
    ['c'],
  );
  assert.equal((last.changes[0]!.change.tx as PgTx).previousEndLsn, stored.lsn_commit);
});
