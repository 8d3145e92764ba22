import assert from 'node:assert/strict';
import { test } from 'node:test';
import mysql, { type RowDataPacket } from 'mysql2/promise';
import { type MysqlFamily, type TestSchema, useSchema, whyNoMysql } from '../../services/shared-mysql.ts';
import { mysqlConfigFor } from './mysql-config.ts';
import { readWhole } from './snapshot-reading.ts';

const families: readonly MysqlFamily[] = ['mysql', 'mariadb'];
/** What would wait for ever fails instead. */
const ends = { timeout: 60_000 };

/** Every kind of value whose text is not what a client usually makes of it. */
const COLUMNS: Readonly<Record<string, readonly [type: string, value: string]>> = {
  t: ['tinyint unsigned', '255'],
  b: ['bigint', '-9223372036854775808'],
  bu: ['bigint unsigned', '18446744073709551615'],
  d: ['decimal(65,30)', '-12345678901234567890123456789012345.000000000000000000000000000001'],
  z: ['decimal(10,2) unsigned zerofill', '1.5'],
  f: ['float', '0.1'],
  fneg: ['float', '-0e0'],
  fm: ['float(9,3)', '123456.789'],
  dbl: ['double', '0.1'],
  bit9: ['bit(9)', "b'100000001'"],
  y: ['year', '0'],
  ti: ['time(6)', "'-838:59:58.999999'"],
  dt: ['datetime(3)', "'9999-12-31 23:59:59.999'"],
  ts: ['timestamp(6) null', "'2001-02-03 04:05:06.789012'"],
  da: ['date', "'1000-01-01'"],
  c1: ['varchar(20) character set latin1', "'\u00e9\u20ac'"],
  c2: ['varchar(20) character set utf8mb4', "'\u6f22\ud83d\ude00'"],
  c3: ['char(20) character set utf16', "'\u6f22x '"],
  c4: ['varchar(20) character set sjis', "'\u6f22\u5b57'"],
  bi: ['binary(4)', "x'ff00'"],
  vb: ['varbinary(300)', "repeat(x'fb', 300)"],
  blo: ['mediumblob', "repeat('x', 70000)"],
  e: ["enum('a','\u00e9','x,y') character set latin1", "'\u00e9'"],
  s: ["set('a','b','c')", "'a,c'"],
  j: ['json', '\'{"a": [1, "\u6f22"], "b": null}\''],
  g: ['geometry', "st_geomfromtext('POINT(1 2)')"],
  nul: ['int', 'NULL'],
  blank: ['varchar(10)', "''"],
  gen: ['int generated always as (t + 1) stored', 'DEFAULT'],
};

/** By the text protocol as mysql2 reads it, in the columns' own character sets. */
async function serverBytes({ client, url }: TestSchema, list: string): Promise<(Buffer | null)[]> {
  const raw = await mysql.createConnection(url);
  try {
    await raw.query("SET character_set_results = NULL, time_zone = '+00:00'");
    const [rows] = await raw.query<RowDataPacket[][]>({
      sql: `SELECT ${list} FROM \`all\` ORDER BY id`,
      rowsAsArray: true,
      typeCast: (field) => field.buffer(),
    });
    return rows.flat() as unknown as (Buffer | null)[];
  } finally {
    await raw.end();
    await client.ping();
  }
}

for (const family of families) {
  const skip = await whyNoMysql(family);
  const options = { skip, ...ends };

  test(`${family}: the bytes of every type are those that the server has for the SELECT`, options, async (t) => {
    const schema = await useSchema(family, t);
    const entries = Object.entries({
      ...COLUMNS,
      ...(family === 'mysql' ? { vec: ['vector(2)', "to_vector('[1,-0.5]')"] } : {}),
    });
    const invisible = family === 'mysql' ? 'inv int invisible' : 'inv int invisible default 5';
    await schema.client.query("SET sql_mode = '', time_zone = '+00:00'");
    await schema.client.query(
      `CREATE TABLE \`all\` (id int PRIMARY KEY, ${entries.map(([name, [type]]) => `${name} ${type}`).join(', ')}, ${invisible})`,
    );
    const names = entries.map(([name]) => name).join(', ');
    await schema.client.query(
      `INSERT INTO \`all\` (id, ${names}, inv) VALUES (1, ${entries.map(([, [, value]]) => value).join(', ')}, 7)`,
    );
    await schema.client.query('INSERT INTO `all` (id) VALUES (2)');
    const reading = await readWhole(mysqlConfigFor(family, schema.url), family);
    const list = entries.map(([name, [type = '']]) => (type.startsWith('float') ? `${name} * 1e0` : name)).join(', ');
    const got = reading.rows.flatMap(({ after }) => Object.values(after));
    assert.deepEqual(got, await serverBytes(schema, `id, ${list}, inv`));
    const [first] = reading.rows;
    assert.deepEqual(first!.after.c1, Buffer.from([0xe9, 0x80]), 'latin1 as it is stored');
    // MariaDB prints it without its sign.
    assert.equal(first!.after.fneg!.toString(), family === 'mysql' ? '-0' : '0');
    assert.equal(first!.after.f!.toString(), '0.10000000149011612');
    assert.equal(first!.after.inv!.toString(), '7');
    assert.equal(first!.after.gen!.toString(), '256');
  });

  test(`${family}: names that must be quoted, and tables without a key, are read`, options, async (t) => {
    const schema = await useSchema(family, t);
    await schema.client.query('CREATE TABLE `a``b. c"d` (`x``y` int, `select` int)');
    await schema.client.query('INSERT INTO `a``b. c"d` VALUES (1, 2)');
    const reading = await readWhole(mysqlConfigFor(family, schema.url), family);
    assert.deepEqual(reading.rows[0]!.after, { 'x`y': Buffer.from('1'), select: Buffer.from('2') });
    assert.equal(reading.schemas[1]!.ddl, `DROP TABLE IF EXISTS \`${schema.name}\`.\`a\`\`b. c"d\``);
  });

  test(
    `${family}: the first and last row of each table and of the snapshot are marked, over several sessions too`,
    options,
    async (t) => {
      const { client, url, name } = await useSchema(family, t);
      const counts = { a: 3, b: 0, c: 1, d: 500 };
      for (const [table, rows] of Object.entries(counts)) {
        await client.query(`CREATE TABLE ${table} (id int PRIMARY KEY)`);
        if (rows > 0)
          await client.query(`INSERT INTO ${table} VALUES ${Array.from({ length: rows }, (_, i) => `(${i})`)}`);
      }
      for (const threads of ['1', '3']) {
        const config = mysqlConfigFor(family, url, { 'snapshot.max.threads': threads, 'tailrace.batch.bytes': '4096' });
        const { rows, progress, batches } = await readWhole(config, family);
        assert.equal(rows.length, 504);
        const markers = rows.map(({ marker }) => marker);
        assert.equal(markers.filter((marker) => marker === 'last').length, 1);
        assert.equal(markers.at(-1), 'last');
        assert.equal(markers.filter((marker) => marker === 'first').length, 1);
        if (threads === '1') {
          assert.deepEqual(markers.slice(0, 4), [
            'first',
            'true',
            'last_in_data_collection',
            'last_in_data_collection',
          ]);
          assert.equal(markers[4], 'first_in_data_collection');
        }
        assert.deepEqual(
          progress!.tables.map(({ table, rows, state }) => [table, rows, state]),
          Object.entries(counts).map(([table, rows]) => [`${name}.${table}`, rows, 'done']),
        );
        assert.notEqual(progress!.finishedMs, null);
        assert.equal(batches[0]!.snapshot, 'begin');
        assert.deepEqual(batches[0]!.changes, []);
        assert.deepEqual(
          batches.map(({ snapshot }) => snapshot).filter((at) => at !== undefined),
          ['begin', 'end'],
        );
        assert.equal(batches.at(-1)!.offset.snapshot_completed, true);
        assert.ok(batches.slice(0, -1).every(({ offset }) => offset.snapshot_completed === false));
      }
    },
  );

  test(`${family}: rows tell the server's time in whole seconds, and where the snapshot is`, options, async (t) => {
    const { client, url } = await useSchema(family, t);
    await client.query('CREATE TABLE a (id int)');
    await client.query('INSERT INTO a VALUES (1)');
    const { rows, point } = await readWhole(mysqlConfigFor(family, url), family);
    const tx = rows[0]!.change.tx as unknown as Record<string, unknown>;
    assert.equal((tx.commitTimeMicros as number) % 1_000_000, 0);
    assert.ok(Math.abs((tx.commitTimeMicros as number) / 1000 - Date.now()) < 60_000);
    const { file, position } = point!;
    assert.deepEqual(
      [tx.file, tx.position, tx.serverId, tx.gtid, tx.transactionId],
      [file, position, 0, null, `file=${file},pos=${position}`],
    );
  });

  test(
    `${family}: the schema is told as Debezium tells it: dropped, then made, database by database`,
    options,
    async (t) => {
      const one = await useSchema(family, t);
      const two = await useSchema(family, t);
      await one.client.query('CREATE TABLE b (id int)');
      await one.client.query("CREATE TABLE a (id int, v varchar(5) character set latin1 default 'x')");
      await one.client.query('CREATE VIEW v AS SELECT 1 AS one');
      await two.client.query('CREATE TABLE left_out (id int PRIMARY KEY)');
      await two.client.query(`ALTER DATABASE ${two.name} CHARACTER SET latin1 COLLATE latin1_bin`);
      const [first, second] = [one, two].sort((a, b) => (a.name < b.name ? -1 : 1)) as [TestSchema, TestSchema];
      const config = mysqlConfigFor(family, one.url, {
        'database.include.list': `${one.name},${two.name}`,
        'table.include.list': `${one.name}\\.b,${one.name}\\.a`,
      });
      const { schemas, batches, model } = await readWhole(config, family);
      const tables = { [one.name]: ['a', 'b'], [two.name]: ['left_out'] };
      const all = [first, second].flatMap(({ name }) => tables[name]!.map((table) => [name, table] as const));
      const texts = schemas.map(({ database, ddl }) => `${database}|${ddl.split('\n')[0]}`);
      const [[server]] = await one.client.query<RowDataPacket[]>(
        'SELECT @@character_set_server c, @@collation_server l',
      );
      const [locales] = await one.client.query<RowDataPacket[]>(
        'SELECT SCHEMA_NAME n, DEFAULT_CHARACTER_SET_NAME c, DEFAULT_COLLATION_NAME l FROM information_schema.SCHEMATA',
      );
      const locale = (name: string) => {
        const { c, l } = locales.find(({ n }) => n === name)!;
        return `CHARSET ${c} COLLATE ${l}`;
      };
      assert.deepEqual(texts, [
        `|SET character_set_server=${server!.c}, collation_server=${server!.l}`,
        ...all.map(([name, table]) => `${name}|DROP TABLE IF EXISTS \`${name}\`.\`${table}\``),
        ...[first, second].flatMap(({ name }) => [
          `${name}|DROP DATABASE IF EXISTS \`${name}\``,
          `${name}|CREATE DATABASE \`${name}\` ${locale(name)}`,
          `${name}|USE \`${name}\``,
          ...tables[name]!.map((table) => `${name}|CREATE TABLE \`${table}\` (`),
        ]),
      ]);
      assert.match(locale(two.name), /latin1_bin/);
      const made = schemas.find(({ ddl }) => ddl.startsWith('CREATE TABLE `a`'))!;
      assert.deepEqual(
        made.tables.map(({ type, database, name }) => [type, database, name]),
        [['CREATE', one.name, 'a']],
      );
      assert.deepEqual(model.get(one.name, 'a'), made.tables[0]!.table);
      assert.equal(model.get(one.name, 'a')!.columns[1]!.charset, 'latin1');
      assert.equal(model.databaseCharset(two.name), 'latin1');
      const state = batches.flatMap((batch) => batch.state ?? []);
      assert.deepEqual(
        state.map(({ topic, value }) => [topic, JSON.parse(value!.toString()).ddl]),
        schemas.map(({ ddl }) => ['test.schema-history', ddl]),
      );
      const record = JSON.parse(state[0]!.value!.toString());
      assert.deepEqual(
        [record.source, record.position.snapshot, record.databaseName],
        [{ server: 'test' }, 'INITIAL', ''],
      );
      // No row: the very last change is one of the schema.
      assert.deepEqual(
        schemas.map(({ snapshot }) => snapshot),
        [...schemas.slice(1).map(() => 'true'), 'last'],
      );
    },
  );

  test(
    `${family}: tables come in the order of the include list, and the schema alone where no rows are wanted`,
    options,
    async (t) => {
      const { client, url, name } = await useSchema(family, t);
      for (const table of ['a', 'b', 'c', 'd']) {
        await client.query(`CREATE TABLE ${table} (id int)`);
        await client.query(`INSERT INTO ${table} VALUES (1)`);
      }
      const config = mysqlConfigFor(family, url, {
        'table.include.list': `.*\\.c,${name}\\.(b|a|d)`,
        'snapshot.include.collection.list': '.*\\.[abc]',
      });
      const whole = await readWhole(config, family);
      assert.deepEqual(
        whole.rows.map(({ table, marker }) => [table, marker]),
        [
          [`${name}.c`, 'first'],
          [`${name}.a`, 'last_in_data_collection'],
          [`${name}.b`, 'last'],
        ],
      );
      const schema = await readWhole(config, family, { withRows: false });
      assert.deepEqual(schema.rows, []);
      assert.equal(schema.schemas.length, whole.schemas.length);
      assert.equal(schema.schemas.at(-1)!.snapshot, 'last');
      assert.equal(schema.batches.at(-1)!.snapshot, 'end');
    },
  );

  test(`${family}: a server without captured tables has a snapshot of its defaults alone`, options, async (t) => {
    const { url } = await useSchema(family, t);
    const { schemas, batches, point } = await readWhole(mysqlConfigFor(family, url), family);
    assert.deepEqual(
      schemas.map(({ snapshot }) => snapshot),
      ['last'],
    );
    assert.equal(batches.at(-1)!.snapshot, 'end');
    assert.ok(point!.position > 0);
  });

  test(`${family}: a select override gives the rows; columns it leaves out are NULL`, options, async (t) => {
    const { client, url, name } = await useSchema(family, t);
    await client.query('CREATE TABLE items (id int PRIMARY KEY, f float, v varchar(10))');
    await client.query("INSERT INTO items VALUES (1, 0.1, 'a'), (2, 0.2, 'b'), (3, 0.3, 'c')");
    const key = 'snapshot.select.statement.overrides';
    const override = (select: string) =>
      mysqlConfigFor(family, url, { [key]: `${name}.items`, [`${key}.${name}.items`]: select });
    const reading = await readWhole(override(`SELECT f, id FROM ${name}.items WHERE id > 1;`), family);
    assert.deepEqual(reading.texts('items'), [
      ['2', '0.20000000298023224', null],
      ['3', '0.30000001192092896', null],
    ]);
    await assert.rejects(readWhole(override('SELECT nothing FROM nowhere'), family), {
      code: 'source.snapshot',
      message: new RegExp(`the statement of ${key}.${name}.items fails`),
    });
  });

  test(`${family}: what a session may be limited to does not cut a snapshot short`, options, async (t) => {
    const { client, url } = await useSchema(family, t);
    await client.query('CREATE TABLE a (id int PRIMARY KEY)');
    await client.query('INSERT INTO a VALUES (1), (2), (3)');
    const limit = family === 'mysql' ? 'max_execution_time = 1' : 'max_statement_time = 0.000001';
    const config = mysqlConfigFor(family, url, {
      'database.initial.statements': `SET sql_select_limit = 1; SET ${limit}; SET sql_mode = 'ANSI_QUOTES'; SET time_zone = '+03:00'`,
    });
    const reading = await readWhole(config, family);
    assert.equal(reading.rows.length, 3);
    assert.match(reading.schemas.at(-1)!.ddl, /CREATE TABLE `a`/);
  });

  test(
    `${family}: tables of every kind are read: partitioned, of another engine, with a history of their own`,
    options,
    async (t) => {
      const { client, url, name } = await useSchema(family, t);
      await client.query('CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 3');
      await client.query('INSERT INTO parts VALUES (1), (2), (3), (4)');
      await client.query('CREATE TABLE isam (id int PRIMARY KEY) ENGINE=MyISAM');
      await client.query('INSERT INTO isam VALUES (1), (2)');
      await client.query(
        `CREATE TABLE past (id int PRIMARY KEY, n int)${family === 'mariadb' ? ' WITH SYSTEM VERSIONING' : ''}`,
      );
      await client.query('INSERT INTO past VALUES (1, 1), (2, 2)');
      await client.query('UPDATE past SET n = 3 WHERE id = 1');
      await client.query('DELETE FROM past WHERE id = 2');
      const reading = await readWhole(mysqlConfigFor(family, url), family);
      assert.deepEqual(reading.texts('parts').flat().sort(), ['1', '2', '3', '4']);
      assert.deepEqual(reading.texts('isam'), [['1'], ['2']]);
      // MariaDB's rows say, as in its binlog, since when they are.
      assert.deepEqual(
        reading.texts('past').map((row) => row.slice(0, 2)),
        [['1', '3']],
      );
      assert.equal(reading.warnings.length, 1);
      assert.match(reading.warnings[0]!, new RegExp(`${name}.isam.*other engines than InnoDB`));
      const locked = await readWhole(mysqlConfigFor(family, url, { 'snapshot.locking.mode': 'extended' }), family);
      assert.deepEqual(locked.warnings, []);
    },
  );
}
