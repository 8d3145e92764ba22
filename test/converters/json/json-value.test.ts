import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJsonConverter } from '../../../src/converters/json/json-converter.ts';
import { JsonSink } from '../../../src/converters/json/json-sink.ts';
import { CONNECT_JSON, formatBigDecimal } from '../../../src/converters/json/json-value.ts';
import { decodeUnscaled, encodeUnscaled } from '../../../src/model/decimal.ts';
import { createStruct, type Schema, type Value } from '../../../src/model/schema.ts';

const plain = createJsonConverter({ ...CONNECT_JSON, schemasEnable: false });
const required = (type: Schema['type'], rest: Partial<Schema> = {}): Schema => ({ type, optional: false, ...rest });
const DECIMAL = required('bytes', { name: 'org.apache.kafka.connect.data.Decimal', parameters: { scale: '2' } });

function sinkText(write: (sink: JsonSink) => void, slab?: Buffer): string {
  const sink = new JsonSink(slab);
  write(sink);
  return sink.buffer.toString('utf8', 0, sink.position);
}

test('strings print as Jackson prints them: upper-case controls, two escapes beyond the BMP, everything else raw', () => {
  const texts: [string, string][] = [
    ['', '""'],
    ['plain', '"plain"'],
    ['\u0001\u001f\b\t\n\f\r"\\', '"\\u0001\\u001F\\b\\t\\n\\f\\r\\"\\\\"'],
    ['é ü / < > \u2028 \u007f ￿', '"é ü / < > \u2028 \u007f ￿"'],
    ['😀\u{10ffff}', '"\\uD83D\\uDE00\\uDBFF\\uDFFF"'],
    [`${'x'.repeat(40)}"${'y'.repeat(40)}😀`, `"${'x'.repeat(40)}\\"${'y'.repeat(40)}\\uD83D\\uDE00"`],
  ];
  for (const [text, expected] of texts) {
    const bytes = Buffer.from(`<${text}>`);
    assert.equal(
      sinkText((sink) => sink.string(text)),
      expected,
    );
    assert.equal(
      sinkText((sink) => sink.utf8(bytes, 1, bytes.length - 1)),
      expected,
    );
  }
});

test('strings of every character at every length read back as themselves, from a slab that has to grow', () => {
  let text = '';
  for (let code = 0; code < 0x2fff; code += 7) {
    text += String.fromCodePoint(code);
    const bytes = Buffer.from(text.slice(-90));
    const printed = sinkText((sink) => sink.utf8(bytes, 0, bytes.length), Buffer.alloc(code % 5));
    assert.equal(JSON.parse(printed), bytes.toString());
  }
});

test('integers print exactly', () => {
  const integers = [0, 7, -7, 999_999_999, 1e9, -1e9, 1_000_000_001, 4_294_967_296, 9_007_199_254_740_991];
  for (let digits = 1; digits < 16; digits++) integers.push(10 ** digits, 10 ** digits - 1, -(10 ** digits));
  for (const value of [...integers, -9_007_199_254_740_991]) {
    assert.equal(
      sinkText((sink) => sink.integer(value)),
      String(value),
    );
  }
  assert.equal(plain.text(required('int64'), -9_223_372_036_854_775_808n), '-9223372036854775808');
});

test('bytes print as padded Base64 for every length', () => {
  for (let length = 0; length < 50; length++) {
    const bytes = Buffer.from(Array.from({ length: length + 2 }, (_, i) => (i * 89 + length) & 255));
    const part = bytes.subarray(1, length + 1);
    assert.equal(
      sinkText((sink) => sink.binary(bytes, 1, length + 1)),
      `"${part.toString('base64')}"`,
    );
  }
});

test('floats that are no numbers are quoted', () => {
  const values: [Value, string][] = [
    [Number.NaN, '"NaN"'],
    [Number.POSITIVE_INFINITY, '"Infinity"'],
    [Number.NEGATIVE_INFINITY, '"-Infinity"'],
  ];
  for (const [value, text] of values) {
    assert.equal(plain.text(required('float32'), value), text);
    assert.equal(plain.text(required('float64'), value), text);
  }
});

test('a null prints its schema’s default, unless that is turned off', () => {
  const schema: Schema = { type: 'int32', optional: true, default: 5 };
  assert.equal(plain.text(schema, null), '5');
  assert.equal(plain.text({ type: 'int32', optional: true }, null), 'null');
  const honest = createJsonConverter({ ...CONNECT_JSON, schemasEnable: false, replaceNullWithDefault: false });
  assert.equal(honest.text(schema, null), 'null');
});

test('structs print all their fields in schema order, maps as objects or as pairs', () => {
  const struct = createStruct();
  const name = '__proto__';
  struct[name] = 'odd';
  const fields = [
    { name: 'missing', schema: { type: 'string', optional: true } },
    { name, schema: required('string') },
  ] as const;
  assert.equal(plain.text(required('struct', { fields }), struct), '{"missing":null,"__proto__":"odd"}');
  const values: Schema = { type: 'float64', optional: true };
  const byName = required('map', { keys: required('string'), values });
  assert.equal(
    plain.text(
      byName,
      new Map([
        ['a', 1],
        ['b"', null],
      ]),
    ),
    '{"a":1.0,"b\\"":null}',
  );
  const byNumber = required('map', { keys: required('int16'), values });
  assert.equal(
    plain.text(
      byNumber,
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ),
    '[[1,2.0],[3,4.0]]',
  );
  assert.equal(plain.text(required('array', { items: values }), [1, null]), '[1.0,null]');
});

test('decimals are two’s complement of minimal length, or numbers', () => {
  const encoded: [bigint, string][] = [
    [0n, 'AA=='],
    [123_411n, 'AeIT'],
    [-123_411n, '/h3t'],
    [18_446_744_073_709_551_615n, 'AP//////////'],
    [127n, 'fw=='],
    [128n, 'AIA='],
    [-128n, 'gA=='],
    [-129n, '/38='],
  ];
  const numbers = createJsonConverter({ ...CONNECT_JSON, schemasEnable: false, decimalFormat: 'NUMERIC' });
  for (const [unscaled, base64] of encoded) {
    const bytes = encodeUnscaled(unscaled);
    assert.equal(plain.text(DECIMAL, bytes), `"${base64}"`);
    assert.equal(decodeUnscaled(bytes), unscaled);
    if (Number.isSafeInteger(Number(unscaled))) assert.deepEqual(encodeUnscaled(Number(unscaled)), bytes);
    assert.equal(numbers.text(DECIMAL, bytes), formatBigDecimal(unscaled, 2));
  }
});

test('a BigDecimal takes an exponent where Java gives it one', () => {
  const decimals: [bigint, number, string][] = [
    [1230n, 2, '12.30'],
    [-5n, 3, '-0.005'],
    [1n, 9, '1E-9'],
    [123n, 9, '1.23E-7'],
    [1n, 6, '0.000001'],
    [123n, -2, '1.23E+4'],
    [1n, -3, '1E+3'],
    [0n, 2, '0.00'],
    [-7n, 0, '-7'],
  ];
  for (const [unscaled, scale, text] of decimals) assert.equal(formatBigDecimal(unscaled, scale), text);
});

test('a record is its schema and its payload, and a tombstone is nothing', () => {
  const schema = required('struct', {
    name: 'app.public.orders.Key',
    fields: [{ name: 'id', schema: required('int32', { default: 0 }) }],
  });
  const key = createStruct();
  key.id = 7;
  const converter = createJsonConverter({ ...CONNECT_JSON, schemasEnable: true });
  assert.equal(
    converter.toBytes('t', schema, key)?.toString(),
    '{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"default":0,"field":"id"}],"optional":false,"name":"app.public.orders.Key"},"payload":{"id":7}}',
  );
  assert.equal(converter.toBytes('t', null, null), null);
  assert.equal(plain.toBytes('t', schema, key)?.toString(), '{"id":7}');
  const bare = plain.format!.frame('t', schema);
  assert.equal(bare.start.length + bare.end.length, 0);
  const { start, end } = converter.format!.frame('t', schema);
  assert.equal(`${start}${converter.text(schema, key)}${end}`, converter.toBytes('t', schema, key)?.toString());
  assert.equal(
    converter.toBytes('t', { type: 'string', optional: true }, null)?.toString(),
    '{"schema":{"type":"string","optional":true},"payload":null}',
  );
});

test('what a converter returned stays as it was when it writes the next value', () => {
  const first = plain.toBytes('t', required('string'), 'first');
  plain.toBytes('t', required('string'), 'other');
  assert.equal(first?.toString(), '"first"');
});

test('schemas print their parts in the order of JsonConverter', () => {
  const converter = createJsonConverter({ ...CONNECT_JSON, schemasEnable: true });
  const text = (schema: Schema): string =>
    converter.format!.frame('t', schema).start.toString().slice('{"schema":'.length, -',"payload":'.length);
  assert.equal(
    text({
      type: 'bytes',
      optional: true,
      name: 'n',
      version: 1,
      doc: 'd"',
      parameters: { scale: '2', a: 'b' },
      default: encodeUnscaled(150),
    }),
    '{"type":"bytes","optional":true,"name":"n","version":1,"doc":"d\\"","parameters":{"scale":"2","a":"b"},"default":"AJY="}',
  );
  assert.equal(
    text(required('map', { keys: required('float32'), values: required('array', { items: required('float64') }) })),
    '{"type":"map","keys":{"type":"float","optional":false},"values":{"type":"array","items":{"type":"double","optional":false},"optional":false},"optional":false}',
  );
});
