import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import mysql, { type Connection } from 'mysql2/promise';
import { preflight } from '../../../src/sources/mysql/preflight.ts';
import { startMariadb } from '../../services/mariadb.ts';
import { startMysql } from '../../services/mysql.ts';
import { type MysqlFamily, useSchema, whyNoMysql } from '../../services/shared-mysql.ts';
import { configFor, Kept, SourceRun } from './source-run.ts';

const NO_DATA = { 'snapshot.mode': 'no_data' };
let names = 0;

/** Leaves it prepared, its session gone. Returns the name of the transaction. */
async function prepare(url: string, ...statements: readonly string[]): Promise<string> {
  const xid = `'p${process.pid}','b${++names}',7`;
  const writer = await mysql.createConnection(url);
  for (const statement of [`XA START ${xid}`, ...statements, `XA END ${xid}`, `XA PREPARE ${xid}`]) {
    await writer.query(statement);
  }
  await writer.end();
  return xid;
}

/** A server of its own, with a database `shop`. */
async function ownServer(family: MysqlFamily, t: TestContext): Promise<{ url: string; client: Connection }> {
  const server = await (family === 'mysql' ? startMysql() : startMariadb());
  const client = await mysql.createConnection(server.url);
  t.after(async () => {
    client.destroy();
    await server[Symbol.asyncDispose]();
  });
  await client.query('CREATE DATABASE shop');
  await client.query('USE shop');
  return { url: `${server.url}shop`, client };
}

for (const family of ['mysql', 'mariadb'] as const) {
  const skip = await whyNoMysql(family);

  for (const mode of ['minimal', 'none'] as const) {
    test(`${family}: rows that were prepared before a snapshot, in whichever file, come at XA COMMIT and never at XA ROLLBACK (${mode})`, {
      skip,
    }, async (t) => {
      const { client, url } = await useSchema(family, t);
      await client.query('CREATE TABLE t (id INT PRIMARY KEY, v MEDIUMTEXT)');
      await client.query('CREATE TABLE left_out (id INT PRIMARY KEY)');
      await client.query("INSERT INTO t VALUES (1, 'there')");
      const first = await prepare(
        url,
        "INSERT INTO t VALUES (2, REPEAT('x', 2000000))",
        'INSERT INTO left_out VALUES (1)',
        "UPDATE t SET v = 'changed' WHERE id = 1",
      );
      await client.query('FLUSH BINARY LOGS');
      const undone = await prepare(url, "INSERT INTO t VALUES (3, 'undone')");
      await client.query('FLUSH BINARY LOGS');
      const second = await prepare(url, "INSERT INTO t VALUES (4, 'second')");
      const config = configFor(family, url, {
        'table.include.list': '.*\\.t',
        'snapshot.locking.mode': mode,
      });
      const kept = new Kept();
      const run = await new SourceRun(config, { kept, t }).streaming();
      assert.deepEqual(run.story, ['r 1']);
      await client.query(`XA COMMIT ${second}`);
      await run.until(() => run.rows.length === 2);
      await run.stop();
      // What was found is kept with the offset.
      const next = new SourceRun(config, { kept, t });
      await client.query(`XA ROLLBACK ${undone}`);
      await client.query(`XA COMMIT ${first}`);
      await client.query("INSERT INTO t VALUES (5, 'after')");
      await next.until(() => next.rows.length === 3);
      await next.stop();
      assert.deepEqual([...run.story, ...next.story], ['r 1', 'c 4', 'c 2', 'u 1', 'c 5']);
      assert.deepEqual(next.rows[1]!.before, { id: 1, v: 'there' });
      assert.equal(String(next.rows[0]!.after!.v).length, 2_000_000);
    });
  }

  test(`${family}: an XA transaction of tables that are not captured stops nothing, whenever it was prepared`, {
    skip,
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    const other = await useSchema(family, t);
    await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await other.client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    const before = await prepare(other.url, 'INSERT INTO t VALUES (1)');
    const kept = new Kept();
    const config = configFor(family, url, NO_DATA);
    await (await new SourceRun(config, { kept, t }).streaming()).stop();
    const run = await new SourceRun(config, { kept, t }).streaming();
    const after = await prepare(other.url, 'INSERT INTO t VALUES (2)');
    await client.query(`XA COMMIT ${before}`);
    await client.query(`XA COMMIT ${after}`);
    await client.query('INSERT INTO t VALUES (3)');
    await run.until(() => run.rows.length === 1);
    await run.stop();
    assert.deepEqual(run.story, ['c 3']);
  });

  test(`${family}: a transaction whose rows were purged is told when the snapshot begins, with what to do`, {
    skip,
  }, async (t) => {
    const { client, url } = await ownServer(family, t);
    await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    const xid = await prepare(url, 'INSERT INTO t VALUES (1)');
    await client.query(family === 'mysql' ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER');
    const run = await new SourceRun(configFor(family, url, NO_DATA), { t }).streaming();
    const formatted = `X'${Buffer.from(`p${process.pid}`).toString('hex')}',X'${Buffer.from(`b${names}`).toString('hex')}',7`;
    const told = run.warnings.find((warning) => warning.includes('no longer has the rows'));
    assert.ok(told?.includes(`XA ROLLBACK ${formatted};`), run.warnings.join('\n'));
    await client.query(`XA COMMIT ${xid}`);
    const error = await run.failure();
    assert.equal(error.code, 'source.position_lost');
    assert.ok(error.message.includes(`XA COMMIT of ${formatted} at binlog.`), error.message);
  });
}

test('mysql: who may not know what is prepared is told what to grant, where XA is used at all', {
  skip: await whyNoMysql('mysql'),
}, async (t) => {
  const { client, url } = await ownServer('mysql', t);
  await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
  await client.query("CREATE USER reader IDENTIFIED BY 'x'");
  await client.query('GRANT REPLICATION SLAVE, REPLICATION CLIENT, RELOAD, SELECT ON *.* TO reader');
  const config = configFor('mysql', url, {
    ...NO_DATA,
    'database.user': 'reader',
    'database.password': 'x',
    'database.ssl.mode': 'required',
  });
  const told = async () => {
    const run = await new SourceRun(config, { t }).streaming();
    await run.stop();
    return run.warnings.filter((warning) => warning.includes("GRANT XA_RECOVER_ADMIN ON *.* TO 'reader'@'%';")).length;
  };
  assert.equal(await told(), 0);
  const ofPreflight = async () => {
    const { checks } = await preflight(config);
    return checks.filter(({ name }) => name === 'XA transactions').map(({ status, remedy }) => [status, remedy]);
  };
  assert.deepEqual(await ofPreflight(), []);
  const xid = await prepare(url, 'INSERT INTO t VALUES (1)');
  assert.equal(await told(), 1);
  assert.deepEqual(await ofPreflight(), [['warning', "GRANT XA_RECOVER_ADMIN ON *.* TO 'reader'@'%';"]]);
  await client.query('GRANT XA_RECOVER_ADMIN ON *.* TO reader');
  assert.deepEqual(await ofPreflight(), []);
  const run = await new SourceRun(config, { t }).streaming();
  await client.query(`XA COMMIT ${xid}`);
  await run.until(() => run.rows.length === 1);
  await run.stop();
  assert.deepEqual([run.story, run.warnings], [['c 1'], []]);
});
