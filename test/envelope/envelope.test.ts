import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessageChange } from '../../decoders/change.ts';
import type { PgTx } from '../../decoders/pgoutput/tx.ts';
import { columnRules } from '../../src/envelope/column-rules.ts';
import { EnvelopeBuilder, type EventContext } from '../../src/envelope/envelope.ts';
import { STRING } from '../../src/envelope/event-schemas.ts';
import { shapeTable, type TableShape } from '../../src/envelope/table-shape.ts';
import { TopicNaming } from '../../src/envelope/topic-naming.ts';
import { TailraceError } from '../../src/model/errors.ts';
import type { TableMapping } from '../../src/model/plugin.ts';
import type { Header } from '../../src/model/record.ts';
import { createStruct, type Struct, type Value } from '../../src/model/schema.ts';
import { configOf, fakeSource, TX } from '../pipeline/fake-source.ts';
import { rowChange, rowOf, tableOf } from '../pipeline/tables.ts';

const CONTEXT: EventContext = { nowMicros: 1_700_000_001_000_999, nextInTransaction: null };
const CONTEXT_HEADERS: readonly Header[] = [{ key: '__debezium.context.taskId', schema: STRING, value: '0' }];

function scene(
  mapping: TableMapping,
  properties: Readonly<Record<string, string>> = {},
): { builder: EnvelopeBuilder; shape: TableShape } {
  const config = configOf(properties);
  const naming = new TopicNaming(config);
  const { sourceBlock } = fakeSource([mapping]);
  const builder = new EnvelopeBuilder({
    naming,
    sourceBlock,
    contextHeaders: CONTEXT_HEADERS,
    tombstones: config['tombstones.on.delete'],
    skippedOperations: new Set(config['skipped.operations']),
    binaryMode: config['binary.handling.mode'],
  });
  const shape = shapeTable(mapping, {
    naming,
    rules: columnRules(config),
    source: sourceBlock.schema,
    schemaNames: 'none',
    fieldNames: 'none',
  });
  return { builder, shape };
}

const plain = (value: Value | undefined): unknown => (value === null ? null : { ...(value as Struct) });
const field = (value: Value, name: string): Value | undefined => (value as Struct)[name];
const PAIR = tableOf({ a: { type: 'text' }, b: { type: 'int4' }, v: { type: 'text' } }, ['b', 'a']);

test('a changed key is a delete of the old one, its tombstone and a create of the new one, each telling of the other', () => {
  const { builder, shape } = scene(PAIR);
  const change = rowChange(PAIR, 'u', { before: rowOf(['x', '1', null], 'key'), after: rowOf(['x', '2', 'v']) });
  const [gone, tombstone, fresh, ...rest] = builder.row(change, shape, CONTEXT);
  assert.deepEqual(rest, []);
  assert.deepEqual(plain(gone!.key), { b: 1, a: 'x' });
  assert.deepEqual(
    [field(gone!.value, 'op'), plain(field(gone!.value, 'before')), field(gone!.value, 'after')],
    ['d', { a: 'x', b: 1, v: null }, null],
  );
  assert.deepEqual([plain(tombstone!.key), tombstone!.value, tombstone!.valueSchema], [{ b: 1, a: 'x' }, null, null]);
  assert.deepEqual(plain(fresh!.key), { b: 2, a: 'x' });
  assert.deepEqual(
    [field(fresh!.value, 'op'), field(fresh!.value, 'before'), plain(field(fresh!.value, 'after'))],
    ['c', null, { a: 'x', b: 2, v: 'v' }],
  );
  const headers = [gone, tombstone, fresh].map((record) =>
    record!.headers.map(({ key, value }) => [key, plain(value)]),
  );
  const context = ['__debezium.context.taskId', { 0: '0' }];
  assert.deepEqual(headers, [
    [['__debezium.newkey', { b: 2, a: 'x' }], context],
    [['__debezium.newkey', { b: 2, a: 'x' }], context],
    [['__debezium.oldkey', { b: 1, a: 'x' }], context],
  ]);
});

test('an update whose old key equals the new one, or that has no old key, is one update', () => {
  const { builder, shape } = scene(PAIR);
  for (const before of [rowOf(['x', '1', null], 'key'), rowOf(['x', '1', 'old'])]) {
    const records = builder.row(rowChange(PAIR, 'u', { before, after: rowOf(['x', '1', 'v']) }), shape, CONTEXT);
    assert.deepEqual(
      records.map(({ value }) => field(value, 'op')),
      ['u'],
    );
  }
  const [alone] = builder.row(rowChange(PAIR, 'u', { after: rowOf(['x', '1', 'v']) }), shape, CONTEXT);
  assert.equal(field(alone!.value, 'before'), null);
});

test('a table without a key has no key, and no key that could change', () => {
  const mapping = tableOf({ a: { type: 'text' } }, [], 'full');
  const { builder, shape } = scene(mapping);
  const [record, ...rest] = builder.row(
    rowChange(mapping, 'u', { before: rowOf(['x']), after: rowOf(['y']) }),
    shape,
    CONTEXT,
  );
  assert.deepEqual([rest, record!.key, record!.keySchema], [[], null, null]);
});

test('a delete is followed by a tombstone of the same key, unless those are off', () => {
  const change = rowChange(PAIR, 'd', { before: rowOf(['x', '1', null], 'key') });
  const on = scene(PAIR);
  const records = on.builder.row(change, on.shape, CONTEXT);
  assert.deepEqual(
    records.map(({ value }) => value === null),
    [false, true],
  );
  assert.equal(records[0]!.key, records[1]!.key);
  const off = scene(PAIR, { 'tombstones.on.delete': 'false' });
  assert.equal(off.builder.row(change, off.shape, CONTEXT).length, 1);
});

test('times are those of the commit in the source block, and of the processing around it', () => {
  const { builder, shape } = scene(PAIR);
  const [record] = builder.row(rowChange(PAIR, 'c', { after: rowOf(['x', '1', 'v']) }), shape, CONTEXT);
  const { value } = record!;
  assert.deepEqual(
    ['ts_ms', 'ts_us', 'ts_ns'].map((name) => field(value, name)),
    [1_700_000_001_000n, 1_700_000_001_000_999n, 1_700_000_001_000_999_000n],
  );
  const source = field(value, 'source')!;
  assert.deepEqual(
    ['ts_ms', 'ts_us', 'ts_ns', 'txId', 'lsn', 'sequence', 'table'].map((name) => field(source, name)),
    [1_700_000_000_123n, 1_700_000_000_123_456n, 1_700_000_000_123_456_000n, 770n, 4500n, '["4000","4500"]', 'people'],
  );
});

test('a changed key takes two places in its transaction', () => {
  const { builder, shape } = scene(PAIR);
  let place = 0;
  const nextInTransaction = (): Struct => {
    const struct = createStruct();
    struct.total_order = BigInt(++place);
    return struct;
  };
  const change = rowChange(PAIR, 'u', { before: rowOf(['x', '1', null], 'key'), after: rowOf(['x', '2', 'v']) });
  const records = builder.row(change, shape, { ...CONTEXT, nextInTransaction });
  const places = records.map(({ value }) =>
    value === null ? null : field(field(value, 'transaction')!, 'total_order'),
  );
  assert.deepEqual(places, [1n, null, 2n]);
});

test('a change without the row it is about is an error, not a record', () => {
  const { builder, shape } = scene(PAIR);
  assert.throws(
    () => builder.row(rowChange(PAIR, 'd', {}), shape, CONTEXT),
    (error: TailraceError) => error instanceof TailraceError && error.code === 'source.decode',
  );
});

test('a logical message is keyed by its prefix, and its content has the form of binary values', () => {
  const message = (content: string, transactional = true): MessageChange<PgTx> => ({
    kind: 'message',
    transactional,
    prefix: 'audit',
    content: Buffer.from(content, 'latin1'),
    tx: transactional ? TX : { ...TX, xid: 0 },
    ordinal: 0,
    at: 4500,
  });
  const contentIn = (mode: string, content: string): Value | undefined => {
    const { builder } = scene(PAIR, { 'binary.handling.mode': mode });
    const { value } = builder.message(message(content), CONTEXT);
    return field(field(value, 'message')!, 'content');
  };
  assert.deepEqual(contentIn('bytes', '\xff\x00'), Buffer.from([0xff, 0]));
  assert.equal(contentIn('base64', '\xff\xef'), '/+8=');
  assert.equal(contentIn('base64-url-safe', '\xff\xef'), '_-8=');
  assert.equal(contentIn('hex', '\xff\xef'), 'ffef');
  assert.equal(contentIn('base64', ''), '');
  const { builder } = scene(PAIR);
  const record = builder.message(message('x', false), CONTEXT);
  assert.deepEqual([record.topic, plain(record.key), record.headers], ['shop.message', { prefix: 'audit' }, []]);
  const source = field(record.value, 'source')!;
  assert.deepEqual(
    ['txId', 'schema', 'table'].map((name) => field(source, name)),
    [null, '', ''],
  );
});
