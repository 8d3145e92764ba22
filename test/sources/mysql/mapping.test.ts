import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createColumnLayout } from '../../../decoders/binlog/column-layout.ts';
import { COLUMN_TYPE } from '../../../decoders/binlog/column-type.ts';
import { classifyStatement } from '../../../decoders/binlog/ddl/classify.ts';
import type { TableMap, TableMapColumn } from '../../../decoders/binlog/table-map.ts';
import type { TableSchema } from '../../../decoders/table-schema.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import { createMapping, describeTable, snapshotTable } from '../../../src/sources/mysql/mapping.ts';
import { parseShowCreate } from '../../../src/sources/mysql/schema/show-create.ts';
import type { TypeOptions } from '../../../src/sources/mysql/types/type-options.ts';

const OPTIONS: TypeOptions = {
  'decimal.handling.mode': 'precise',
  'bigint.unsigned.handling.mode': 'long',
  'time.precision.mode': 'adaptive_time_microseconds',
  'binary.handling.mode': 'bytes',
  'unavailable.value.placeholder': '__debezium_unavailable_value',
};

const DIALECT = { server: 'mysql', ansiQuotes: false, noBackslashEscapes: false } as const;

function schemaOf(columns: string): TableSchema {
  const ddl = `CREATE TABLE t (${columns}) CHARSET=utf8mb4`;
  assert.equal(classifyStatement(ddl, DIALECT, 'd').kind, 'create-table');
  return parseShowCreate(ddl, { database: 'd', name: 't' }, DIALECT, {
    family: 'mysql',
    lowerCaseTableNames: 0,
    comments: false,
    explicitDefaultsForTimestamp: true,
  });
}

const BARE: TableMapColumn = {
  type: COLUMN_TYPE.long,
  metadata: 0,
  nullable: true,
  unsigned: null,
  collation: null,
  name: null,
  members: null,
  geometryType: null,
  dimensions: null,
  visible: null,
};

function mapOf(columns: readonly Partial<TableMapColumn>[], key: readonly number[] = []): TableMap {
  const whole = columns.map((column) => ({ ...BARE, ...column }));
  return {
    database: 'd',
    name: 't',
    columns: whole,
    primaryKey: key.length === 0 ? null : key.map((column) => ({ column, prefix: 0 })),
    layout: createColumnLayout(whole, 'mysql'),
  };
}

const INT = { type: COLUMN_TYPE.long };
const VARCHAR = { type: COLUMN_TYPE.varchar, metadata: 40 };

function assertRefused(map: TableMap, schema: TableSchema | null, pattern: RegExp): void {
  assert.throws(
    () => describeTable(map, schema, 'mysql'),
    (error) =>
      error instanceof TailraceError &&
      error.code === 'source.table' &&
      pattern.test(error.message) &&
      /binlog_row_metadata/.test(error.remedy ?? ''),
  );
}

test('without names in the binlog the schema gives them by position', () => {
  const table = describeTable(
    mapOf([{ ...INT, nullable: false }, VARCHAR]),
    schemaOf('id INT PRIMARY KEY, v VARCHAR(10)'),
    'mysql',
  );
  assert.deepEqual(
    table.columns.map(({ name, type, identity }) => [name, type, identity]),
    [
      ['id', COLUMN_TYPE.long, true],
      ['v', COLUMN_TYPE.varchar, false],
    ],
  );
  const mapping = createMapping(table, OPTIONS, () => assert.fail());
  assert.deepEqual([mapping.collectionId, mapping.topicParts, mapping.primaryKey], ['d.t', ['d', 't'], [0]]);
  assert.deepEqual(
    mapping.columns.map(({ codec }) => [codec.schema.type, codec.schema.optional]),
    [
      ['int32', false],
      ['string', true],
    ],
  );
});

test('without names in the binlog a schema that does not fit is refused, and says where', () => {
  const map = mapOf([INT, VARCHAR]);
  assertRefused(map, null, /does not know d\.t/);
  assertRefused(map, schemaOf('id INT'), /1 columns in the history, 2 in the binlog/);
  assertRefused(map, schemaOf('id INT, v DECIMAL(5,2)'), /column v is DECIMAL\(5,2\) in the history, and of type 15/);
  assertRefused(
    mapOf([{ type: COLUMN_TYPE.newdecimal, metadata: 5 * 256 + 1 }]),
    schemaOf('n DECIMAL(5,2)'),
    /column n/,
  );
});

test('with names in the binlog the table map is the truth, and the schema adds what it does not tell', () => {
  const map = mapOf(
    [
      { ...INT, name: 'id', nullable: false, unsigned: false },
      { ...VARCHAR, name: 'v', collation: 8 },
      { type: COLUMN_TYPE.enum, metadata: 1, name: 'e', collation: 255, members: [Buffer.from('x'), Buffer.from('é')] },
    ],
    [0],
  );
  const schema = schemaOf("v VARCHAR(10) DEFAULT 'seven' COMMENT 'c', id BIGINT, e ENUM('x'), gone INT");
  const { columns, primaryKey } = describeTable(map, schema, 'mysql').schema;
  assert.deepEqual(
    columns.map(({ name, typeName, charset, optional, defaultValue, labels }) => [
      name,
      typeName,
      charset,
      optional,
      defaultValue,
      labels,
    ]),
    [
      ['id', 'INT', null, false, null, []],
      ['v', 'VARCHAR', 'latin1', true, 'seven', []],
      ['e', 'ENUM', 'utf8mb4', true, null, ['x', 'é']],
    ],
  );
  assert.deepEqual(primaryKey, ['id']);
});

test('a snapshot and the stream of one version have one schema', () => {
  const schema = schemaOf(
    "id INT PRIMARY KEY, v VARCHAR(10) DEFAULT 'x', e ENUM('a') NOT NULL, u BIGINT UNSIGNED, b BOOL",
  );
  const map = mapOf([
    { ...INT, nullable: false },
    VARCHAR,
    { type: COLUMN_TYPE.enum, metadata: 1, nullable: false },
    { type: COLUMN_TYPE.longlong },
    { type: COLUMN_TYPE.tiny },
  ]);
  const schemas = [snapshotTable(schema, 'mysql'), describeTable(map, schema, 'mysql')].map((table) =>
    createMapping(table, OPTIONS, () => assert.fail()).columns.map(({ name, codec, sourceType }) => [
      name,
      codec.schema,
      codec.missing,
      sourceType,
    ]),
  );
  assert.deepEqual(schemas[0], schemas[1]);
});

test('a column whose type has no mapping is left out and told of', () => {
  const schema = schemaOf('id INT, x INT');
  const odd = { ...schema, columns: schema.columns.map((c, i) => (i === 0 ? { ...c, typeName: 'XMLTYPE' } : c)) };
  const left: string[] = [];
  const mapping = createMapping(snapshotTable(odd, 'mariadb'), OPTIONS, ({ name }) => left.push(name));
  assert.deepEqual([left, mapping.columns.map(({ name, index }) => [name, index])], [['id'], [['x', 1]]]);
});

test('the digits of the old temporal columns of MariaDB come from the schema', () => {
  const columns = [{ ...BARE, type: COLUMN_TYPE.datetime, name: 'at' }];
  const map = { ...mapOf(columns), layout: createColumnLayout(columns, 'mariadb') };
  const table = describeTable(map, schemaOf('at DATETIME(3)'), 'mariadb');
  assert.deepEqual([table.map?.layout.unknownDigits, table.map?.layout.sizes], [[], Int8Array.of(7)]);
  assert.throws(() => describeTable(map, null, 'mariadb'), /old temporal format \(at\)/);
});
