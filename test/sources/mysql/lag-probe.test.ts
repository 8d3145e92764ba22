import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import type { SourceOffset } from '../../../src/model/log.ts';
import { BinlogLagProbe } from '../../../src/sources/mysql/lag-probe.ts';
import { startMariadb } from '../../services/mariadb.ts';
import { startMysql } from '../../services/mysql.ts';
import { type MysqlFamily, whyNoMysql } from '../../services/shared-mysql.ts';
import { FreezingProxy } from '../postgres/freezing-proxy.ts';
import { mysqlConfigFor } from './mysql-config.ts';

const families: readonly MysqlFamily[] = ['mysql', 'mariadb'];

async function head(
  family: MysqlFamily,
  client: Connection,
): Promise<SourceOffset & { readonly file: string; readonly pos: number; readonly gtids: string }> {
  const status = family === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
  const [[row]] = await client.query<RowDataPacket[]>(status);
  const variable = family === 'mysql' ? '@@gtid_executed' : '@@gtid_binlog_pos';
  const [[gtid]] = await client.query<RowDataPacket[]>(`SELECT ${variable} AS gtids, UNIX_TIMESTAMP() AS now`);
  return { file: row!.File, pos: row!.Position, gtids: String(gtid!.gtids).replace(/\s/g, ''), ts_sec: gtid!.now };
}

/** MariaDB keeps a file for a moment longer, until all of its transactions are checkpointed. */
async function purgeTo(client: Connection, file: string): Promise<void> {
  for (;;) {
    await client.query(`PURGE BINARY LOGS TO '${file}'`);
    const [rows] = await client.query<RowDataPacket[]>('SHOW BINARY LOGS');
    if (rows[0]!.Log_name === file) return;
    await sleep(10);
  }
}

for (const family of families) {
  const skip = await whyNoMysql(family);
  const startServer = family === 'mysql' ? startMysql : startMariadb;

  test(`${family}: the lag tells bytes, transactions, time and the retention that is left`, { skip }, async () => {
    await using server = await startServer({ settings: { 'binlog-expire-logs-seconds': '3600' } });
    const client = await mysql.createConnection(server.url);
    let stored: SourceOffset | null = null;
    let ms = 1_000;
    const probe = new BinlogLagProbe({
      config: mysqlConfigFor(family, server.url, { 'tailrace.lag.ms.max': '7' }),
      durable: async () => stored,
      clock: () => ms,
    });
    const read = async () => {
      const { binlog, error, lagMs, thresholds } = await probe.read();
      assert.equal(error, null);
      assert.equal(thresholds.lagMs, 7);
      return { ...binlog!, lagMs };
    };
    await client.query('CREATE DATABASE d');
    await client.query('CREATE TABLE d.t (id INT PRIMARY KEY)');
    const first = await head(family, client);
    const before = await read();
    assert.deepEqual(
      [before.file, before.serverFile, before.serverPosition, before.lagMs],
      [null, first.file, first.pos, null],
    );

    stored = first;
    const none = await read();
    assert.deepEqual([none.unconfirmedBytes, none.missingTransactions, none.missingGtids, none.lagMs], [0, 0, '', 0]);
    assert.deepEqual([none.retentionMs, none.retentionLeftMs, none.purged], [3_600_000, 3_600_000, false]);

    for (let id = 0; id < 3; id++) await client.query(`INSERT INTO d.t VALUES (${id})`);
    const second = await head(family, client);
    const three = await read();
    assert.deepEqual([three.unconfirmedBytes, three.missingTransactions], [second.pos - first.pos, 3]);
    assert.match(three.missingGtids!, family === 'mysql' ? /:3-5$/ : /^0-1-5$/);
    ms += 500;
    assert.equal((await read()).lagMs, 500);

    await client.query('FLUSH BINARY LOGS');
    await client.query('INSERT INTO d.t VALUES (4)');
    const rotated = await read();
    assert.notEqual(rotated.serverFile, rotated.file);
    assert.ok(rotated.unconfirmedBytes! > second.pos - first.pos);
    assert.ok(rotated.retentionLeftMs! <= 3_600_000 && rotated.retentionLeftMs! > 3_500_000);
    // A process that has not seen the file being written knows of the last delivered change alone.
    stored = { ...first, ts_sec: Number(first.ts_sec) - 1_000 };
    const fresh = new BinlogLagProbe({
      config: mysqlConfigFor(family, server.url),
      durable: async () => stored,
      clock: () => ms,
    });
    const left = (await fresh.read()).binlog!.retentionLeftMs!;
    assert.ok(left <= 2_600_000 && left > 2_500_000, String(left));

    const last = await head(family, client);
    await purgeTo(client, last.file);
    const gone = await read();
    assert.deepEqual([gone.unconfirmedBytes, gone.purged, gone.retentionLeftMs, gone.lagMs], [null, true, 0, null]);
    assert.equal(gone.missingTransactions, 4);
    const { gtids: _, ...byFile } = first;
    stored = byFile;
    const noGtids = await read();
    assert.deepEqual([noGtids.missingGtids, noGtids.missingTransactions, noGtids.purged], [null, null, true]);
    // Nothing is missing, by whatever name of the file it was delivered, and wherever a dump by GTIDs begins.
    stored = { ...last, file: 'other.000009' };
    const elsewhere = await read();
    assert.deepEqual(
      [elsewhere.unconfirmedBytes, elsewhere.purged, elsewhere.retentionLeftMs, elsewhere.missingTransactions],
      [0, false, null, 0],
    );
    stored = { ...last, pos: 4 };
    const begun = await read();
    assert.deepEqual([begun.unconfirmedBytes, begun.lagMs], [0, 0]);
    await client.end();
  });

  test(`${family}: a server that cannot be asked is reported, also one that is silent`, {
    skip,
    timeout: 60_000,
  }, async () => {
    await using server = await startServer();
    await using proxy = await FreezingProxy.to(server.url);
    const probeOf = (url: string) =>
      new BinlogLagProbe({ config: mysqlConfigFor(family, url), durable: async () => null, clock: () => 0 });
    const url = new URL(proxy.url);
    url.password = 'wrong';
    assert.match((await probeOf(url.href).read()).error!, /Access denied/);
    let freeze = (): void => proxy.freeze();
    const frozen = new BinlogLagProbe({
      config: {
        ...mysqlConfigFor(family, proxy.url),
        get 'database.initial.statements'() {
          // Read when the connection has been made.
          freeze();
          freeze = () => {};
          return null;
        },
      },
      durable: async () => null,
      clock: () => 0,
    });
    const { error, binlog } = await frozen.read();
    assert.match(error!, /did not answer within 5000 ms/);
    assert.equal(binlog, null);
  });
}
