import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSimpleHeaderConverter } from '../../src/converters/simple-header.ts';
import { encodeUnscaled } from '../../src/model/decimal.ts';
import { createStruct, type Schema, type Value } from '../../src/model/schema.ts';

const required = (type: Schema['type'], rest: Partial<Schema> = {}): Schema => ({ type, optional: false, ...rest });
const logical = (name: string): Partial<Schema> => ({ name: `org.apache.kafka.connect.data.${name}`, version: 1 });
const decimal = required('bytes', { ...logical('Decimal'), parameters: { scale: '2' } });

function text(schema: Schema, value: Value): string | null {
  const { key, value: bytes } = createSimpleHeaderConverter().toBytes({ key: 'k', schema, value });
  assert.equal(key, 'k');
  return bytes === null ? null : Buffer.from(bytes).toString();
}

// Expected texts were printed by Kafka 4.3's own SimpleHeaderConverter.
test('values at the top of a header are bare', () => {
  assert.equal(text(required('string'), 'he "q" \\ \n é😀'), 'he "q" \\ \n é😀');
  assert.equal(text({ type: 'string', optional: true }, null), null);
  assert.equal(text(required('int64'), -9_223_372_036_854_775_808n), '-9223372036854775808');
  assert.equal(text(required('float32'), Math.fround(3.3)), '3.3');
  assert.equal(text(required('float64'), 1e21), '1.0E21');
  assert.equal(text(required('boolean'), true), 'true');
  assert.equal(text(required('bytes'), Buffer.from([1, 2, 3])), 'AQID');
  assert.equal(text(decimal, encodeUnscaled(1230)), '12.30');
});

test('values inside of a header are JSON-like, with unescaped controls and bare dates', () => {
  const struct = createStruct();
  Object.assign(struct, {
    id: 7,
    s: 'a"b\\c\n',
    b: Buffer.from([1, 2]),
    d: encodeUnscaled(150),
    f: 1,
    x: false,
    dt: 17_000,
    tm: 49_890_123,
    ts: 1_478_267_490_123n,
  });
  const schema = required('struct', {
    fields: [
      { name: 'id', schema: required('int32') },
      { name: 's', schema: required('string') },
      { name: 'n', schema: { type: 'string', optional: true } },
      { name: 'b', schema: required('bytes') },
      { name: 'd', schema: decimal },
      { name: 'f', schema: required('float64') },
      { name: 'x', schema: required('boolean') },
      { name: 'dt', schema: required('int32', logical('Date')) },
      { name: 'tm', schema: required('int32', logical('Time')) },
      { name: 'ts', schema: required('int64', logical('Timestamp')) },
      { name: 'dv', schema: { type: 'int32', optional: true, default: 5 } },
    ],
  });
  assert.equal(
    text(schema, struct),
    '{"id":7,"s":"a\\"b\\\\c\n","n":null,"b":"AQI=","d":1.50,"f":1.0,"x":false,"dt":2016-07-18,"tm":13:51:30.123Z,"ts":2016-11-04T13:51:30.123Z,"dv":5}',
  );
  assert.equal(text(required('array', { items: required('string') }), ['x', 'y"']), '["x","y\\""]');
  const map = required('map', { keys: required('int16'), values: required('float64') });
  assert.equal(text(map, new Map([[1, 2]])), '{1:2.0}');
});

test('timestamps print as dates and times as Connect guesses them', () => {
  const timestamp = required('int64', logical('Timestamp'));
  assert.equal(text(timestamp, 1_478_267_490_000n), '2016-11-04T13:51:30.000Z');
  assert.equal(text(timestamp, 172_800_000n), '1970-01-03');
  assert.equal(text(timestamp, -1n), '23:59:59.999Z');
});
