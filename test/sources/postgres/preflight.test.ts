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
    CREATE TABLE odd (id int PRIMARY KEY, at pg_lsn);
    CREATE PUBLICATION dbz_publication FOR ALL TABLES`);
  const { checks } = await preflight(configFor(url));
  const of = (name: string) => checks.find((check) => check.name === name);
  assert.equal(of('public.keyed')?.status, 'warning');
  assert.match(of('public.keyed')!.message, /primary key of deletes.*body may be large/);
  // The publication is there, so it was refused before us.
  assert.equal(of('public.keyless')?.status, 'warning');
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
  assert.equal(rows[0].n, 1);
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

test('a preflight names the partitions whose old rows differ from what their root promises, and its SQL mends them', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query(`
    CREATE TABLE whole (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE whole_1 PARTITION OF whole FOR VALUES FROM (0) TO (10);
    CREATE TABLE whole_2 PARTITION OF whole FOR VALUES FROM (10) TO (30) PARTITION BY RANGE (id);
    CREATE TABLE whole_2a PARTITION OF whole_2 FOR VALUES FROM (10) TO (20);
    CREATE TABLE "whole_2B" PARTITION OF whole_2 FOR VALUES FROM (20) TO (30);
    ALTER TABLE whole REPLICA IDENTITY FULL; ALTER TABLE whole_2a REPLICA IDENTITY FULL;
    CREATE TABLE indexed (id int NOT NULL, code int NOT NULL) PARTITION BY RANGE (id);
    CREATE UNIQUE INDEX by_code ON indexed (id, code); CREATE UNIQUE INDEX by_id ON indexed (id);
    CREATE TABLE indexed_1 PARTITION OF indexed FOR VALUES FROM (0) TO (10);
    CREATE TABLE indexed_2 PARTITION OF indexed FOR VALUES FROM (10) TO (20);
    ALTER TABLE indexed REPLICA IDENTITY USING INDEX by_id;
    ALTER TABLE indexed_1 REPLICA IDENTITY USING INDEX indexed_1_id_code_idx;
    CREATE TABLE large (id int PRIMARY KEY, body text) PARTITION BY RANGE (id);
    CREATE TABLE large_1 PARTITION OF large FOR VALUES FROM (0) TO (10);
    CREATE TABLE large_2 PARTITION OF large FOR VALUES FROM (10) TO (20);
    ALTER TABLE large_1 REPLICA IDENTITY FULL;
    CREATE TABLE sound (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE sound_1 PARTITION OF sound FOR VALUES FROM (0) TO (10)`);
  const tables = async (viaRoot: boolean) => {
    const { checks } = await preflight(configFor(url, { 'publish.via.partition.root': `${viaRoot}` }));
    return new Map(checks.filter(({ name }) => name.startsWith('public.')).map((check) => [check.name, check]));
  };
  const found = await tables(true);
  assert.deepEqual([...found.keys()].sort(), ['public.indexed', 'public.large', 'public.sound', 'public.whole']);
  const whole = found.get('public.whole')!;
  assert.equal(whole.status, 'warning');
  assert.match(whole.message, /not full as the root's in public\.whole_1 \(default\), public\.whole_2B \(default\)$/);
  assert.match(found.get('public.indexed')!.message, /public\.indexed_1 \(index\), public\.indexed_2 \(default\)$/);
  assert.match(found.get('public.indexed')!.remedy!, /"indexed_2" REPLICA IDENTITY USING INDEX "indexed_2_id_idx";$/);
  assert.match(found.get('public.large')!.message, /not default as the root's in public\.large_1 \(full\)$/);
  assert.equal(
    found.get('public.large')!.remedy,
    'ALTER TABLE "public"."large" REPLICA IDENTITY FULL; ALTER TABLE "public"."large_2" REPLICA IDENTITY FULL;',
  );
  assert.equal(found.get('public.sound')!.status, 'ok');

  for (const { remedy } of found.values()) if (remedy !== null) await client.query(remedy);
  for (const [name, { status }] of await tables(true)) assert.equal(status, 'ok', name);

  // Each partition under a name of its own tells what its own identity is.
  await client.query('ALTER TABLE whole_1 REPLICA IDENTITY DEFAULT');
  assert.equal((await tables(true)).get('public.whole')!.status, 'warning');
  assert.equal((await tables(false)).get('public.whole_1')!.status, 'ok');
});
