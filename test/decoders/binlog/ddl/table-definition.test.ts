import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifyStatement } from '../../../../decoders/binlog/ddl/classify.ts';
import type {
  AlterAction,
  ColumnDefinition,
  TableDefinition,
} from '../../../../decoders/binlog/ddl/table-definition.ts';
import { dialectOf } from '../../../../decoders/binlog/ddl/tokens.ts';

function definition(text: string, server: 'mysql' | 'mariadb' = 'mysql'): TableDefinition | null {
  const statement = classifyStatement(text, dialectOf(server, 0n), 'shop');
  assert.equal(statement.kind, 'create-table', text);
  return statement.kind === 'create-table' ? statement.definition : null;
}

function column(text: string, server: 'mysql' | 'mariadb' = 'mysql'): ColumnDefinition {
  const table = definition(`CREATE TABLE t (c ${text})`, server);
  assert.ok(table !== null, text);
  return table.columns[0]!;
}

function actions(text: string): readonly AlterAction[] | null {
  const statement = classifyStatement(`ALTER TABLE t ${text}`, dialectOf('mysql', 0n), 'shop');
  assert.equal(statement.kind, 'alter-table', text);
  return statement.kind === 'alter-table' ? statement.actions : null;
}

test('a default is given as it is written', () => {
  const cases: [string, string | null][] = [
    ['INT', null],
    ['INT NULL DEFAULT NULL', 'NULL'],
    ["VARCHAR(9) DEFAULT 'it''s, (\\'x' NOT NULL", "'it''s, (\\'x'"],
    ['INT DEFAULT - 5 COMMENT "x"', '- 5'],
    ['DECIMAL(4,2) DEFAULT .5', '.5'],
    ["BIT(3) DEFAULT b'101'", "b'101'"],
    ["VARCHAR(3) DEFAULT _latin1 x'41' COLLATE latin1_bin", "_latin1 x'41'"],
    ['DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)', 'CURRENT_TIMESTAMP(3)'],
    ['TIMESTAMP ON UPDATE NOW() DEFAULT 0', '0'],
    ['JSON DEFAULT (JSON_OBJECT("a", (1 + 2)))', '(JSON_OBJECT("a", (1 + 2)))'],
  ];
  for (const [text, expected] of cases) assert.equal(column(text).defaultText, expected, text);
  assert.equal(column('INT DEFAULT NEXT VALUE FOR s', 'mariadb').defaultText, 'NEXT VALUE FOR s');
});

test('attributes of a column are told in whatever order they are written', () => {
  const one = column("INT UNSIGNED AUTO_INCREMENT COMMENT 'a' 'b' NOT NULL UNIQUE KEY INVISIBLE");
  assert.equal(one.typeText, 'INT UNSIGNED');
  assert.deepEqual(
    [one.autoIncrement, one.comment, one.nullable, one.unique, one.invisible, one.primaryKey],
    [true, 'ab', false, true, true, false],
  );
  assert.deepEqual(column("ENUM('a''b', 'c,d  ') CHARACTER SET Latin1").type.labels, ["a'b", 'c,d']);
  assert.equal(column('INT AS (1 + (2)) STORED').generated, 'stored');
  assert.equal(column('INT GENERATED ALWAYS AS (1) VIRTUAL NULL').generated, 'virtual');
  assert.equal(column('TIMESTAMP').nullable, null, 'a session setting decides');
  assert.equal(column('SERIAL').type.name, 'bigint');
  const table = definition(
    "CREATE TABLE t (a INT, b INT, PRIMARY KEY (b, a(3) DESC)) COLLATE='utf8mb4_bin' COMMENT 'c' AUTO_INCREMENT=3",
  )!;
  assert.deepEqual(table.primaryKey, ['b', 'a']);
  assert.deepEqual([table.charset, table.collation, table.comment], [null, 'utf8mb4_bin', 'c']);
});

test('no definition is better than half of one', () => {
  for (const text of [
    'CREATE TABLE t (a INT, b WIDGET)',
    'CREATE TABLE t (a INT FROBNICATE)',
    'CREATE TABLE t (a INT) SELECT 1 AS b',
    'CREATE TABLE t (a INT) ENGINE=InnoDB AS SELECT 1 AS b',
    'CREATE TABLE t (a INT) PARTITION BY HASH(a) SELECT 1 AS b',
    'CREATE TABLE t (a INT) (SELECT 1 AS b)',
    'CREATE TABLE t (SELECT 1 AS b)',
    'CREATE TABLE t TABLE u',
    'CREATE TABLE t (a ENUM(0x61))',
  ]) {
    assert.equal(definition(text), null, text);
  }
  for (const text of [
    'ADD COLUMN a WIDGET',
    'DROP COLUMN a, FROBNICATE b',
    'ADD a INT FROBNICATE',
    'ADD (a INT',
    'CHANGE a',
  ]) {
    assert.equal(actions(text), null, text);
  }
});

test('MySQL tells that the rows of CREATE TABLE ... SELECT follow in the same transaction', () => {
  for (const [text, expected] of [
    ['CREATE TABLE t (a INT) ENGINE=InnoDB START TRANSACTION', true],
    ['CREATE TABLE t (a INT) START TRANSACTION ENGINE=InnoDB DEFAULT CHARSET=latin1', true],
    ['CREATE TABLE t (start INT)', false],
    ['CREATE TABLE t (a INT) PARTITION BY HASH (a) PARTITIONS 2 START TRANSACTION', true],
    ["CREATE TABLE t (a INT) COMMENT 'x START TRANSACTION'", false],
    ['CREATE TABLE t (a INT) -- START TRANSACTION', false],
  ] as const) {
    const statement = classifyStatement(text, dialectOf('mysql', 0n), 'shop');
    assert.ok(statement.kind === 'create-table' && statement.definition !== null, text);
    assert.equal(statement.startsTransaction, expected, text);
  }
});

test('a CREATE TABLE that puts the rows of a query into the table is told from those that do not', () => {
  for (const [text, expected] of [
    ['CREATE TABLE t SELECT 1 AS a', true],
    ['CREATE TABLE t (a INT PRIMARY KEY) ENGINE=InnoDB IGNORE SELECT 1 AS a', true],
    ['CREATE TABLE t (a INT) PARTITION BY HASH ((a + 1)) AS WITH q AS (SELECT 1 AS a) SELECT * FROM q', true],
    ['CREATE TABLE t (SELECT 1 AS a)', true],
    ['CREATE TABLE t ((SELECT 1 AS a))', true],
    ['CREATE TABLE t AS TABLE s', true],
    ['CREATE TABLE t VALUES ROW(1)', true],
    ['CREATE TABLE t LIKE s', false],
    ['CREATE TABLE t (`select` INT, `table` INT, a INT AS ((`select`) + 1))', false],
    ['CREATE TABLE t (a INT) PARTITION BY RANGE ((a)) (PARTITION p VALUES LESS THAN (1))', false],
    ['CREATE TABLE t (a SOMETHING NEW) START TRANSACTION', false],
    ["CREATE TABLE t (a INT DEFAULT (1)) COMMENT 'SELECT' WITH SYSTEM VERSIONING", false],
  ] as const) {
    const statement = classifyStatement(text, dialectOf('mariadb', 0n), 'shop');
    assert.ok(statement.kind === 'create-table', text);
    assert.equal(statement.selectsRows, expected, text);
  }
});

test('actions of ALTER TABLE come in the order in which they are written', () => {
  assert.deepEqual(actions('DROP a, DROP PRIMARY KEY, ADD PRIMARY KEY USING BTREE (b, c), RENAME COLUMN d TO e'), [
    { kind: 'drop-column', name: 'a', ifExists: false },
    { kind: 'drop-primary-key' },
    { kind: 'add-primary-key', columns: ['b', 'c'] },
    { kind: 'rename-column', name: 'd', to: 'e', ifExists: false },
  ]);
  assert.deepEqual(
    actions(
      'ADD a INT FIRST, ADD COLUMN b INT AFTER `x y`, MODIFY c INT, CHANGE COLUMN d e INT AFTER a, ADD (f INT, g INT)',
    )?.map((action) =>
      'column' in action ? [action.kind, action.column.name, 'place' in action ? action.place : null] : [],
    ),
    [
      ['add-column', 'a', 'first'],
      ['add-column', 'b', { after: 'x y' }],
      ['change-column', 'c', null],
      ['change-column', 'e', { after: 'a' }],
      ['add-column', 'f', null],
      ['add-column', 'g', null],
    ],
  );
  assert.deepEqual(
    actions('CONVERT TO CHARSET utf8mb4 COLLATE utf8mb4_bin, ALTER a SET DEFAULT (1), ALTER COLUMN b DROP DEFAULT'),
    [
      { kind: 'convert-charset', charset: 'utf8mb4', collation: 'utf8mb4_bin' },
      { kind: 'set-default', name: 'a', defaultText: '(1)', ifExists: false },
      { kind: 'set-default', name: 'b', defaultText: null, ifExists: false },
    ],
  );
  for (const [text, what] of [
    ['TRUNCATE PARTITION p0, p1', 'TRUNCATE'],
    ['DROP PARTITION p0, p1', 'DROP PARTITION'],
    ['EXCHANGE PARTITION p WITH TABLE u', 'EXCHANGE PARTITION'],
    ['IMPORT TABLESPACE', 'IMPORT'],
  ]) {
    assert.deepEqual(actions(text!), [{ kind: 'move-rows', what }], text);
  }
});
