import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newlyRefused, readRefusedTables } from '../../../src/sources/postgres/refused-tables.ts';
import { useDatabase } from '../../services/shared.ts';

test('the tables that are foretold to be refused are those that the server refuses', async (t) => {
  const { client } = await useDatabase(t);
  await client.query(`
    CREATE TABLE keyed (id int PRIMARY KEY);
    CREATE TABLE keyless (id int);
    CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE);
    CREATE TABLE whole (id int); ALTER TABLE whole REPLICA IDENTITY FULL;
    CREATE TABLE nothing (id int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING;
    CREATE TABLE indexed (id int NOT NULL); CREATE UNIQUE INDEX by_id ON indexed (id);
    ALTER TABLE indexed REPLICA IDENTITY USING INDEX by_id;
    CREATE TABLE orphaned (id int NOT NULL); CREATE UNIQUE INDEX by_orphan ON orphaned (id);
    ALTER TABLE orphaned REPLICA IDENTITY USING INDEX by_orphan; DROP INDEX by_orphan;
    CREATE UNLOGGED TABLE unlogged (id int);
    CREATE TABLE root (id int) PARTITION BY RANGE (id);
    CREATE TABLE leaf PARTITION OF root FOR VALUES FROM (0) TO (10);
    CREATE TABLE leaf_whole PARTITION OF root FOR VALUES FROM (10) TO (20);
    ALTER TABLE leaf_whole REPLICA IDENTITY FULL;
    CREATE TABLE unpublished (id int)`);
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`,
  );
  const isRefused = async (statement: string): Promise<boolean> =>
    client.query(statement).then(
      () => false,
      (error: Error) => {
        assert.match(error.message, /does not have a replica identity/);
        return true;
      },
    );
  for (const how of [
    'FOR ALL TABLES',
    'FOR ALL TABLES WITH (publish_via_partition_root = true)',
    "FOR ALL TABLES WITH (publish = 'insert, delete')",
    "FOR ALL TABLES WITH (publish = 'insert')",
    'FOR TABLE keyed, keyless, deferred, root',
    'FOR TABLE root, nothing WITH (publish_via_partition_root = true)',
  ]) {
    await client.query(`CREATE PUBLICATION p ${how}`);
    const expected = [];
    for (const { name } of rows) {
      const update = await isRefused(`UPDATE ${name} SET id = id`);
      const deletes = await isRefused(`DELETE FROM ${name}`);
      if (update || deletes) expected.push({ namespace: 'public', name, update, delete: deletes });
    }
    assert.deepEqual(await readRefusedTables(client), expected, how);
    await client.query('DROP PUBLICATION p');
  }
});

test('a table of which another publication has had the same refused is none of ours', () => {
  const table = (name: string, update: boolean, deletes: boolean) => ({
    namespace: 'public',
    name,
    update,
    delete: deletes,
  });
  assert.deepEqual(
    newlyRefused(
      [table('same', true, true), table('more', true, false)],
      [table('same', true, true), table('more', true, true), table('new', false, true)],
    ).map(({ name }) => name),
    ['more', 'new'],
  );
});
