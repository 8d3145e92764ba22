import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifyStatement } from '../../../../decoders/binlog/ddl/classify.ts';
import { dialectOf } from '../../../../decoders/binlog/ddl/tokens.ts';
import { NO_STATUS, type QueryStatus } from '../../../../decoders/binlog/query-status.ts';
import {
  type AppliedDdl,
  SchemaModel,
  type SchemaModelOptions,
} from '../../../../src/sources/mysql/schema/schema-model.ts';
import { readTables } from '../../../../src/sources/mysql/schema/show-create.ts';
import { useSchema, whyNoMysql } from '../../../services/shared-mysql.ts';
import { binlogEnd, queriesSince } from './binlog-tail.ts';

function modelOf(options: Partial<SchemaModelOptions> = {}): SchemaModel {
  return new SchemaModel({
    family: 'mysql',
    lowerCaseTableNames: 0,
    comments: true,
    explicitDefaultsForTimestamp: true,
    ...options,
  });
}

interface Session {
  readonly database?: string;
  readonly status?: Partial<QueryStatus>;
  readonly errorCode?: number;
}

function run(
  model: SchemaModel,
  ddl: string,
  { database = 'd', status = {}, errorCode = 0 }: Session = {},
): AppliedDdl {
  const dialect = dialectOf(model.options.family, 0n);
  const statement = classifyStatement(ddl, dialect, database);
  return model.apply(statement, {
    ddl,
    defaultDatabase: database,
    dialect,
    status: { ...NO_STATUS, ...status },
    errorCode,
  });
}

function charsets(model: SchemaModel, name: string, database = 'd'): (string | null)[] {
  return model.get(database, name)!.columns.map(({ charset }) => charset);
}

/** Collation numbers. */
const LATIN1 = 8;
const UTF8MB4 = 255;

test("a text's character set is its column's, its table's, its database's, its session's database's, its server's", () => {
  const model = modelOf();
  run(model, 'CREATE TABLE server (a TEXT)', { status: { serverCollation: LATIN1 } });
  assert.deepEqual(charsets(model, 'server'), ['latin1']);
  run(model, 'CREATE TABLE session (a TEXT)', { status: { serverCollation: LATIN1, databaseCollation: UTF8MB4 } });
  assert.deepEqual(charsets(model, 'session'), ['utf8mb4']);
  run(model, 'CREATE TABLE o.elsewhere (a TEXT)', { status: { serverCollation: LATIN1, databaseCollation: UTF8MB4 } });
  assert.deepEqual(charsets(model, 'elsewhere', 'o'), ['latin1']);
  run(model, 'ALTER DATABASE d COLLATE greek_bin');
  const whole = 'a TEXT, b TEXT COLLATE cp1251_bin, c CHAR(2) CHARACTER SET hebrew, n NCHAR(2), i INT';
  run(model, `CREATE TABLE named (${whole})`, { status: { databaseCollation: UTF8MB4 } });
  assert.deepEqual(charsets(model, 'named'), ['greek', 'cp1251', 'hebrew', 'utf8', null]);
  run(model, `CREATE TABLE own (${whole}) CHARSET=koi8r`);
  assert.deepEqual(charsets(model, 'own'), ['koi8r', 'cp1251', 'hebrew', 'utf8', null]);
  run(model, 'ALTER TABLE own CHARSET latin2, ADD z TEXT');
  assert.deepEqual(charsets(model, 'own'), ['koi8r', 'cp1251', 'hebrew', 'utf8', null, 'latin2']);
  run(model, 'ALTER TABLE own CONVERT TO CHARACTER SET utf8mb4');
  assert.deepEqual(charsets(model, 'own'), ['utf8mb4', 'utf8mb4', 'utf8mb4', 'utf8mb4', null, 'utf8mb4']);
});

test('names of tables go by lower_case_table_names', () => {
  for (const lowerCaseTableNames of [0, 1, 2] as const) {
    const model = modelOf({ lowerCaseTableNames });
    run(model, 'CREATE TABLE D.`Mixed` (a INT)');
    assert.equal(model.get('d', 'mixed') !== null, lowerCaseTableNames > 0);
    const { changes } = run(model, 'ALTER TABLE D.MIXED ADD b INT');
    assert.deepEqual(
      changes.map(({ database, name }) => [database, name]),
      [[], [['d', 'mixed']], [['D', 'Mixed']]][lowerCaseTableNames],
    );
  }
});

test('what no text tells is forgotten and asked for', () => {
  const model = modelOf();
  run(model, 'CREATE TABLE t (a INT)');
  assert.deepEqual(run(model, 'CREATE TABLE s SELECT 1 AS a').unknown, [{ database: 'd', name: 's' }]);
  assert.deepEqual(run(model, 'CREATE TABLE l LIKE nowhere').unknown, [{ database: 'd', name: 'l' }]);
  assert.deepEqual(run(model, 'ALTER TABLE nowhere ADD a INT').unknown, [{ database: 'd', name: 'nowhere' }]);
  assert.deepEqual(run(model, 'RENAME TABLE nowhere TO n').unknown, [{ database: 'd', name: 'n' }]);
  const odd = run(model, 'ALTER TABLE t SOMETHING NEW');
  assert.deepEqual([odd.unknown[0], odd.changes], [{ database: 'd', name: 't' }, []]);
  assert.equal(model.get('d', 't'), null);
});

test('a statement carried out once more leaves the table as it was', () => {
  const model = modelOf();
  run(model, 'CREATE TABLE t (a INT PRIMARY KEY, b INT)');
  for (const ddl of [
    'ALTER TABLE t ADD c VARCHAR(3) AFTER a',
    'ALTER TABLE t DROP b',
    'ALTER TABLE t CHANGE c d VARCHAR(4)',
    "ALTER TABLE t ADD UNIQUE (d), COMMENT = 'x'",
    'CREATE TABLE IF NOT EXISTS t (z INT)',
  ]) {
    run(model, ddl);
    const once = structuredClone(model.get('d', 't'));
    run(model, ddl);
    assert.deepEqual(model.get('d', 't'), once, ddl);
  }
});

test('renames in a ring exchange the tables; a name that is passed through has no change', () => {
  const model = modelOf();
  run(model, 'CREATE TABLE a (of_a INT)');
  run(model, 'CREATE TABLE b (of_b INT)');
  const { events } = run(model, 'RENAME TABLE a TO x, b TO a, x TO b');
  assert.deepEqual(
    events.map(({ ddl, change }) => [ddl, change?.name ?? null, change?.previous?.name ?? null]),
    [
      ['RENAME TABLE a TO x', null, null],
      ['RENAME TABLE b TO a', 'a', 'b'],
      ['RENAME TABLE x TO b', 'b', 'x'],
    ],
  );
  assert.deepEqual(
    ['a', 'b', 'x'].map(
      (name) =>
        model
          .get('d', name)
          ?.columns.map((column) => column.name)
          .join() ?? null,
    ),
    ['of_b', 'of_a', null],
  );
});

test('an index is no change of its table, unless it becomes its key; ALTER TABLE is one, also with settings before it', () => {
  const model = modelOf({ family: 'mariadb' });
  run(model, 'CREATE TABLE t (a INT NOT NULL, b INT)');
  for (const [ddl, expected] of [
    ['CREATE INDEX i ON t (b)', 0],
    ['SET STATEMENT lock_wait_timeout=1 FOR CREATE INDEX j ON t (b)', 0],
    ['CREATE UNIQUE INDEX k ON t (a)', 1],
    ['CREATE UNIQUE INDEX l ON t (a)', 0],
    ['DROP INDEX l ON t', 0],
    ['SET STATEMENT lock_wait_timeout=1 FOR ALTER TABLE t ADD c INT', 1],
    ['ALTER ONLINE TABLE t ENGINE=InnoDB', 1],
  ] as const) {
    assert.equal(run(model, ddl).changes.length, expected, ddl);
  }
  assert.deepEqual([model.get('d', 't')!.primaryKey, model.get('d', 't')!.keyIsUnique], [['a'], true]);
});

test('a dropped database takes its tables and its character set along', () => {
  const model = modelOf();
  run(model, 'CREATE DATABASE o CHARACTER SET latin1');
  run(model, 'CREATE TABLE o.t (a INT)');
  run(model, 'CREATE TABLE d.t (a INT)');
  const { events, changes } = run(model, 'DROP DATABASE o');
  assert.deepEqual([events.map(({ database }) => database), changes], [['o'], []]);
  assert.deepEqual([model.get('o', 't'), model.databaseCharset('o')], [null, null]);
  assert.ok(model.get('d', 't'));
});

test('a CREATE OR REPLACE that failed has dropped its table; of another failure only the catalog tells', () => {
  const model = modelOf({ family: 'mariadb' });
  run(model, 'CREATE TABLE t (a INT)');
  const replaced = run(model, 'CREATE OR REPLACE TABLE t (a INT, a INT)', { errorCode: 1060 });
  assert.deepEqual(
    replaced.changes.map(({ type, name }) => [type, name]),
    [['DROP', 't']],
  );
  run(model, 'CREATE TABLE t (a INT)');
  const altered = run(model, 'ALTER TABLE t ADD b INT', { errorCode: 1053 });
  assert.deepEqual([altered.changes, altered.unknown], [[], [{ database: 'd', name: 't' }]]);
});

test('statements that no history records give no event', () => {
  const model = modelOf();
  for (const ddl of [
    'TRUNCATE TABLE t',
    'GRANT SELECT ON d.* TO u',
    'CREATE VIEW v AS SELECT 1',
    'FLUSH PRIVILEGES',
    'INSERT INTO t VALUES (1)',
  ]) {
    assert.deepEqual(run(model, ddl).events, [], ddl);
  }
  assert.deepEqual(run(model, 'CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1 ').events, [
    { database: 'd', ddl: 'CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1', change: null },
  ]);
});

for (const family of ['mysql', 'mariadb'] as const) {
  test(`${family}: without explicit defaults a TIMESTAMP is NOT NULL and has one, as the server makes it`, {
    skip: await whyNoMysql(family),
  }, async (t) => {
    const { client, name } = await useSchema(family, t);
    await client.query("SET SESSION sql_mode = ''");
    await client.query('SET SESSION explicit_defaults_for_timestamp = OFF');
    const model = modelOf({ family, explicitDefaultsForTimestamp: false });
    const from = await binlogEnd(client);
    await client.query(
      "CREATE TABLE t (i INT, a TIMESTAMP, b TIMESTAMP, c TIMESTAMP NULL, d TIMESTAMP DEFAULT '2001-02-03 04:05:06', e TIMESTAMP(3) NOT NULL, f TIMESTAMP NULL DEFAULT NULL)",
    );
    await client.query('ALTER TABLE t ADD g TIMESTAMP, ADD h TIMESTAMP, MODIFY c TIMESTAMP');
    for (const { query, status, database } of await queriesSince(client, from)) {
      if (database === name) run(model, query.toString('utf8'), { database, status });
    }
    const [shown] = await readTables(client, [{ database: name, name: 't' }], model.options);
    const facts = (table: NonNullable<typeof shown>['schema']): unknown =>
      table.columns.map(({ name, optional, hasDefault, defaultValue }) => [name, optional, hasDefault, defaultValue]);
    assert.deepEqual(facts(model.get(name, 't')!), facts(shown!.schema));
  });
}
