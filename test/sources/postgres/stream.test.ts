import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useDatabase } from '../../services/shared.ts';
import { configFor, SourceRun } from './source-run.ts';

test('inserts, updates and deletes arrive in commit order behind the snapshot, each once', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query(
    `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'one'), (2, NULL)`,
  );
  const run = new SourceRun(configFor(url), { t });
  await run.until(() => run.source.status().phase === 'streaming' || run.rows.length === 2);
  await client.query(
    `INSERT INTO items VALUES (3, 'three'); UPDATE items SET name = 'two' WHERE id = 2; DELETE FROM items WHERE id = 1`,
  );
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
