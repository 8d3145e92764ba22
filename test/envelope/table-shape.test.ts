import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnRules } from '../../src/envelope/column-rules.ts';
import { STRING } from '../../src/envelope/event-schemas.ts';
import { shapeTable, type TableShape } from '../../src/envelope/table-shape.ts';
import { TopicNaming } from '../../src/envelope/topic-naming.ts';
import type { TailraceError } from '../../src/model/errors.ts';
import type { TableMapping } from '../../src/model/plugin.ts';
import { configOf } from '../pipeline/fake-source.ts';
import { tableOf } from '../pipeline/tables.ts';

function shape(mapping: TableMapping, properties: Readonly<Record<string, string>> = {}): TableShape {
  const config = configOf(properties);
  return shapeTable(mapping, {
    naming: new TopicNaming(config),
    rules: columnRules(config),
    source: STRING,
    schemaNames: config['schema.name.adjustment.mode'],
    fieldNames: config['field.name.adjustment.mode'],
  });
}

const COLUMNS = { b: { type: 'int4' }, a: { type: 'text' }, 'c d': { type: 'text' } } as const;
const names = (columns: TableShape['fields']): string[] => columns.map(({ name }) => name);

test('fields stand in the table’s order, keys in the key’s', () => {
  const { fields, key, keySchema, rowSchema, envelopeSchema, topic } = shape(tableOf(COLUMNS, ['a', 'b']));
  assert.deepEqual(names(fields), ['b', 'a', 'c d']);
  assert.deepEqual(names(key), ['a', 'b']);
  assert.equal(topic, 'shop.public.people');
  assert.deepEqual(
    [keySchema?.name, rowSchema.name, envelopeSchema.name],
    ['shop.public.people.Key', 'shop.public.people.Value', 'shop.public.people.Envelope'],
  );
  assert.deepEqual([keySchema?.optional, rowSchema.optional], [false, true]);
});

test('without a primary key there is no key, unless message.key.columns names one', () => {
  assert.equal(shape(tableOf(COLUMNS)).keySchema, null);
  const named = shape(tableOf(COLUMNS, ['b']), { 'message.key.columns': 'public.people:a,missing;other.*:b' });
  assert.deepEqual(names(named.key), ['a']);
  const none = shape(tableOf(COLUMNS, ['b']), { 'message.key.columns': 'public.people:missing' });
  assert.equal(none.keySchema, null);
});

test('a column that is left out of values stays in the key', () => {
  const { fields, key } = shape(tableOf(COLUMNS, ['b']), { 'column.include.list': 'public\\.people\\.a' });
  assert.deepEqual([names(fields), names(key)], [['a'], ['b']]);
});

test('what values mask, keys mask; what values cut, keys keep', () => {
  const mapping = tableOf({ a: { type: 'text' }, b: { type: 'text' } }, ['a', 'b']);
  const { key } = shape(mapping, { 'column.mask.with.3.chars': '.*\\.a', 'column.truncate.to.1.chars': '.*\\.b' });
  const bytes = Buffer.from('secret');
  assert.deepEqual(
    key.map(({ codec }) => codec.read(bytes, 0, bytes.length)),
    ['***', 'secret'],
  );
});

test('adjusted names are those of fields and schemas, not of topics', () => {
  const mapping = { ...tableOf(COLUMNS, ['c d']), topicParts: ['public', 'peo-ple'] };
  const adjusted = shape(mapping, {
    'schema.name.adjustment.mode': 'avro',
    'field.name.adjustment.mode': 'avro_unicode',
  });
  assert.equal(adjusted.topic, 'shop.public.peo-ple');
  assert.equal(adjusted.rowSchema.name, 'shop.public.peo_ple.Value');
  assert.deepEqual(names(adjusted.fields), ['b', 'a', 'c_u0020d']);
  assert.deepEqual(names(adjusted.key), ['c_u0020d']);
});

test('a column tells its source type where it is asked to, by the column or by the type, and not where it is masked', () => {
  const mapping = tableOf({ a: { type: 'varchar', length: 7 }, b: { type: 'int4' }, c: { type: 'text' } });
  const parameters = (properties: Record<string, string>): unknown[] =>
    shape(mapping, properties).fields.map(({ codec }) => codec.schema.parameters);
  const told = {
    '__debezium.source.column.type': 'VARCHAR',
    '__debezium.source.column.length': '7',
    '__debezium.source.column.name': 'a',
  };
  assert.deepEqual(parameters({ 'column.propagate.source.type': '.*\\.a' }), [told, undefined, undefined]);
  assert.deepEqual(parameters({ 'datatype.propagate.source.type': '.*\\.varchar' }), [told, undefined, undefined]);
  assert.deepEqual(parameters({ 'column.propagate.source.type': '.*\\.a', 'column.mask.with.1.chars': '.*\\.a' }), [
    { masked: 'true' },
    undefined,
    undefined,
  ]);
});

test('two columns that an adjustment gives one name are refused, by their names', () => {
  const mapping = tableOf({ 'a b': { type: 'text' }, a_b: { type: 'text' } });
  const adjusted = { 'field.name.adjustment.mode': 'avro' };
  assert.throws(
    () => shape(mapping, adjusted),
    (error: TailraceError) =>
      error.code === 'source.table' && /columns a b and a_b of public\.people/.test(error.message),
  );
  assert.deepEqual(names(shape(mapping, { ...adjusted, 'column.exclude.list': '.*\\.a_b' }).fields), ['a_b']);
  assert.equal(new Set(names(shape(mapping, { 'field.name.adjustment.mode': 'avro_unicode' }).fields)).size, 2);
});
