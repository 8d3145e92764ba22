import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConverter, createHeaderConverter } from '../../src/converters/create-converter.ts';
import { createPrimitiveConverter } from '../../src/converters/primitive-converter.ts';
import { createStringConverter } from '../../src/converters/string-converter.ts';
import { TailraceError } from '../../src/model/errors.ts';
import type { Schema, SchemaType, Value } from '../../src/model/schema.ts';
import { configOf } from '../pipeline/fake-source.ts';
import { parseConnectJson } from './connect-json.ts';

const CONNECT = 'org.apache.kafka.connect.data';

function toText(json: string): string | undefined {
  const { schema, value } = parseConnectJson(json);
  return createStringConverter().toBytes('t', schema, value)?.toString();
}

// Expected texts were printed by Kafka 4.3's own StringConverter; bytes of its kind of array are printed with their address in the JVM.
test('strings are what Java’s toString gives', () => {
  const field = (name: string, type: string, rest = ''): string =>
    `{"field":"${name}","type":"${type}","optional":true${rest}}`;
  const fields = [
    field('id', 'int32'),
    field('n', 'string', ',"default":"d"'),
    field('f', 'float'),
    field('g', 'double'),
    field('d', 'bytes', `,"name":"${CONNECT}.Decimal","version":1,"parameters":{"scale":"2"}`),
    field('l', 'array', ',"items":{"type":"string","optional":true}'),
    field('m', 'map', ',"keys":{"type":"string","optional":false},"values":{"type":"string","optional":true}'),
    field('s', 'struct', ',"fields":[{"field":"x","type":"boolean","optional":true}]'),
  ];
  assert.equal(
    toText(
      `{"schema":{"type":"struct","optional":false,"fields":[${fields}]},"payload":{"id":7,"n":null,"f":3.3,"g":1.0E21,"d":"BM4=","l":["a",null,"b c"],"m":{"k":"v"},"s":{"x":true}}}`,
    ),
    'Struct{id=7,f=3.3,g=1.0E21,d=12.30,l=[a, null, b c],m={k=v},s=Struct{x=true}}',
  );
  const logical = (type: string, name: string, payload: string): string | undefined =>
    toText(
      `{"schema":{"type":"${type}","optional":false,"name":"${CONNECT}.${name}","version":1},"payload":${payload}}`,
    );
  assert.equal(logical('int32', 'Date', '19782'), 'Thu Feb 29 00:00:00 UTC 2024');
  assert.equal(logical('int32', 'Time', '45296789'), 'Thu Jan 01 12:34:56 UTC 1970');
  assert.equal(toText('{"schema":{"type":"string","optional":false},"payload":"tü😀"}'), 'tü😀');
  assert.equal(createStringConverter().toBytes('t', null, null), null);
});

// Bytes are those of Kafka 4.3's own converters.
test('single values are big-endian, and a converter takes its own type alone', () => {
  const cases: readonly [string, SchemaType, Value, string][] = [
    ['IntegerConverter', 'int32', -2, 'fffffffe'],
    ['LongConverter', 'int64', 2n ** 40n, '0000010000000000'],
    ['ShortConverter', 'int16', 300, '012c'],
    ['FloatConverter', 'float32', 1.5, '3fc00000'],
    ['DoubleConverter', 'float64', -2.25, 'c002000000000000'],
    ['BooleanConverter', 'boolean', true, '01'],
    ['ByteArrayConverter', 'bytes', Buffer.from([1, 2]), '0102'],
  ];
  const struct: Schema = { type: 'struct', optional: false, fields: [] };
  for (const [name, type, value, hex] of cases) {
    const converter = createPrimitiveConverter(`org.apache.kafka.connect.converters.${name}`);
    assert.equal(converter.toBytes('t', { type, optional: false }, value)?.toString('hex'), hex);
    assert.throws(
      () => converter.toBytes('shop.t', struct, {}),
      (error) => error instanceof TailraceError && error.code === 'converter.schema' && /shop\.t/.test(error.message),
    );
  }
});

test('every converter that can be configured can be made, by its class or the short names that Connect has for it', () => {
  const registry = {
    'key.converter.schema.registry.url': 'http://localhost:8081',
    'value.converter.schema.registry.url': 'http://localhost:8081',
  };
  for (const name of ['AvroConverter', 'Avro', 'JsonSchemaConverter', 'JsonConverter', 'String', 'ByteArray', 'long']) {
    const config = configOf({ ...registry, 'key.converter': name, 'value.converter': name });
    for (const side of ['key', 'value'] as const) {
      const converter = createConverter(config, side);
      assert.equal(converter.prepare !== undefined, config[`${side}.converter`].startsWith('io.confluent.'), name);
    }
  }
});

test('headers are written by the converter that the key names', () => {
  const header = { key: 'h', schema: { type: 'string', optional: false } as const, value: 'a "b"' };
  const text = (properties: Record<string, string>): string =>
    Buffer.from(createHeaderConverter(configOf(properties)).toBytes(header).value!).toString();
  assert.equal(text({}), 'a "b"');
  assert.equal(text({ 'header.converter': 'org.apache.kafka.connect.storage.StringConverter' }), 'a "b"');
  const json = { 'header.converter': 'org.apache.kafka.connect.json.JsonConverter' };
  assert.equal(text({ ...json, 'header.converter.schemas.enable': 'false' }), '"a \\"b\\""');
  assert.equal(text(json), '{"schema":{"type":"string","optional":false},"payload":"a \\"b\\""}');
});
