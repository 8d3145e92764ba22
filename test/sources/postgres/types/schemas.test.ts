import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatJsonSchema } from '../../../../src/converters/json/json-schema.ts';
import { CONNECT_JSON } from '../../../../src/converters/json/json-value.ts';
import { type ColumnChoices, codecOf, constantJson, jsonOf, modifier } from './codec-fixture.ts';

function schemaOf(type: string, choices?: ColumnChoices): string {
  return formatJsonSchema(codecOf(type, choices).schema, CONNECT_JSON);
}

test('schemas are Debezium’s, key for key', () => {
  const rows: [string, ColumnChoices, string][] = [
    ['int4', { notNull: true }, '{"type":"int32","optional":false}'],
    ['float4', {}, '{"type":"float","optional":true}'],
    [
      'numeric',
      { modifier: modifier(10, 3) },
      '{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"3","connect.decimal.precision":"10"}}',
    ],
    [
      'numeric',
      {},
      '{"type":"struct","fields":[{"type":"int32","optional":false,"field":"scale"},{"type":"bytes","optional":false,"field":"value"}],"optional":true,"name":"io.debezium.data.VariableScaleDecimal","version":1,"doc":"Variable scaled decimal"}',
    ],
    [
      'money',
      {},
      '{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"}}',
    ],
    [
      'varbit',
      {},
      '{"type":"bytes","optional":true,"name":"io.debezium.data.Bits","version":1,"parameters":{"length":"2147483647"}}',
    ],
    [
      'mood',
      { defaultExpression: "'ok'::mood" },
      '{"type":"string","optional":true,"name":"io.debezium.data.Enum","version":1,"parameters":{"allowed":"sad,ok,it\'s, ok"},"default":"ok"}',
    ],
    [
      'mood[]',
      {},
      '{"type":"array","items":{"type":"string","optional":false,"name":"io.debezium.data.Enum","version":1,"parameters":{"allowed":"sad,ok,it\'s, ok"}},"optional":true}',
    ],
    ['time', { modifier: 3 }, '{"type":"int32","optional":true,"name":"io.debezium.time.Time","version":1}'],
    [
      'time[]',
      {},
      '{"type":"array","items":{"type":"int64","optional":true,"name":"io.debezium.time.MicroTime","version":1},"optional":true}',
    ],
    [
      'geometry',
      { notNull: true },
      '{"type":"struct","fields":[{"type":"bytes","optional":false,"field":"wkb"},{"type":"int32","optional":true,"field":"srid"}],"optional":true,"name":"io.debezium.data.geometry.Geometry","version":1,"doc":"Geometry"}',
    ],
    [
      'vector',
      {},
      '{"type":"array","items":{"type":"double","optional":false},"optional":true,"name":"io.debezium.data.DoubleVector","version":1}',
    ],
    // Not Debezium's: a negative scale is brought to zero, where Avro can hold it, too.
    [
      'numeric',
      { modifier: modifier(5, -2) },
      '{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"0","connect.decimal.precision":"7"}}',
    ],
  ];
  for (const [type, choices, expected] of rows) assert.equal(schemaOf(type, choices), expected);
});

test('a default is in the schema in the form of a value', () => {
  const rows: [string, ColumnChoices, string | null][] = [
    ['int4', { defaultExpression: '5' }, '5'],
    ['int8', { defaultExpression: "'12345678901'::bigint" }, '12345678901'],
    ['int4', { defaultExpression: "nextval('t_id_seq'::regclass)" }, '0'],
    ['float8', { defaultExpression: "'-3'::integer" }, '-3.0'],
    ['bool', { defaultExpression: 'true' }, 'true'],
    ['numeric', { modifier: modifier(6, 2), defaultExpression: '1.5' }, '"AJY="'],
    ['numeric', { modifier: modifier(6, 2), defaultExpression: 'random()' }, '"AA=="'],
    ['numeric', { defaultExpression: '1.5' }, null],
    [
      'numeric',
      { modifier: modifier(6, 2), defaultExpression: '1.5', options: { 'decimal.handling.mode': 'string' } },
      '"1.50"',
    ],
    ['numeric', { defaultExpression: 'random()', options: { 'decimal.handling.mode': 'string' } }, '"0.0"'],
    ['text', { defaultExpression: "'it''s'::text" }, '"it\'s"'],
    ['text', { defaultExpression: 'upper(t)' }, '""'],
    ['text', { defaultExpression: 'CURRENT_USER' }, '""'],
    ['text', { defaultExpression: "('a'::text || 'b'::text)" }, null],
    ['text', { defaultExpression: 'NULL::text' }, null],
    ['uuid', { defaultExpression: 'gen_random_uuid()' }, '"00000000-0000-0000-0000-000000000000"'],
    ['jsonb', { defaultExpression: "'{}'::jsonb" }, '"{}"'],
    ['date', { defaultExpression: "'2020-02-02'::date" }, '18294'],
    ['date', { defaultExpression: 'CURRENT_DATE' }, '0'],
    ['date', { defaultExpression: "'infinity'::date" }, '2147483647'],
    ['timestamp', { defaultExpression: "'2020-02-02 03:04:05.6'::timestamp without time zone" }, '1580612645600000'],
    ['timestamp', { defaultExpression: "'2020-02-02'::date" }, '1580601600000000'],
    ['timestamptz', { defaultExpression: 'now()' }, '"1970-01-01T00:00:00.000000Z"'],
    [
      'timestamptz',
      { modifier: 2, defaultExpression: "'2020-02-02 01:04:05.67+00'::timestamp with time zone" },
      '"2020-02-02T01:04:05.67Z"',
    ],
    ['interval', { defaultExpression: "'1 mon 2 days 03:04:05.678'::interval" }, '2813645678000'],
    ['bit', { modifier: 24, defaultExpression: `B'000000000000000000000001'::"bit"` }, '"AQ=="'],
    ['bit', { modifier: 1, defaultExpression: `B'1'::"bit"` }, 'true'],
    ['mood', { defaultExpression: "'it''s, ok'::mood" }, '"it\'s, ok"'],
    ['mood', { defaultExpression: 'pick()' }, null],
    // Types whose defaults Debezium leaves out.
    ['oid', { defaultExpression: '7' }, null],
    ['bytea', { defaultExpression: "'\\x01'::bytea" }, null],
    ['int4[]', { defaultExpression: "'{1,2}'::integer[]" }, null],
    ['citext', { defaultExpression: "'x'::citext" }, null],
    ['price', { defaultExpression: '1.5' }, null],
    // A literal that the type cannot read, and a generated column, which has no default.
    ['int4', { defaultExpression: '1.5' }, null],
    ['numeric', { modifier: modifier(6, 2), defaultExpression: "'NaN'::numeric" }, null],
    ['int4', { defaultExpression: '5', generated: true }, null],
  ];
  for (const [type, choices, expected] of rows) {
    const codec = codecOf(type, choices);
    const shown =
      codec.schema.default === undefined ? null : constantJson({ ...codec, missing: codec.schema.default }, 'missing');
    assert.equal(shown, expected, `${type} ${choices.defaultExpression}`);
  }
});

test('what is missing is null, the default, or the fallback of a type that cannot be NULL', () => {
  const fallbacks: Record<string, string> = {
    int4: '0',
    int8: '0',
    float8: '0.0',
    bool: 'false',
    text: '""',
    jsonb: '""',
    uuid: '""',
    mood: '""',
    hstore: '"{}"',
    bytea: '""',
    numeric: '{"scale":0,"value":"AA=="}',
    money: '"AA=="',
    date: '0',
    time: '0',
    timestamp: '0',
    timestamptz: '"1970-01-01T00:00:00Z"',
    timetz: '"00:00:00Z"',
    interval: '0',
    point: '{"x":0.0,"y":0.0,"wkb":"AQEAAAAAAAAAAAAAAAAAAAAAAAAA","srid":null}',
    'int4[]': '[]',
    vector: '[]',
  };
  for (const [type, expected] of Object.entries(fallbacks)) {
    assert.equal(constantJson(codecOf(type, { notNull: true }), 'missing'), expected, type);
    assert.equal(codecOf(type).missing, null, type);
  }
  assert.equal(constantJson(codecOf('int4', { notNull: true, defaultExpression: '5' }), 'missing'), '5');
  assert.equal(codecOf('int4', { defaultExpression: '5' }).missing, null);
  const bits = codecOf('bit', { modifier: 8, notNull: true });
  assert.equal(constantJson(bits, 'missing'), '""');
});

test('what was not sent shows the placeholder in the form of its type', () => {
  const P = '"__debezium_unavailable_value"';
  const B = '"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="';
  const numbers = [...Buffer.from('__debezium_unavailable_value')];
  const rows: [string, ColumnChoices, string][] = [
    ['text', {}, P],
    ['jsonb', {}, P],
    ['xml', {}, P],
    ['tsvector', {}, P],
    ['bytea', {}, B],
    ['bytea', { options: { 'binary.handling.mode': 'hex' } }, P],
    ['text[]', {}, `[${P}]`],
    ['jsonb[]', {}, `[${P}]`],
    ['bytea[]', {}, `[${B}]`],
    ['int4[]', {}, `[${numbers}]`],
    ['int8[]', {}, `[${numbers}]`],
    ['date[]', {}, `[${numbers}]`],
    ['uuid[]', {}, '["b68a35a7-17ad-35b3-af2a-ae46edb4545a"]'],
    ['hstore', {}, '"{\\"__debezium_unavailable_value\\":\\"__debezium_unavailable_value\\"}"'],
    ['hstore', { options: { 'hstore.handling.mode': 'map' } }, `{${P}:${P}}`],
    ['numeric', { options: { 'decimal.handling.mode': 'string' } }, P],
    ['int4[]', { options: { 'unavailable.value.placeholder': 'hex:00ff' } }, '[0,-1]'],
    ['bytea', { options: { 'unavailable.value.placeholder': 'hex:00ff' } }, '"AP8="'],
    // Debezium gives null for these.
    ['bytea', { options: { 'binary.handling.mode': 'base64' } }, P],
    ['numeric', {}, `{"scale":0,"value":${B}}`],
    ['varbit', {}, B],
    ['float8[]', {}, `[${numbers.map((byte) => `${byte}.0`)}]`],
  ];
  for (const [type, choices, expected] of rows) {
    assert.equal(constantJson(codecOf(type, choices), 'unavailable'), expected, type);
    assert.equal(constantJson(codecOf(type, { ...choices, notNull: true }), 'unavailable'), expected, type);
  }
});

test('codecs of two columns do not share what they parse into', () => {
  const a = codecOf('numeric', { modifier: modifier(10, 2) });
  const b = codecOf('numeric', { modifier: modifier(10, 4) });
  const first = a.read(Buffer.from('1.50'), 0, 4);
  b.read(Buffer.from('2.5000'), 0, 6);
  assert.deepEqual(first, Buffer.from([0, 150]));
  assert.equal(jsonOf(a, '1.50'), '"AJY="');
});
