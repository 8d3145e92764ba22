import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { startMysql } from '../../services/mysql.ts';
import { whyNoMysql } from '../../services/shared-mysql.ts';
import { configFor, Kept, SourceRun } from './source-run.ts';

test('mysql: a big transaction goes on, change by change, on whichever server has it, however that logs it', {
  skip: await whyNoMysql('mysql'),
  timeout: 120_000,
}, async (t) => {
  await using source = await startMysql({ settings: { 'server-id': '11', 'binlog-rows-query-log-events': true } });
  await using replica = await startMysql({ settings: { 'server-id': '12', 'binlog-row-event-max-size': '1024' } });
  const client = await mysql.createConnection(source.url);
  const other = await mysql.createConnection(replica.url);
  t.after(() => {
    client.destroy();
    other.destroy();
  });
  for (const one of [client, other]) await one.query('RESET BINARY LOGS AND GTIDS');
  await client.query("CREATE USER reader@'%' IDENTIFIED BY 'x'");
  await client.query("GRANT REPLICATION SLAVE ON *.* TO reader@'%'");
  await other.query(
    `CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = ${new URL(source.url).port},
       SOURCE_USER = 'reader', SOURCE_PASSWORD = 'x', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1`,
  );
  await other.query('START REPLICA');
  await client.query('CREATE DATABASE shop');
  await client.query('CREATE TABLE shop.t (id INT PRIMARY KEY, body VARCHAR(300))');
  const kept = new Kept();
  const configs = [source, replica].map(({ url }) =>
    configFor('mysql', `${url}shop`, { 'snapshot.mode': 'no_data', 'tailrace.batch.bytes': '20000' }),
  );
  await (await new SourceRun(configs[0]!, { kept }).streaming()).stop();

  await client.query('BEGIN');
  const expected: string[] = [];
  for (let statement = 0; statement < 10; statement++) {
    const ids = Array.from({ length: 60 }, (_, i) => statement * 60 + i);
    await client.query(`INSERT INTO shop.t VALUES ${ids.map((id) => `(${id}, '${'x'.repeat(200)}')`).join(', ')}`);
    expected.push(...ids.map((id) => `c ${id}`));
  }
  await client.query('DELETE FROM shop.t WHERE id < 50');
  expected.push(...Array.from({ length: 50 }, (_, id) => `d ${id}`));
  await client.query('COMMIT');
  while ((await executed(other)) !== (await executed(client))) await sleep(50);

  const seen: string[] = [];
  let runs = 0;
  while (seen.length < expected.length) {
    const run = new SourceRun(configs[++runs % 2]!, { kept, t });
    await run.until(() => run.rows.length > 0);
    await run.stop();
    seen.push(...run.story);
  }
  assert.deepEqual(seen, expected);
  assert.ok(runs > 4, `${runs} runs`);
});

async function executed(client: Connection): Promise<string> {
  const [[row]] = await client.query<RowDataPacket[]>('SELECT @@GLOBAL.gtid_executed AS gtids');
  return String(row!.gtids);
}
