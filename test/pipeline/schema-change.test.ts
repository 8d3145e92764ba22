import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SchemaChange } from '../../decoders/change.ts';
import type { ColumnSchema } from '../../decoders/table-schema.ts';
import type { Batch, EncodedBatch } from '../../src/model/plugin.ts';
import type { LogRecord } from '../../src/model/record.ts';
import { createPipeline } from '../../src/pipeline/create-pipeline.ts';
import { decodeRecords } from '../../src/pipeline/decode-records.ts';
import { startFakeRegistry } from '../converters/registry/fake-registry.ts';
import { avroType, splitRecord } from '../converters/registry/reader.ts';
import { configOf, fakeSource, TX } from './fake-source.ts';

const NOW_MICROS = 1_700_000_000_000_999;

function encodedOf(
  batch: Partial<Batch>,
  properties: Readonly<Record<string, string>> = {},
  include = true,
): EncodedBatch {
  const config = configOf({
    'key.converter.schemas.enable': 'false',
    'value.converter.schemas.enable': 'false',
    ...properties,
  });
  const pipeline = createPipeline({
    config: { ...config, 'include.schema.changes': include },
    source: fakeSource([]),
    connectorType: 'mysql',
    partitionsOf: () => 8,
    partitioner: () => 5,
    clock: () => NOW_MICROS,
  });
  pipeline.resume(null);
  return pipeline.encode({ changes: [], offset: {}, bytes: 1, ...batch });
}

function recordsOf(...args: Parameters<typeof encodedOf>): readonly LogRecord[] {
  const { records, timestampMs } = encodedOf(...args);
  return records.flatMap((part) => decodeRecords(part, 0, timestampMs));
}

const ID: ColumnSchema = {
  name: 'id',
  position: 1,
  typeName: 'INT UNSIGNED',
  jdbcType: 4,
  length: null,
  scale: null,
  charset: null,
  optional: false,
  autoIncremented: true,
  generated: false,
  comment: null,
  hasDefault: false,
  defaultValue: null,
  labels: [],
};
const SIZE: ColumnSchema = {
  ...ID,
  name: 'size',
  position: 2,
  typeName: 'ENUM',
  jdbcType: 1,
  length: 1,
  charset: 'utf8mb4',
  optional: true,
  autoIncremented: false,
  comment: 'of a "shirt"',
  hasDefault: true,
  defaultValue: 's',
  labels: ['s', 'm'],
};
const CREATE: SchemaChange = {
  kind: 'schema',
  database: 'shop',
  ddl: 'CREATE TABLE ...',
  tables: [
    {
      type: 'CREATE',
      database: 'shop',
      name: 'a"b',
      previous: null,
      table: {
        database: 'shop',
        name: 'a"b',
        columns: [ID, SIZE],
        primaryKey: ['id'],
        charset: 'utf8mb4',
        comment: null,
      },
    },
    { type: 'DROP', database: 'shop', name: 'old', previous: null, table: null },
  ],
  subjects: ['a"b', 'old'],
  snapshot: 'false',
  tx: TX,
  ordinal: 0,
  at: 4500,
};

test('a schema change is one record on the topic of the prefix, partition 0, with the context headers', () => {
  const [record, ...rest] = recordsOf({ changes: [CREATE] });
  assert.deepEqual(rest, []);
  assert.deepEqual([record?.topic, record?.partition], ['shop', 0]);
  assert.equal(String(record?.key), '{"databaseName":"shop"}');
  const { source, ...value } = JSON.parse(String(record?.value));
  assert.equal(source.lsn, 4500);
  const column = { nativeType: null, length: null, scale: null, generated: false };
  assert.deepEqual(value, {
    ts_ms: 1_700_000_000_000,
    databaseName: 'shop',
    schemaName: null,
    ddl: 'CREATE TABLE ...',
    tableChanges: [
      {
        type: 'CREATE',
        id: '"shop"."a""b"',
        table: {
          defaultCharsetName: 'utf8mb4',
          primaryKeyColumnNames: ['id'],
          columns: [
            {
              ...column,
              name: 'id',
              jdbcType: 4,
              typeName: 'INT UNSIGNED',
              typeExpression: 'INT UNSIGNED',
              charsetName: null,
              position: 1,
              optional: false,
              autoIncremented: true,
              comment: null,
              defaultValueExpression: null,
              enumValues: null,
            },
            {
              ...column,
              name: 'size',
              jdbcType: 1,
              typeName: 'ENUM',
              typeExpression: 'ENUM',
              charsetName: 'utf8mb4',
              length: 1,
              position: 2,
              optional: true,
              autoIncremented: false,
              comment: 'of a "shirt"',
              defaultValueExpression: 's',
              enumValues: ["'s'", "'m'"],
            },
          ],
          comment: null,
        },
      },
      { type: 'DROP', id: '"shop"."old"', table: null },
    ],
  });
  assert.deepEqual(
    record?.headers.map(({ key }) => key.replace('__debezium.context.', '')),
    ['connectorLogicalName', 'taskId', 'connectorName', 'runId'],
  );
});

test('the schemas of a schema change are named after the connector, and made legal where that is asked for', () => {
  const properties = { 'value.converter.schemas.enable': 'true', 'schema.name.adjustment.mode': 'avro' };
  const [record] = recordsOf({ changes: [CREATE] }, properties);
  const { schema } = JSON.parse(String(record?.value));
  assert.deepEqual([schema.name, schema.version], ['io.debezium.connector.mysql.SchemaChangeValue', 1]);
  const names = schema.fields.map(({ field }: { field: string }) => field);
  assert.deepEqual(names, ['source', 'ts_ms', 'databaseName', 'schemaName', 'ddl', 'tableChanges']);
  const { items } = schema.fields.at(-1);
  assert.equal(items.name, 'io.debezium.connector.schema.Change');
  assert.deepEqual(items.fields[2].optional, true, 'a dropped table has none');
});

test('include.schema.changes=false gives no record of a schema change', () => {
  assert.deepEqual(recordsOf({ changes: [CREATE] }, {}, false), []);
});

test('what a source keeps for itself goes to partition 0 as it is, in its order, behind the records of the batch', () => {
  const state = [
    { topic: 'shop.schema-history', key: null, value: Buffer.from('{"a":1}') },
    { topic: 'shop.prepared', key: Buffer.from('xid'), value: Buffer.of(0, 255) },
    { topic: 'shop.prepared', key: Buffer.from('xid'), value: null },
  ];
  const records = recordsOf({ changes: [CREATE], state });
  assert.deepEqual(
    records.map(({ topic }) => topic),
    ['shop', ...state.map(({ topic }) => topic)],
  );
  assert.deepEqual(
    records.slice(1).map(({ topic, partition, key, value, headers }) => ({ topic, partition, key, value, headers })),
    state.map((record) => ({ ...record, partition: 0, headers: [] })),
  );
  assert.deepEqual(
    encodedOf({ changes: [CREATE], state }).records.map(({ topic, kept }) => [topic, kept]),
    [
      ['shop', false],
      ['shop.schema-history', true],
      ['shop.prepared', true],
    ],
  );
});

test('a schema change has its schemas registered before it is written in Avro, and can be read by them', async () => {
  await using registry = await startFakeRegistry();
  const converters = ['key', 'value'].flatMap((side) => [
    [`${side}.converter`, 'io.confluent.connect.avro.AvroConverter'],
    [`${side}.converter.schema.registry.url`, registry.url],
  ]);
  const pipeline = createPipeline({
    config: { ...configOf(Object.fromEntries(converters)), 'include.schema.changes': true },
    source: fakeSource([]),
    connectorType: 'mysql',
    partitionsOf: () => 1,
    partitioner: () => 0,
    clock: () => NOW_MICROS,
  });
  pipeline.resume(null);
  const batch: Batch = { changes: [CREATE], offset: {}, bytes: 1 };
  const signal = new AbortController().signal;
  await pipeline.prepare(batch, signal);
  assert.equal(pipeline.prepare(batch, signal), null, 'a second batch has nothing to wait for');
  const { records } = pipeline.encode(batch);
  const [record] = records.flatMap((part) => decodeRecords(part, 0, 0));
  const { id, body } = splitRecord(record!.value!);
  const read = avroType(registry.schemaOf(id)).fromBuffer(body) as { databaseName: string; tableChanges: unknown[] };
  assert.equal(read.databaseName, 'shop');
  assert.equal(read.tableChanges.length, CREATE.tables.length);
  assert.deepEqual(
    registry.asked.map(({ path }) => path),
    ['/subjects/shop-key/versions', '/subjects/shop-value/versions'],
  );
});
