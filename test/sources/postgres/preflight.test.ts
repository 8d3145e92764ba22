import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preflight } from '../../../src/sources/postgres/preflight.ts';
import { useDatabase } from '../../services/shared.ts';
import { configFor } from './source-run.ts';

test('a preflight tells of each table what before will hold, and changes nothing', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query(`
    CREATE TABLE keyed (id int PRIMARY KEY, body text);
    CREATE TABLE keyless (id int);
    CREATE TABLE whole (id int, body text); ALTER TABLE whole REPLICA IDENTITY FULL;
    CREATE TABLE odd (id int PRIMARY KEY, at pg_lsn)`);
  const { checks } = await preflight(configFor(url));
  const of = (name: string) => checks.find((check) => check.name === name);
  assert.equal(of('public.keyed')?.status, 'warning');
  assert.match(of('public.keyed')!.message, /primary key of deletes.*body may be large/);
  assert.equal(of('public.keyless')?.status, 'error');
  assert.match(of('public.keyless')!.remedy!, /REPLICA IDENTITY FULL/);
  assert.deepEqual([of('public.whole')?.status, of('public.whole')?.message], ['ok', 'before holds the whole old row']);
  assert.match(of('public.odd')!.message, /at is left out: its type pg_lsn/);
  for (const name of [
    'server version',
    'wal_level',
    'max_replication_slots',
    'replication connection',
    'publication',
    'slot',
  ]) {
    assert.equal(of(name)?.status, 'ok', name);
  }
  const { rows } = await client.query('SELECT count(*)::int AS n FROM pg_publication');
  assert.equal(rows[0].n, 0);
});

test('a preflight gives the SQL for every privilege that a plain role lacks', async (t) => {
  const { client, url, name } = await useDatabase(t);
  await client.query(`CREATE ROLE ${name}_u LOGIN PASSWORD 'x'; CREATE TABLE items (id int PRIMARY KEY);
    CREATE PUBLICATION p FOR TABLE items; CREATE TABLE other (id int PRIMARY KEY)`);
  t.after(() => client.query(`DROP ROLE ${name}_u`).catch(() => {}));
  const config = configFor(url, {
    'database.user': `${name}_u`,
    'database.password': 'x',
    'publication.name': 'p',
  });
  const { checks } = await preflight(config);
  const of = (check: string) => checks.find((one) => one.name === check);
  assert.match(of('replication connection')!.remedy!, /ALTER ROLE .* REPLICATION/);
  assert.match(of('public.items')!.remedy!, /GRANT SELECT ON "public"."items"/);
  assert.match(of('public.other')!.remedy!, /ALTER PUBLICATION "p" ADD TABLE "public"."other"/);
});
