import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { randomSource, SEED } from '../../decoders/binlog/seeded-random.ts';
import { startMariadb } from '../../services/mariadb.ts';
import { startMysql } from '../../services/mysql.ts';
import type { TestMysqld } from '../../services/mysqld.ts';
import { type MysqlFamily, whyNoMysql } from '../../services/shared-mysql.ts';
import { configFor, Kept, type RunOptions, SourceRun } from './source-run.ts';

/** How a stop's position is found again: by the GTIDs of the offset, or by file and position alone. */
type By = 'gtid' | 'position';

const NO_DATA = { 'snapshot.mode': 'no_data' };

interface Stage {
  readonly server: TestMysqld;
  readonly url: string;
  client: Connection;
}

async function stageOf(family: MysqlFamily, settings: Record<string, string> = {}): Promise<Stage> {
  const server = await (family === 'mysql' ? startMysql({ settings }) : startMariadb({ settings }));
  const url = `${server.url}shop`;
  const stage = { server, url, client: await mysql.createConnection(server.url) };
  await stage.client.query('CREATE DATABASE shop');
  await stage.client.query('USE shop');
  return stage;
}

async function reconnect(stage: Stage): Promise<void> {
  stage.client.destroy();
  stage.client = await mysql.createConnection(stage.url);
}

/** Reads on until so many rows have come, with a source that is stopped now and then. */
class Reader {
  readonly kept = new Kept();
  readonly story: string[] = [];
  readonly rows: SourceRun['rows'][number][] = [];
  readonly #config: ReturnType<typeof configFor>;
  readonly #by: By;
  readonly #random: (limit: number) => number;

  constructor(config: ReturnType<typeof configFor>, by: By, random: (limit: number) => number) {
    this.#config = config;
    this.#by = by;
    this.#random = random;
  }

  async begin(): Promise<void> {
    await (await this.run().streaming()).stop();
  }

  async readOn(count: number, options: RunOptions = {}): Promise<readonly string[]> {
    const from = this.story.length;
    while (this.story.length < from + count) {
      const run = this.run(options);
      const missing = from + count - this.story.length;
      const stopAt = Math.min(missing, 1 + this.#random(missing + 3));
      await run.until(() => run.rows.length >= stopAt);
      await run.stop();
      this.rows.push(...run.rows);
      this.story.push(...run.story);
    }
    return this.story.slice(from);
  }

  run(options: RunOptions = {}): SourceRun {
    const { offset } = this.kept;
    if (this.#by === 'position' && offset !== null) delete (offset as Record<string, unknown>).gtids;
    return new SourceRun(this.#config, { kept: this.kept, ...options });
  }
}

/** All but the file that is written. MariaDB keeps others for a while: its engines may need them after a crash. */
async function purge(client: Connection): Promise<void> {
  for (;;) {
    await client.query('FLUSH BINARY LOGS');
    const [files] = await client.query<RowDataPacket[]>('SHOW BINARY LOGS');
    await client.query(`PURGE BINARY LOGS TO '${files.at(-1)!.Log_name}'`);
    const [left] = await client.query<RowDataPacket[]>('SHOW BINARY LOGS');
    if (left.length === 1) return;
    await sleep(50);
  }
}

for (const family of ['mysql', 'mariadb'] as const) {
  const skip = await whyNoMysql(family);
  for (const by of ['gtid', 'position'] as const) {
    test(`${family} by ${by}: what happens to a server and its tables loses no change and repeats none (TEST_SEED=${SEED})`, {
      skip,
    }, async (t) => {
      const stage = await stageOf(family);
      t.after(async () => {
        stage.client.destroy();
        await stage.server[Symbol.asyncDispose]();
      });
      const random = randomSource(SEED);
      const { url } = stage;
      const sql = (...statements: string[]) =>
        statements.reduce(async (last, one) => {
          await last;
          await stage.client.query(one);
        }, Promise.resolve());
      await sql('CREATE TABLE t (id INT PRIMARY KEY, v TEXT)');
      const reader = new Reader(configFor(family, url, { ...NO_DATA, 'tailrace.batch.bytes': '1024' }), by, random);
      await reader.begin();
      const check = async (expected: readonly string[]) =>
        assert.deepEqual(await reader.readOn(expected.length), expected);

      // A transaction over several batches, in the middle of others.
      await sql("INSERT INTO t VALUES (1, 'one')", 'BEGIN');
      for (let id = 10; id < 30; id++) await sql(`INSERT INTO t VALUES (${id}, REPEAT('x', 200))`);
      await sql("UPDATE t SET v = 'y' WHERE id IN (10, 11)", 'COMMIT', 'BEGIN', 'DELETE FROM t', 'ROLLBACK');
      await check(['c 1', ...Array.from({ length: 20 }, (_, i) => `c ${10 + i}`), 'u 10', 'u 11']);

      // Files end, checksums are switched off and on, the server goes down in order and by SIGKILL.
      await sql('FLUSH BINARY LOGS', "INSERT INTO t VALUES (40, 'a')", 'FLUSH BINARY LOGS', 'FLUSH BINARY LOGS');
      await sql("SET GLOBAL binlog_checksum = 'NONE'", "INSERT INTO t VALUES (41, 'b')");
      await sql("SET GLOBAL binlog_checksum = 'CRC32'", "INSERT INTO t VALUES (42, 'c')");
      await check(['c 40', 'c 41', 'c 42']);
      await sql("INSERT INTO t VALUES (43, 'before')");
      await stage.server.restart();
      await reconnect(stage);
      await sql("INSERT INTO t VALUES (44, 'after')", 'BEGIN', "INSERT INTO t VALUES (45, 'never')");
      await stage.server.kill();
      await stage.server.restart();
      await reconnect(stage);
      await sql("INSERT INTO t VALUES (46, 'again')");
      await check(['c 43', 'c 44', 'c 46']);

      // XA: rows come when the transaction is committed, whatever lies between.
      await sql(
        "XA START 'a'",
        "INSERT INTO t VALUES (50, 'xa')",
        "UPDATE t SET v = 'xb' WHERE id = 50",
        "XA END 'a'",
        "XA PREPARE 'a'",
      );
      await reconnect(stage);
      await sql("INSERT INTO t VALUES (51, 'between')");
      await check(['c 51']);
      await sql("XA COMMIT 'a'", "XA START 'b'", "INSERT INTO t VALUES (52, 'gone')", "XA END 'b'", "XA PREPARE 'b'");
      await reconnect(stage);
      await sql(
        "XA ROLLBACK 'b'",
        "XA START 'c'",
        "INSERT INTO t VALUES (53, 'one phase')",
        "XA END 'c'",
        "XA COMMIT 'c' ONE PHASE",
      );
      await check(['c 50', 'u 50', 'c 53']);

      // Compression by a session, a table altered, renamed, dropped and made anew, its columns in another order.
      await sql(
        family === 'mysql' ? 'SET SESSION binlog_transaction_compression = ON' : 'SET GLOBAL log_bin_compress = ON',
      );
      await sql(
        "INSERT INTO t SELECT id + 1000, REPEAT('compress me', 60) FROM t WHERE id < 20",
        'DELETE FROM t WHERE id >= 1000',
      );
      await sql(
        family === 'mysql' ? 'SET SESSION binlog_transaction_compression = OFF' : 'SET GLOBAL log_bin_compress = OFF',
      );
      const ids = [1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];
      await check([...ids.map((id) => `c ${1000 + id}`), ...ids.map((id) => `d ${1000 + id}`)]);
      await sql('ALTER TABLE t ADD COLUMN n INT DEFAULT 7 FIRST', "INSERT INTO t (id, v) VALUES (60, 'wider')");
      await sql(
        'RENAME TABLE t TO u',
        "INSERT INTO u VALUES (1, 61, 'renamed')",
        'ALTER TABLE u MODIFY v TEXT FIRST',
        "INSERT INTO u VALUES ('reordered', 2, 62)",
      );
      await sql(
        'DROP TABLE u',
        'CREATE TABLE u (w BIGINT, id INT PRIMARY KEY)',
        'INSERT INTO u VALUES (9, 63)',
        'TRUNCATE TABLE u',
        'INSERT INTO u VALUES (8, 64)',
      );
      await check(['c 60', 'c 61', 'c 62', 'c 63', 'c 64']);
      assert.deepEqual(
        reader.rows.slice(-5).map(({ table, after }) => [table.split('.')[1], after]),
        [
          ['t', { n: 7, id: 60, v: 'wider' }],
          ['u', { n: 1, id: 61, v: 'renamed' }],
          ['u', { v: 'reordered', n: 2, id: 62 }],
          ['u', { w: 9, id: 63 }],
          ['u', { w: 8, id: 64 }],
        ],
      );

      // What was purged after it was read is not missed; the rest is there.
      await sql('FLUSH BINARY LOGS', 'INSERT INTO u VALUES (1, 70)');
      await check(['c 70']);
      const last = reader.run({ t });
      await sql('INSERT INTO u VALUES (1, 71)');
      await last.until(() => last.rows.length === 1);
      await purge(stage.client);
      await sql('INSERT INTO u VALUES (1, 72)');
      await last.until(() => last.rows.length === 2);
      await last.stop();
      assert.deepEqual(last.story, ['c 71', 'c 72']);
    });
  }

  test(`${family}: what was purged or reset before it was read stops the source with what to do; when_needed reads the tables again`, {
    skip,
  }, async (t) => {
    const stage = await stageOf(family);
    t.after(async () => {
      stage.client.destroy();
      await stage.server[Symbol.asyncDispose]();
    });
    const { client, url } = stage;
    await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await client.query('CREATE DATABASE other');
    const reset = family === 'mysql' ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER';
    await client.query('CREATE TABLE other.t (id INT AUTO_INCREMENT PRIMARY KEY)');
    for (const how of ['purge', 'reset', 'reset and overtaken', 'reset and overtaken in the same file'] as const) {
      for (const by of ['gtid', 'position'] as const) {
        const kept = new Kept();
        const config = configFor(family, url, NO_DATA);
        await client.query('DELETE FROM t');
        const isOvertaken = how.startsWith('reset and');
        if (how === 'reset and overtaken') await client.query('FLUSH BINARY LOGS');
        if (how === 'reset and overtaken in the same file') await client.query(reset);
        // A snapshot does not tell when its file was begun, the first batch behind it does.
        const first = new SourceRun(config, { kept, t });
        await first.until(() => kept.offset?.file_ts_sec !== undefined);
        await first.stop();
        await client.query('INSERT INTO t VALUES (1)');
        // Files tell their beginning in seconds.
        if (isOvertaken) await sleep(1_100);
        if (how === 'purge') {
          await purge(client);
        } else await client.query(reset);
        await client.query('INSERT INTO t VALUES (2)');
        if (isOvertaken) for (let i = 0; i < 40; i++) await client.query('INSERT INTO other.t VALUES ()');
        if (how === 'reset and overtaken in the same file') {
          const { file, pos } = kept.offset!;
          const [files] = await client.query<RowDataPacket[]>('SHOW BINARY LOGS');
          const same = files.find(({ Log_name: name }) => name === file);
          assert.ok(Number(same?.File_size) > Number(pos), 'it has passed the stored position');
        }
        if (by === 'position') delete (kept.offset as Record<string, unknown>).gtids;
        const failed = new SourceRun(config, {
          kept: Object.assign(new Kept(), { state: kept.state, offset: kept.offset }),
        });
        const error = await failed.failure();
        assert.equal(error.code, 'source.position_lost', `${how} by ${by}: ${error.message}`);
        assert.match(String(error.remedy), /when_needed/);
        assert.deepEqual(failed.rows, []);
        const again = new SourceRun({ ...config, 'snapshot.mode': 'when_needed' }, { kept, t });
        await again.until(() => again.rows.length === 2);
        await client.query('INSERT INTO t VALUES (3)');
        await again.until(() => again.rows.length === 3);
        await again.stop();
        assert.deepEqual(again.story, ['r 1', 'r 2', 'c 3'], `${how} by ${by}`);
        assert.equal(again.warnings.length >= 1, true);
      }
    }
  });
}

test('mysql without GTIDs: positions are files and bytes, and another server’s are refused', {
  skip: await whyNoMysql('mysql'),
}, async (t) => {
  const settings = { 'gtid-mode': 'OFF', 'enforce-gtid-consistency': 'OFF', 'binlog-row-metadata': 'MINIMAL' };
  const stage = await stageOf('mysql', settings);
  t.after(async () => {
    stage.client.destroy();
    await stage.server[Symbol.asyncDispose]();
  });
  const { client, url } = stage;
  await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
  const config = configFor('mysql', url, NO_DATA);
  const kept = new Kept();
  const idle = await new SourceRun(config, { kept, t }).streaming();
  await client.query('FLUSH BINARY LOGS');
  await idle.until(() => kept.offset!.file === 'binlog.000002');
  await idle.stop();
  const run = await new SourceRun(config, { kept, t }).streaming();
  await client.query('INSERT INTO t VALUES (1)');
  await run.until(() => run.rows.length === 1);
  await run.stop();
  const { tx } = run.rows[0]!;
  assert.equal(tx.gtid, null);
  assert.match(tx.transactionId, /^file=binlog\.\d+,pos=\d+$/);
  assert.equal('gtids' in kept.offset!, false);
  await client.query('FLUSH BINARY LOGS');
  await client.query('INSERT INTO t VALUES (2)');
  const next = new SourceRun(config, { kept, t });
  await next.until(() => next.rows.length === 1);
  await next.stop();
  assert.deepEqual(next.story, ['c 2']);
  const foreign = Object.assign(new Kept(), { state: kept.state, offset: { ...kept.offset, server_uuid: 'another' } });
  const error = await new SourceRun(config, { kept: foreign }).failure();
  assert.equal(error.code, 'source.identity_changed');
});

test('mysql: partial JSON by a session gives whole documents', { skip: await whyNoMysql('mysql') }, async (t) => {
  const stage = await stageOf('mysql');
  t.after(async () => {
    stage.client.destroy();
    await stage.server[Symbol.asyncDispose]();
  });
  const { client, url } = stage;
  await client.query('CREATE TABLE t (id INT PRIMARY KEY, j JSON)');
  const run = await new SourceRun(configFor('mysql', url, NO_DATA), { t }).streaming();
  await client.query("INSERT INTO t VALUES (1, JSON_OBJECT('long', REPEAT('x', 100), 'n', 1))");
  await client.query("SET SESSION binlog_row_value_options = 'PARTIAL_JSON'");
  await client.query("UPDATE t SET j = JSON_SET(j, '$.n', 2)");
  await run.until(() => run.rows.length === 2);
  assert.equal(run.rows[1]!.after!.j, `{"n":2,"long":"${'x'.repeat(100)}"}`);
  await client.query("SET SESSION binlog_row_image = 'MINIMAL'");
  await client.query("UPDATE t SET j = JSON_SET(j, '$.n', 3)");
  const error = await run.failure();
  assert.equal(error.code, 'source.decode');
  assert.match(String(error.remedy), /binlog_row_value_options/);
});
