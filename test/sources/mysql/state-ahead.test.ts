import assert from 'node:assert/strict';
import { test } from 'node:test';
import mysql from 'mysql2/promise';
import { useSchema, whyNoMysql } from '../../services/shared-mysql.ts';
import { configFor, Kept, SourceRun } from './source-run.ts';

/*
 * Kafka's log, without its transactions, makes what a source keeps durable before the offset: a task that ends in between
 * finds a schema history and prepared transactions of what it will read again.
 */
for (const family of ['mysql', 'mariadb'] as const) {
  test(`${family}: what is ahead of the offset has not happened yet, and happens again`, {
    skip: await whyNoMysql(family),
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    const config = configFor(family, url, { 'snapshot.mode': 'no_data' });
    const kept = new Kept();
    const first = await new SourceRun(config, { kept, t }).streaming();
    const other = await mysql.createConnection(url);
    t.after(() => other.destroy());
    await other.query("XA START 'a'");
    await other.query('INSERT INTO t VALUES (1)');
    await other.query("XA END 'a'");
    await other.query("XA PREPARE 'a'");
    await client.query('INSERT INTO t VALUES (2)');
    await first.until(() => first.rows.length === 1);
    const stored = kept.offset;
    await other.query("XA COMMIT 'a'");
    await client.query('ALTER TABLE t ADD COLUMN n INT FIRST');
    await client.query('INSERT INTO t VALUES (7, 3)');
    await first.until(() => first.rows.length === 3);
    await first.stop();
    const rows = (run: SourceRun) => run.rows.map(({ op, after }) => [op, after]);
    const behind = [
      ['c', { id: 1 }],
      ['c', { n: 7, id: 3 }],
    ];
    assert.deepEqual(rows(first).slice(1), behind);
    for (let time = 0; time < 2; time++) {
      kept.offset = stored;
      const again = new SourceRun(config, { kept, t });
      await again.until(() => again.rows.length === 2);
      await again.stop();
      assert.deepEqual(rows(again), behind);
    }
    await client.query('INSERT INTO t VALUES (8, 4)');
    const last = new SourceRun(config, { kept, t });
    await last.until(() => last.rows.length === 1);
    await last.stop();
    assert.deepEqual(rows(last), [['c', { n: 8, id: 4 }]]);
  });
}
