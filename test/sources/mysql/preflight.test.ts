import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import type { MysqlConfig } from '../../../src/config/mysql.ts';
import type { SourceOffset } from '../../../src/model/log.ts';
import type { PreflightCheck } from '../../../src/model/preflight.ts';
import { openDump } from '../../../src/sources/mysql/binlog-dump.ts';
import { preflight } from '../../../src/sources/mysql/preflight.ts';
import { mayIn, readPrivileges } from '../../../src/sources/mysql/privileges.ts';
import { startMariadb } from '../../services/mariadb.ts';
import { startMysql } from '../../services/mysql.ts';
import { type MysqlFamily, useSchema, whyNoMysql } from '../../services/shared-mysql.ts';
import { mysqlConfigFor } from './mysql-config.ts';

const ends = { timeout: 60_000 };
const families: readonly MysqlFamily[] = ['mysql', 'mariadb'];

async function checksOf(config: MysqlConfig, stored: SourceOffset | null = null) {
  const { checks } = await preflight(config, stored);
  return (name: string): PreflightCheck => {
    const check = checks.find((one) => one.name === name);
    assert.ok(check !== undefined, `no check ${name}: ${checks.map((one) => one.name).join(', ')}`);
    return check;
  };
}

async function head(family: MysqlFamily, client: Connection): Promise<SourceOffset & { readonly file: string }> {
  const status = family === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
  const [[row]] = await client.query<RowDataPacket[]>(status);
  const variable = family === 'mysql' ? '@@gtid_executed' : '@@gtid_binlog_pos';
  const [[gtid]] = await client.query<RowDataPacket[]>(`SELECT ${variable} AS gtids`);
  return { file: row!.File, pos: row!.Position, gtids: String(gtid!.gtids).replace(/\s/g, '') };
}

for (const family of families) {
  const skip = await whyNoMysql(family);
  const startServer = family === 'mysql' ? startMysql : startMariadb;

  test(`${family}: a preflight finds a sound server sound, tells of each table, and changes nothing`, {
    skip,
    ...ends,
  }, async (t) => {
    const { client, url, name } = await useSchema(family, t);
    await client.query('CREATE TABLE keyed (id INT PRIMARY KEY, body TEXT)');
    await client.query('CREATE TABLE keyless (id INT)');
    await client.query('CREATE TABLE old_engine (id INT PRIMARY KEY) ENGINE=MyISAM');
    await client.query(
      'CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES keyed (id) ON DELETE CASCADE)',
    );
    const before = await head(family, client);
    const of = await checksOf(mysqlConfigFor(family, url), before);
    for (const check of [
      'server version',
      'log_bin',
      'server_id',
      'binlog_format',
      'binlog_row_image',
      'binlog_row_metadata',
      family === 'mysql' ? 'gtid_mode' : 'GTIDs',
      'binlog retention',
      'privileges',
      'replication connection',
      'stored position',
      'database.server.id',
    ]) {
      assert.equal(of(check).status, 'ok', `${check}: ${of(check).message}`);
    }
    assert.deepEqual(
      [of(`${name}.keyed`).status, of(`${name}.keyed`).message],
      ['ok', 'key: id; before holds the whole old row'],
    );
    assert.match(of(`${name}.keyless`).message, /^no primary key; before/);
    assert.deepEqual(
      [of(`${name}.old_engine`).status, /MyISAM has no views/.test(of(`${name}.old_engine`).message)],
      ['warning', true],
    );
    // MySQL 9.7 carries foreign keys out itself.
    assert.equal(of(`${name}.child`).status, family === 'mysql' ? 'ok' : 'warning');
    assert.equal(/are not in the binlog/.test(of(`${name}.child`).message), family === 'mariadb');
  });

  test(`${family}: the SQL of a preflight mends every privilege that an account lacks`, { skip, ...ends }, async () => {
    await using schema = await useSchema(family);
    const { client, url, name } = schema;
    await client.query('CREATE TABLE items (id INT PRIMARY KEY, secret INT)');
    await client.query(`CREATE USER ${name}@'%' IDENTIFIED BY 'x'`);
    await client.query(`GRANT SELECT (id) ON ${name}.items TO ${name}@'%'`);
    const config = mysqlConfigFor(family, url, { 'database.user': name, 'database.password': 'x' });
    const found = async () => (await preflight(config)).checks;
    const errors = (checks: readonly PreflightCheck[]) => checks.filter(({ status }) => status === 'error');
    try {
      const first = errors(await found());
      assert.deepEqual(
        first.map((check) => check.name),
        ['privileges', 'snapshot lock', `${name}.items`],
      );
      const [privileges, lock, table] = first.map(({ remedy }) => remedy!);
      assert.match(privileges!, /^GRANT REPLICATION SLAVE, (REPLICATION CLIENT|BINLOG MONITOR) ON \*\.\* TO/);
      const [reload, lockTables] = lock!.split(' or ');
      for (const sql of [privileges!, lockTables!, table!]) await client.query(sql);
      const mended = await found();
      assert.deepEqual(errors(mended), []);
      assert.match(mended.find((check) => check.name === 'snapshot lock')!.message, /^without RELOAD/);
      await client.query(reload!);
      assert.match((await found()).find((check) => check.name === 'snapshot lock')!.message, /^the whole server/);
      await client.query(`REVOKE REPLICATION SLAVE ON *.* FROM ${name}@'%'`);
      assert.deepEqual(
        errors(await found()).map(({ name: check, remedy }) => [check, remedy]),
        [
          ['privileges', `GRANT REPLICATION SLAVE ON *.* TO '${name}'@'%';`],
          ['replication connection', `GRANT REPLICATION SLAVE ON *.* TO '${name}'@'%';`],
        ],
      );
    } finally {
      await client.query(`DROP USER ${name}@'%'`);
    }
  });

  test(`${family}: privileges come from roles and from patterns, too`, { skip, ...ends }, async () => {
    await using schema = await useSchema(family);
    const { client, url, name } = schema;
    await client.query(`CREATE ROLE ${name}_r`);
    await client.query(`CREATE USER ${name}@'%' IDENTIFIED BY 'x'`);
    try {
      await client.query(`GRANT RELOAD ON *.* TO ${name}_r`);
      await client.query(`GRANT LOCK TABLES ON \`a\\_b%\`.* TO ${name}_r`);
      await client.query(`GRANT ${name}_r TO ${name}@'%'`);
      const role =
        family === 'mysql'
          ? `ALTER USER ${name}@'%' DEFAULT ROLE ${name}_r`
          : `SET DEFAULT ROLE ${name}_r FOR ${name}@'%'`;
      await client.query(role);
      const own = new URL(url);
      Object.assign(own, { username: name, password: 'x', pathname: '/' });
      const session = await mysql.createConnection(own.href);
      const privileges = await readPrivileges(session, family);
      await session.end();
      assert.ok(privileges.global.has('RELOAD'));
      const may = (database: string): boolean => mayIn(privileges, database, ['LOCK TABLES']);
      assert.deepEqual(['a_b', 'a_bc', 'axb', 'a'].map(may), [true, true, false, false]);
    } finally {
      await client.query(`DROP USER ${name}@'%'`);
      await client.query(`DROP ROLE ${name}_r`);
    }
  });

  test(`${family}: a server id that another reader has is told, without disturbing that reader`, {
    skip,
    ...ends,
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    const config = mysqlConfigFor(family, url, { 'database.server.id': String(90_000_000 + process.pid) });
    const { file, pos: position } = (await head(family, client)) as { file: string; pos: number };
    let events = 0;
    const errors: Error[] = [];
    const dump = openDump({
      config,
      family,
      from: { file, position },
      onPacket: () => {
        events++;
      },
      onError: (error) => errors.push(error),
    });
    while (events === 0) await sleep(1);
    const taken = (await checksOf(config))('database.server.id');
    assert.deepEqual([taken.status, /another tailrace/.test(taken.message)], ['warning', true]);
    assert.deepEqual(errors, []);
    await dump.close();
    const [[own]] = await client.query<RowDataPacket[]>('SELECT @@server_id AS id');
    const same = (await checksOf({ ...config, 'database.server.id': own!.id }))('database.server.id');
    assert.deepEqual(
      [same.status, same.message],
      ['error', `database.server.id ${own!.id} is that of the server itself`],
    );
  });

  test(`${family}: a preflight gives the SQL for every setting that loses something, and a position that is gone`, {
    skip,
    ...ends,
  }, async () => {
    await using server = await startServer({
      settings: {
        'binlog-format': 'MIXED',
        'binlog-row-image': 'MINIMAL',
        'binlog-row-metadata': 'MINIMAL',
        'binlog-expire-logs-seconds': '3600',
        'binlog-ignore-db': 'left_out',
        ...(family === 'mysql' ? { 'gtid-mode': 'OFF', 'enforce-gtid-consistency': 'OFF' } : {}),
      },
    });
    const client = await mysql.createConnection(server.url);
    await client.query('CREATE DATABASE left_out');
    const config = mysqlConfigFor(family, server.url);
    const of = await checksOf(config);
    const statuses = [
      'binlog_format',
      'binlog_row_image',
      'binlog_row_metadata',
      'binlog retention',
      'binlog-ignore-db',
    ];
    assert.deepEqual(
      statuses.map((name) => of(name).status),
      ['error', 'warning', 'warning', 'warning', 'warning'],
    );
    assert.equal(of('tables').status, 'warning');
    for (const name of ['binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'binlog retention']) {
      await client.query(/^SET GLOBAL [^;]+;/.exec(of(name).remedy!)![0]);
    }
    if (family === 'mysql') {
      assert.equal(of('gtid_mode').status, 'warning');
      for (const sql of of('gtid_mode').remedy!.match(/SET GLOBAL [^;]+;/g)!) await client.query(sql);
      assert.equal((await checksOf(config))('gtid_mode').status, 'ok');
    }
    const mended = await checksOf(config);
    for (const name of ['binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'binlog retention']) {
      assert.equal(mended(name).status, 'ok', name);
    }

    await client.query('CREATE DATABASE d');
    const old = await head(family, client);
    await client.query('CREATE TABLE d.t (id INT PRIMARY KEY)');
    await client.query('FLUSH BINARY LOGS');
    await client.query('INSERT INTO d.t VALUES (1)');
    const { file } = await head(family, client);
    assert.equal((await checksOf(config, old))('stored position').status, 'ok');
    for (let oldest = ''; oldest !== file; await sleep(10)) {
      await client.query(`PURGE BINARY LOGS TO '${file}'`);
      const [rows] = await client.query<RowDataPacket[]>('SHOW BINARY LOGS');
      oldest = rows[0]!.Log_name;
    }
    const gone = (await checksOf(config, old))('stored position');
    assert.deepEqual([gone.status, /snapshot\.mode=when_needed/.test(gone.remedy!)], ['error', true]);
    const whenNeeded = mysqlConfigFor(family, server.url, { 'snapshot.mode': 'when_needed' });
    const again = (await checksOf(whenNeeded, old))('stored position');
    assert.deepEqual([again.status, /the tables will be read again$/.test(again.message)], ['warning', true]);
    await client.end();

    await server.restart({ 'skip-log-bin': true, 'log-bin': false, 'binlog-ignore-db': false });
    const off = (await checksOf(config))('log_bin');
    assert.deepEqual([off.status, /log-bin=binlog/.test(off.remedy!)], ['error', true]);
  });
}

test('a preflight of a server of the other family names the class to configure', {
  skip: await whyNoMysql('mariadb'),
}, async (t) => {
  const { url } = await useSchema('mariadb', t);
  const of = await checksOf(mysqlConfigFor('mysql', url));
  assert.deepEqual(
    [of('connector.class').status, /MariaDbConnector/.test(of('connector.class').remedy!)],
    ['error', true],
  );
});
