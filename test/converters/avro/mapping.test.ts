import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAvroConverter } from '../../../src/converters/avro/avro-converter.ts';
import { isSameLayout } from '../../../src/converters/avro/avro-layout.ts';
import { scrubName } from '../../../src/converters/avro/avro-name.ts';
import { AvroNameClash, formatAvroSchema } from '../../../src/converters/avro/avro-schema.ts';
import { toAvroSchema } from '../../../src/converters/avro/connect-to-avro.ts';
import { registrySettings } from '../../../src/converters/registry/from-config.ts';
import { createHttpSend } from '../../../src/converters/registry/http.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import type { Field, Schema } from '../../../src/model/schema.ts';
import { configOf } from '../../pipeline/fake-source.ts';
import { startFakeRegistry } from '../registry/fake-registry.ts';

const INT: Schema = { type: 'int32', optional: false };
const field = (name: string, schema: Schema): Field => ({ name, schema });
const record = (name: string | undefined, ...fields: Field[]): Schema => ({
  type: 'struct',
  optional: false,
  ...(name === undefined ? {} : { name }),
  fields,
});

function text(schema: Schema, options: { connectMetaData?: boolean; scrubInvalidNames?: boolean } = {}): string {
  return formatAvroSchema(toAvroSchema(schema, { connectMetaData: true, scrubInvalidNames: false, ...options }));
}

test('connect.meta.data leaves the properties of Connect out, and what Avro itself knows in', () => {
  const decimal: Schema = {
    type: 'bytes',
    optional: true,
    name: 'org.apache.kafka.connect.data.Decimal',
    version: 1,
    parameters: { scale: '2' },
  };
  const schema = record('a.b.C', field('d', decimal), field('i', { ...INT, default: 3, doc: 'three' }));
  assert.equal(
    text(schema, { connectMetaData: false }),
    '{"type":"record","name":"C","namespace":"a.b","fields":[{"name":"d","type":["null",{"type":"bytes","scale":2,"precision":64,"logicalType":"decimal"}],"default":null},{"name":"i","type":"int","default":3}]}',
  );
});

test('a struct without a name gets one, and another one the next', () => {
  const schema = record(undefined, field('inner', record(undefined, field('i', INT))));
  assert.match(
    text(schema),
    /^\{"type":"record","name":"ConnectDefault","namespace":"io.confluent.connect.avro".*"name":"ConnectDefault2","fields"/,
  );
});

test('a map whose keys are no strings is an array of entries', () => {
  const schema: Schema = { type: 'map', optional: false, keys: INT, values: { type: 'string', optional: true } };
  assert.equal(
    text(schema),
    '{"type":"array","items":{"type":"record","name":"MapEntry","namespace":"io.confluent.connect.avro","fields":[{"name":"key","type":"int"},{"name":"value","type":["null","string"],"default":null}]}}',
  );
});

test('two types of one name are refused, equal ones are one type', () => {
  const point = (doc: string): Schema => ({ ...record('geo.Point', field('x', INT)), doc });
  assert.match(text(record('t.V', field('a', point('p')), field('b', point('p')))), /"name":"b","type":"geo.Point"/);
  assert.throws(() => text(record('t.V', field('a', point('p')), field('b', point('q')))), AvroNameClash);
});

test('invalid names are scrubbed as URLEncoder encodes them, on request', () => {
  const cases = { 'a-b': 'a_b', ä: '_C3_A4', '1x': 'x1x', 'a b.c*': 'a_b_c_', '(x)': '_28x_29', ok_1: 'ok_1' };
  for (const [name, scrubbed] of Object.entries(cases)) assert.equal(scrubName(name), scrubbed);
  assert.equal(
    text(record('my-app.t.V', field('a-b', INT)), { scrubInvalidNames: true }),
    '{"type":"record","name":"V","namespace":"my_app.t","fields":[{"name":"a_b","type":"int"}],"connect.name":"my-app.t.V"}',
  );
});

test('a name that Avro does not take is refused before the registry is asked, with the key that mends it', async () => {
  await using registry = await startFakeRegistry();
  const config = configOf({ 'value.converter': 'Avro', 'value.converter.schema.registry.url': registry.url });
  const converter = createAvroConverter({
    side: 'value',
    registry: registrySettings(config, 'value'),
    send: createHttpSend(null),
    connectMetaData: true,
    scrubInvalidNames: false,
    keepsNull: false,
  });
  const refusalOf = async (schema: Schema): Promise<TailraceError> => {
    try {
      await converter.prepare!('shop.t', schema, new AbortController().signal);
    } catch (error) {
      if (error instanceof TailraceError) return error;
    }
    assert.fail('it was taken');
  };
  assert.match((await refusalOf(record('t.V', field('a-b', INT)))).remedy ?? '', /field\.name\.adjustment\.mode/);
  assert.match((await refusalOf(record('t.1', field('a', INT)))).remedy ?? '', /schema\.name\.adjustment\.mode/);
  assert.equal(registry.asked.length, 0);
  // Java checks no namespace, and a topic's prefix is often not made for it.
  await converter.prepare!('shop.t', record('my-app.public.t.V', field('a', INT)), new AbortController().signal);
  assert.equal(registry.asked.length, 1);
});

test('schemas have one layout when they differ in words, and another when values would be read as something else', () => {
  const one =
    '{"type":"record","name":"V","namespace":"a","fields":[{"name":"x","type":"int","doc":"d","default":1}],"connect.name":"a.V"}';
  const same = '{"type":"record","name":"a.V","fields":[{"name":"x","type":{"type":"int","connect.type":"int8"}}]}';
  assert.ok(isSameLayout(one, same));
  for (const other of [same.replace('"x"', '"y"'), same.replace('"int"', '"long"'), same.replace('a.V', 'b.V')]) {
    assert.ok(!isSameLayout(one, other), other);
  }
  const decimal = (scale: number): string => `{"type":"bytes","logicalType":"decimal","precision":9,"scale":${scale}}`;
  assert.ok(!isSameLayout(decimal(2), decimal(3)));
});
