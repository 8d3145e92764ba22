import assert from 'node:assert/strict';
import { test } from 'node:test';
import mysql from 'mysql2/promise';
import { PreparedState } from '../../../src/sources/mysql/prepared-state.ts';
import { startMariadb } from '../../services/mariadb.ts';
import { startMysql } from '../../services/mysql.ts';
import type { MysqldSettings } from '../../services/mysqld.ts';
import { type MysqlFamily, useSchema, whyNoMysql } from '../../services/shared-mysql.ts';
import { configFor, Kept, SourceRun } from './source-run.ts';

const NO_DATA = { 'snapshot.mode': 'no_data' };

async function ownServer(t: { after(fn: () => Promise<void>): void }, family: MysqlFamily, settings: MysqldSettings) {
  const server = await (family === 'mysql' ? startMysql({ settings }) : startMariadb({ settings }));
  const client = await mysql.createConnection(server.url);
  t.after(async () => {
    client.destroy();
    await server[Symbol.asyncDispose]();
  });
  await client.query('CREATE DATABASE shop');
  await client.query('USE shop');
  return { client, url: `${server.url}shop` };
}

for (const family of ['mysql', 'mariadb'] as const) {
  const skip = await whyNoMysql(family);

  test(`${family}: where the binlog does not name columns, the history does, over restarts in the middle of DDL`, {
    skip,
  }, async (t) => {
    const { client, url } = await ownServer(t, family, {
      'binlog-row-metadata': family === 'mysql' ? 'MINIMAL' : 'NO_LOG',
    });
    await client.query("CREATE TABLE t (id INT UNSIGNED PRIMARY KEY, e ENUM('a', 'b'))");
    const config = configFor(family, url, NO_DATA);
    const kept = new Kept();
    await (await new SourceRun(config, { kept }).streaming()).stop();
    const statements = [
      "INSERT INTO t VALUES (1, 'a')",
      'ALTER TABLE t ADD COLUMN n BIGINT UNSIGNED FIRST',
      "INSERT INTO t VALUES (9223372036854775808, 4294967295, 'b')",
      'RENAME TABLE t TO u',
      "INSERT INTO u VALUES (1, 2, 'a')",
      'DELETE FROM u WHERE n > 1',
      'ALTER TABLE u CHANGE e label VARCHAR(10) CHARACTER SET latin1 FIRST, MODIFY COLUMN id INT UNSIGNED FIRST, MODIFY n INT',
      'ALTER TABLE u MODIFY COLUMN n INT AFTER label',
      "INSERT INTO u VALUES (3, 'é', -1)",
      'CREATE TABLE v LIKE u',
      "INSERT INTO v VALUES (4, 'é', -2)",
    ];
    for (const statement of statements) await client.query(statement);
    const rows: unknown[] = [];
    for (let i = 0; i < 8; i++) {
      const run: SourceRun = new SourceRun(config, {
        kept,
        t,
        onBatch: (batch) => {
          if (batch.changes.some(({ kind }) => kind === 'row')) void run.stop();
        },
      });
      await run.done;
      rows.push(...run.rows.map(({ table, after }) => [table, after]));
      if (rows.length >= 6) break;
    }
    assert.deepEqual(rows, [
      ['shop.t', { id: 1, e: 'a' }],
      ['shop.t', { n: '-9223372036854775808', id: 4294967295, e: 'b' }],
      ['shop.u', { n: 1, id: 2, e: 'a' }],
      ['shop.u', null],
      ['shop.u', { id: 3, label: 'é', n: -1 }],
      ['shop.v', { id: 4, label: 'é', n: -2 }],
    ]);
    // Without the history nothing tells what the columns are.
    const lost = Object.assign(new Kept(), { offset: kept.offset });
    const error = await new SourceRun(config, { kept: lost }).failure();
    assert.equal(error.code, 'source.table');
    assert.match(String(error.remedy), /recovery/);
    await client.query("INSERT INTO u VALUES (5, 'after', 0)");
    const recovered = new SourceRun({ ...config, 'snapshot.mode': 'recovery' }, { kept: lost, t });
    await recovered.until(() => recovered.rows.length === 1);
    await recovered.stop();
    assert.deepEqual(recovered.rows[0]!.after, { id: 5, label: 'after', n: 0 });
    const next = new SourceRun(config, { kept: lost, t });
    await client.query("INSERT INTO v VALUES (6, 'next', 0)");
    await next.until(() => next.rows.length === 1);
    await next.stop();
    assert.deepEqual(next.rows[0]!.after, { id: 6, label: 'next', n: 0 });
  });

  test(`${family}: what DDL does not tell is read from the catalog; DDL of others, and what nobody understands, stops nothing`, {
    skip,
  }, async (t) => {
    const { client, url, name } = await useSchema(family, t);
    const other = await useSchema(family, t);
    await other.client.query("CREATE TABLE model (id INT PRIMARY KEY, kind ENUM('x', 'y') COMMENT 'c')");
    const run = await new SourceRun(configFor(family, url, NO_DATA), { t }).streaming();
    await client.query(`CREATE TABLE copy LIKE ${other.name}.model`);
    await client.query("INSERT INTO copy VALUES (1, 'y')");
    await client.query(`CREATE TABLE chosen AS SELECT id, kind FROM ${other.name}.model`);
    await client.query("INSERT INTO chosen VALUES (2, 'x')");
    await other.client.query('ALTER TABLE model ADD COLUMN more INT');
    await other.client.query('INSERT INTO model VALUES (9, NULL, 9)');
    await client.query(`CREATE VIEW seen AS SELECT 1 AS one`);
    await client.query(`CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1`).catch(() => {});
    await client.query("INSERT INTO copy VALUES (3, 'x')");
    await run.until(() => run.rows.length === 3);
    await run.stop();
    assert.deepEqual(
      run.rows.map(({ table, after }) => [table, after]),
      [
        [`${name}.copy`, { id: 1, kind: 'y' }],
        [`${name}.chosen`, { id: 2, kind: 'x' }],
        [`${name}.copy`, { id: 3, kind: 'x' }],
      ],
    );
    const told = run.changes.map(({ change }) => change).filter((change) => change.kind === 'schema');
    assert.ok(told.every(({ database }) => database === name || database === ''));
    assert.ok(told.some(({ ddl }) => ddl.startsWith('CREATE TABLE copy')));
    const history = run.kept.state
      .filter(({ topic }) => topic === 'test.schema-history')
      .map(({ value }) => String(value));
    assert.ok(
      history.some((record) => record.includes('"enumValues":["\'x\'","\'y\'"]')),
      'the catalog’s columns are in the history',
    );
  });

  test(`${family}: no password of a statement comes to a topic`, { skip }, async (t) => {
    const { client, url, name } = await useSchema(family, t);
    await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    const run = await new SourceRun(configFor(family, url, NO_DATA), { t }).streaming();
    const plain = family === 'mysql' ? "'hidden-word'" : "PASSWORD('hidden-word')";
    await client.query(`CREATE USER ${name}@localhost IDENTIFIED BY 'hidden-word'`);
    await client.query(`SET PASSWORD FOR ${name}@localhost = ${plain}`);
    await client.query(`DROP USER ${name}@localhost`);
    await client.query('CREATE TABLE u (id INT PRIMARY KEY)');
    await client.query('INSERT INTO t VALUES (1)');
    await run.until(() => run.rows.length === 1);
    const told = [
      ...run.changes.map(({ change }) => (change.kind === 'schema' ? change.ddl : '')),
      ...run.kept.state.map(({ value }) => String(value)),
      ...run.warnings,
    ];
    assert.ok(told.some((text) => text.startsWith('CREATE TABLE u')));
    assert.deepEqual(
      told.filter((text) => /hidden-word|PASSWORD|IDENTIFIED/i.test(text)),
      [],
    );
  });

  test(`${family}: a statement in place of captured rows stops the source, one in place of others does not`, {
    skip,
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    const other = await useSchema(family, t);
    await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await other.client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    const run = await new SourceRun(configFor(family, url, NO_DATA), { t }).streaming();
    await other.client.query("SET SESSION binlog_format = 'STATEMENT'");
    await other.client.query('INSERT INTO t VALUES (1)');
    await client.query('INSERT INTO t VALUES (1)');
    await run.until(() => run.rows.length === 1);
    await client.query("SET SESSION binlog_format = 'STATEMENT'");
    await client.query('UPDATE t SET id = 2');
    const error = await run.failure();
    assert.equal(error.code, 'source.decode');
    assert.match(error.message, /UPDATE on t_\w+\.t is in the binlog at binlog\.\d+:\d+ as a statement/);
    assert.match(String(error.remedy), /binlog_format = ROW.*snapshot\.mode=when_needed/);
    const again = new SourceRun(configFor(family, url, { 'snapshot.mode': 'when_needed' }), { kept: run.kept, t });
    await again.until(() => again.rows.length === 1);
    await client.query("SET SESSION binlog_format = 'ROW'");
    await client.query('INSERT INTO t VALUES (3)');
    await again.until(() => again.rows.length === 2);
    assert.deepEqual(again.story, ['r 2', 'c 3']);
  });

  test(`${family}: rows of CREATE TABLE ... SELECT come as events, or stop the source where they are in the binlog as a statement`, {
    skip,
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    const other = await useSchema(family, t);
    await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await client.query('INSERT INTO t VALUES (1), (2)');
    const run = await new SourceRun(configFor(family, url, NO_DATA), { t }).streaming();
    await client.query('CREATE TABLE told (id INT PRIMARY KEY) SELECT id FROM t');
    await other.client.query("SET SESSION binlog_format = 'STATEMENT'");
    await other.client.query('CREATE TABLE t SELECT 1 AS id');
    await run.until(() => run.rows.length === 2);
    await client.query("SET SESSION binlog_format = 'STATEMENT'");
    await client.query('CREATE TABLE untold (id INT PRIMARY KEY) SELECT id FROM t');
    const error = await run.failure();
    assert.equal(error.code, 'source.decode');
    assert.match(error.message, /CREATE TABLE \.\.\. SELECT on t_\w+\.untold is in the binlog at binlog\.\d+:\d+/);
    assert.deepEqual(run.story, ['c 1', 'c 2']);
  });

  test(`${family}: what a session does to a temporary table is not taken for the table of that name, also where it logs statements`, {
    skip,
  }, async (t) => {
    const settings = { 'binlog-row-metadata': 'MINIMAL' };
    await using server = await (family === 'mysql' ? startMysql({ settings }) : startMariadb({ settings }));
    const url = `${server.url}shop`;
    const client = await mysql.createConnection(server.url);
    t.after(() => client.destroy());
    await client.query('CREATE DATABASE shop');
    await client.query('USE shop');
    await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await client.query('CREATE TABLE altered (id INT PRIMARY KEY)');
    const kept = new Kept();
    const config = configFor(family, url, { ...NO_DATA, 'skipped.operations': 'none' });
    const run = await new SourceRun(config, { kept, t }).streaming();
    const other = await mysql.createConnection(url);
    t.after(() => other.destroy());
    for (const statement of [
      "SET SESSION binlog_format = 'STATEMENT'",
      'CREATE TEMPORARY TABLE t (v TEXT)',
      'ALTER TABLE t ADD COLUMN n INT FIRST',
      'CREATE TABLE made LIKE t',
      'TRUNCATE TABLE t',
      'DROP TEMPORARY TABLE t',
      'ALTER TABLE altered ADD COLUMN n INT FIRST',
    ]) {
      await other.query(statement);
    }
    await client.query('INSERT INTO t VALUES (1)');
    await client.query("INSERT INTO made VALUES (7, 'made')");
    await run.until(() => run.rows.length === 2);
    await run.stop();
    await client.query('INSERT INTO t VALUES (2)');
    await client.query('INSERT INTO altered VALUES (8, 3)');
    // What was recovered of the schema history.
    const next = new SourceRun(config, { kept, t });
    await next.until(() => next.rows.length === 2);
    await next.stop();
    const told = [...run.changes, ...next.changes].filter(({ op }) => op !== 'schema');
    assert.deepEqual(
      told.map(({ op, after }) => [op, after]),
      [
        ['c', { id: 1 }],
        ['c', { n: 7, v: 'made' }],
        ['c', { id: 2 }],
        ['c', { n: 8, id: 3 }],
      ],
    );
  });

  test(`${family}: the statement behind rows is told where it is asked for and logged`, { skip }, async (t) => {
    const { client, url } = await useSchema(family, t);
    await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    const variable = family === 'mysql' ? 'binlog_rows_query_log_events' : 'binlog_annotate_row_events';
    await client.query(`SET SESSION ${variable} = ON`);
    const queries: (string | null)[][] = [];
    for (const asked of ['true', 'false']) {
      const run = await new SourceRun(configFor(family, url, { ...NO_DATA, 'include.query': asked }), {
        t,
      }).streaming();
      await client.query(`INSERT INTO t VALUES (${queries.length * 2})`);
      await client.query(`INSERT INTO t VALUES (${queries.length * 2 + 1})`);
      await run.until(() => run.rows.length === 2);
      await run.stop();
      queries.push(run.rows.map(({ tx }) => tx.query));
    }
    assert.deepEqual(queries, [
      ['INSERT INTO t VALUES (0)', 'INSERT INTO t VALUES (1)'],
      [null, null],
    ]);
  });

  test(`${family}: rows of a prepared transaction are not taken for those of another one that has its name after a new snapshot`, {
    skip,
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    const xid = `'y${process.pid}${family}'`;
    const prepare = async (row: number): Promise<void> => {
      const writer = await mysql.createConnection(url);
      for (const statement of [
        `XA START ${xid}`,
        `INSERT INTO t VALUES (${row})`,
        `XA END ${xid}`,
        `XA PREPARE ${xid}`,
      ])
        await writer.query(statement);
      writer.destroy();
    };
    const kept = new Kept();
    const first = await new SourceRun(configFor(family, url, NO_DATA), { kept, t }).streaming();
    await prepare(1);
    await first.until(() => kept.state.some(({ topic }) => topic === 'test.prepared-transactions'));
    await first.stop();
    const other = await mysql.createConnection(url);
    await other.query(`XA COMMIT ${xid}`);
    await prepare(2);
    kept.offset = null;
    const run = await new SourceRun(configFor(family, url), { kept, t }).streaming();
    await other.query(`XA COMMIT ${xid}`);
    await run.until(() => run.rows.length === 2);
    await run.stop();
    other.destroy();
    assert.deepEqual(run.story, ['r 1', 'c 2']);
    const prepared = await new PreparedState('test').load(kept, { stored: kept.offset, family });
    assert.equal(prepared.size, 0);
  });
}

test('mariadb: a two-phase ALTER TABLE changes the table once, when it commits', {
  skip: await whyNoMysql('mariadb'),
}, async (t) => {
  const { client, url } = await useSchema('mariadb', t);
  await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
  const run = await new SourceRun(configFor('mariadb', url, NO_DATA), { t }).streaming();
  await client.query('SET SESSION binlog_alter_two_phase = ON');
  await client.query('ALTER TABLE t ADD COLUMN n INT');
  await client.query('INSERT INTO t VALUES (1, 2)');
  await client.query('INSERT INTO t VALUES (2, 2)');
  await client.query('ALTER TABLE t ADD UNIQUE (n)').catch(() => {});
  await client.query('INSERT INTO t VALUES (3, 2)');
  await run.until(() => run.rows.length === 3);
  await run.stop();
  assert.deepEqual(
    run.rows.map(({ after }) => after),
    [1, 2, 3].map((id) => ({ id, n: 2 })),
  );
  const ddl = run.changes.map(({ change }) =>
    change.kind === 'schema' && change.ddl.startsWith('ALTER') ? change.ddl : '',
  );
  assert.deepEqual(
    ddl.filter((text) => text !== ''),
    ['ALTER TABLE t ADD COLUMN n INT'],
  );
});

for (const family of ['mysql', 'mariadb'] as const) {
  test(`${family}: what was rolled back never comes, also where the transaction left a table without transactions changed`, {
    skip: await whyNoMysql(family),
  }, async (t) => {
    const settings: MysqldSettings =
      family === 'mysql' ? { 'gtid-mode': 'OFF', 'enforce-gtid-consistency': 'OFF' } : {};
    const { client, url } = await ownServer(t, family, settings);
    await client.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await client.query('CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM');
    const run = await new SourceRun(configFor(family, url, NO_DATA), { t }).streaming();
    for (const statement of [
      'BEGIN',
      'INSERT INTO t VALUES (1)',
      'INSERT INTO m VALUES (2)',
      'SAVEPOINT a',
      'INSERT INTO t VALUES (3)',
      'ROLLBACK TO SAVEPOINT a',
      'INSERT INTO t VALUES (4)',
      'ROLLBACK',
      'BEGIN',
      'INSERT INTO t VALUES (5)',
      'SAVEPOINT a',
      'INSERT INTO t VALUES (6)',
      'INSERT INTO m VALUES (7)',
      'ROLLBACK TO SAVEPOINT a',
      'COMMIT',
      'BEGIN',
      'INSERT INTO t VALUES (9)',
      'CREATE TEMPORARY TABLE scratch (id INT)',
      'INSERT INTO scratch VALUES (1)',
      'DROP TEMPORARY TABLE scratch',
      'ROLLBACK',
      'INSERT INTO t VALUES (8)',
    ]) {
      await client.query(statement);
    }
    await run.until(() => run.story.includes('c 8'));
    await run.stop();
    assert.deepEqual([...run.story].sort(), ['c 2', 'c 5', 'c 7', 'c 8']);
  });
}

test('mysql: a primary key that the server made and hides is read in the snapshot and in the stream', {
  skip: await whyNoMysql('mysql'),
}, async (t) => {
  const { client, url } = await useSchema('mysql', t);
  const hidden = 'GLOBAL show_gipk_in_create_table_and_information_schema';
  await client.query('SET SESSION sql_generate_invisible_primary_key = ON');
  await client.query('CREATE TABLE t (id INT)');
  await client.query('INSERT INTO t VALUES (5)');
  await client.query(`SET ${hidden} = OFF`);
  try {
    const run = new SourceRun(configFor('mysql', url), { t });
    await run.until(() => run.rows.length === 1);
    await client.query('INSERT INTO t VALUES (6)');
    await run.until(() => run.rows.length === 2);
    assert.deepEqual(
      run.rows.map(({ after }) => after),
      [
        { my_row_id: 1, id: 5 },
        { my_row_id: 2, id: 6 },
      ],
    );
  } finally {
    await client.query(`SET ${hidden} = ON`);
  }
});
