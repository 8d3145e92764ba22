import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MysqlFamily, useSchema, whyNoMysql } from '../../services/shared-mysql.ts';
import { configFor, Kept, SourceRun } from './source-run.ts';

const FAMILIES: readonly MysqlFamily[] = ['mysql', 'mariadb'];
const NO_DATA = { 'snapshot.mode': 'no_data' };

for (const family of FAMILIES) {
  const skip = await whyNoMysql(family);

  test(`${family}: inserts, updates and deletes arrive in commit order behind the snapshot, each once`, {
    skip,
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    await client.query('CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(20))');
    await client.query("INSERT INTO items VALUES (1, 'one'), (2, NULL)");
    const run = new SourceRun(configFor(family, url), { t });
    await run.until(() => run.rows.length === 2);
    await client.query("INSERT INTO items VALUES (3, 'three')");
    await client.query('BEGIN');
    await client.query("UPDATE items SET name = 'two' WHERE id = 2");
    await client.query('DELETE FROM items WHERE id = 1');
    await client.query('COMMIT');
    await run.until(() => run.rows.length === 5);
    await run.stop();
    assert.deepEqual(
      run.rows.map(({ op, after, before, snapshot }) => [op, after, before, snapshot]),
      [
        ['r', { id: 1, name: 'one' }, null, 'first'],
        ['r', { id: 2, name: null }, null, 'last'],
        ['c', { id: 3, name: 'three' }, null, 'false'],
        ['u', { id: 2, name: 'two' }, { id: 2, name: null }, 'false'],
        ['d', null, { id: 1, name: 'one' }, 'false'],
      ],
    );
    const [update, remove] = run.rows.slice(3);
    assert.equal(update!.tx.transactionId, remove!.tx.transactionId);
    assert.notEqual(update!.tx.gtid, null);
  });

  test(`${family}: stopped after each batch and started anew, a source delivers every change of a big transaction once`, {
    skip,
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    await client.query('CREATE TABLE items (id INT PRIMARY KEY, body VARCHAR(600))');
    const config = configFor(family, url, { ...NO_DATA, 'tailrace.batch.bytes': '20000' });
    const kept = new Kept();
    const first = await new SourceRun(config, { kept }).streaming();
    await first.stop();
    const rows = Array.from({ length: 300 }, (_, i) => `(${i}, '${'x'.repeat(500)}')`);
    await client.query(`INSERT INTO items VALUES ${rows.join(', ')}`);
    await client.query('UPDATE items SET body = NULL WHERE id >= 200');
    await client.query('DELETE FROM items WHERE id < 3');
    const seen: string[] = [];
    let runs = 0;
    while (seen.length < 403) {
      const run = new SourceRun(config, { kept, t });
      await run.until(() => run.rows.length > 0);
      await run.stop();
      seen.push(...run.story);
      runs++;
    }
    assert.ok(runs > 8, `${runs} runs`);
    assert.deepEqual(seen, [
      ...Array.from({ length: 300 }, (_, i) => `c ${i}`),
      ...Array.from({ length: 100 }, (_, i) => `u ${200 + i}`),
      'd 0',
      'd 1',
      'd 2',
    ]);
  });
}
