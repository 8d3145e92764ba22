import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TailraceError } from '../../../../src/model/errors.ts';
import { type ColumnChoices, codecOf, jsonOf, maybeCodec, modifier } from './codec-fixture.ts';

type Row = readonly [type: string, choices: ColumnChoices, text: string, json: string];

function check(rows: readonly Row[]): void {
  for (const [type, choices, text, json] of rows) {
    assert.equal(jsonOf(codecOf(type, choices), text), json, `${type} ${JSON.stringify(choices)} ${text}`);
  }
}

// Unless said otherwise the JSON is what Debezium 3.6.1 gives for the value.
test('numbers', () => {
  check([
    ['int2', {}, '-32768', '-32768'],
    ['int4', {}, '123456', '123456'],
    ['int8', {}, '-9223372036854775808', '-9223372036854775808'],
    ['oid', {}, '4294967295', '4294967295'],
    ['float4', {}, '3.3', '3.3'],
    ['float4', {}, '1e-45', '1.4E-45'],
    ['float8', {}, '1e+21', '1.0E21'],
    ['float8', {}, 'NaN', '"NaN"'],
    ['float8', {}, '-Infinity', '"-Infinity"'],
    ['bool', {}, 't', 'true'],
    ['bool', {}, 'f', 'false'],
  ]);
});

test('decimals in each handling mode', () => {
  const double = { options: { 'decimal.handling.mode': 'double' } } as const;
  const string = { options: { 'decimal.handling.mode': 'string' } } as const;
  check([
    ['numeric', { modifier: modifier(6, 4) }, '22.2200', '"A2P4"'],
    ['numeric', { modifier: modifier(10, 2) }, '-0.01', '"/w=="'],
    ['numeric', { modifier: modifier(40, 2) }, '184467440737095516.15', '"AP//////////"'],
    ['numeric', { modifier: modifier(5, 0) }, '42', '"Kg=="'],
    ['numeric', {}, '10.1111', '{"scale":4,"value":"AYr3"}'],
    ['numeric', {}, '100.00', '{"scale":0,"value":"ZA=="}'],
    ['numeric', {}, '-0.00100', '{"scale":3,"value":"/w=="}'],
    ['numeric', {}, '0.000', '{"scale":0,"value":"AA=="}'],
    ['numeric', double, '22.2200', '22.22'],
    ['numeric', double, 'NaN', '"NaN"'],
    ['numeric', string, '-0.00100', '"-0.00100"'],
    ['numeric', string, 'NaN', '"NAN"'],
    ['numeric', string, 'Infinity', '"POSITIVE_INFINITY"'],
    ['numeric', string, '-Infinity', '"NEGATIVE_INFINITY"'],
    ['money', {}, '$1,234.11', '"AeIT"'],
    ['money', {}, '-$1,234.11', '"/h3t"'],
    ['money', double, '$1,234.11', '1234.11'],
    ['money', string, '($1,234.11)', '"-1234.11"'],
    // Not Debezium's: it takes the eleven bits of the scale for a positive number.
    ['numeric', { modifier: modifier(5, -2) }, '12300', '"MAw="'],
  ]);
});

test('text is passed on as it is', () => {
  check([
    ['text', {}, 'tü😀\u0001', '"tü\\uD83D\\uDE00\\u0001"'],
    ['bpchar', { modifier: 9 }, 'ab   ', '"ab   "'],
    ['jsonb', {}, '{"bar": "baz"}', '"{\\"bar\\": \\"baz\\"}"'],
    ['inet', {}, '192.168.2.0/12', '"192.168.2.0/12"'],
    ['tsrange', {}, '["2019-03-31 15:30:00",infinity)', '"[\\"2019-03-31 15:30:00\\",infinity)"'],
    ['mood', {}, "it's, ok", '"it\'s, ok"'],
    ['isbn', {}, '0-393-04002-X', '"0-393-04002-X"'],
    ['name', {}, 'nam', '"nam"'],
  ]);
});

test('dates and times in each precision mode', () => {
  const mode = (name: string, rest: ColumnChoices = {}): ColumnChoices => ({
    ...rest,
    options: { 'time.precision.mode': name } as never,
  });
  const timestamp = '2016-11-04 13:51:30.123456';
  check([
    ['date', {}, '2016-11-04', '17109'],
    ['date', mode('isostring'), '2016-11-04', '"2016-11-04Z"'],
    ['time', {}, '13:51:30', '49890000000'],
    ['time', { modifier: 3 }, '13:51:30.123', '49890123'],
    ['time', {}, '24:00:00', '86400000000'],
    ['time', mode('adaptive_time_microseconds', { modifier: 0 }), '13:51:30', '49890000000'],
    ['time', mode('connect'), '13:51:30.123999', '49890123'],
    ['time', mode('nanoseconds'), '24:00:00', '86400000000000'],
    ['time', mode('isostring'), '13:51:30.120000', '"13:51:30.12Z"'],
    ['timestamp', {}, timestamp, '1478267490123456'],
    ['timestamp', { modifier: 3 }, '1969-12-31 23:59:59.999', '-1'],
    ['timestamp', mode('connect'), timestamp, '1478267490123'],
    ['timestamp', mode('connect'), '1969-12-31 23:59:59.9999', '-1'],
    ['timestamp', mode('connect'), '294276-12-31 23:59:59.999999', '9224318015999999'],
    ['timestamp', mode('microseconds', { modifier: 0 }), '2016-11-04 13:51:30', '1478267490000000'],
    ['timestamp', mode('nanoseconds'), timestamp, '1478267490123456000'],
    ['timestamp', mode('isostring'), '2016-11-04 13:51:30.120', '"2016-11-04T13:51:30.12Z"'],
    ['timestamp', {}, '2255-06-06 00:00:00', '9007200000000000'],
    ['timestamp', {}, '294247-01-10 04:00:54.775807', '9223372036854775807'],
    ['timestamp', {}, '4713-12-31 23:59:59.999999 BC', '-210831897600000001'],
    ['timetz', {}, '13:51:30.123789+02', '"11:51:30.123789Z"'],
    ['timetz', {}, '13:51:30.12+05:30', '"08:21:30.12Z"'],
    ['timetz', {}, '24:00:00+00', '"00:00:00Z"'],
    ['timestamptz', {}, '2016-11-04 11:51:30.123456+00', '"2016-11-04T11:51:30.123456Z"'],
    ['timestamptz', {}, '2016-11-04 11:51:30+00', '"2016-11-04T11:51:30.000000Z"'],
    ['timestamptz', { modifier: 0 }, '2016-11-04 11:51:30+00', '"2016-11-04T11:51:30Z"'],
    ['timestamptz', { modifier: 3 }, '2016-11-04 11:51:30.1+00', '"2016-11-04T11:51:30.100Z"'],
    ['timestamptz', {}, '2016-11-04 13:51:30.5+02', '"2016-11-04T11:51:30.500000Z"'],
    ['timestamptz', {}, '0044-03-15 10:00:00.123+00 BC', '"-0043-03-15T10:00:00.123000Z"'],
    ['timestamptz', {}, '21016-11-04 13:51:30+00', '"+21016-11-04T13:51:30.000000Z"'],
  ]);
});

test('infinite times: Debezium’s numbers for timestamps, the ends of the range for dates, the word in text', () => {
  const mode = (name: string): ColumnChoices => ({ options: { 'time.precision.mode': name } as never });
  check([
    ['timestamp', {}, 'infinity', '9223372036825200000'],
    ['timestamp', {}, '-infinity', '-9223372036832400000'],
    ['timestamp', { modifier: 3 }, 'infinity', '9223372036825200'],
    ['timestamp', mode('connect'), '-infinity', '-9223372036832400'],
    ['timestamp', mode('nanoseconds'), 'infinity', '9223372036854775807'],
    ['timestamp', mode('nanoseconds'), '-infinity', '-9223372036854775808'],
    ['timestamptz', {}, 'infinity', '"infinity"'],
    // Not Debezium's from here on.
    ['timestamp', mode('isostring'), 'infinity', '"infinity"'],
    ['date', {}, 'infinity', '2147483647'],
    ['date', {}, '-infinity', '-2147483648'],
    ['date', mode('isostring'), '-infinity', '"-infinity"'],
    ['interval', {}, 'infinity', '9223372036854775807'],
  ]);
});

test('intervals as microseconds and as text', () => {
  const string = { options: { 'interval.handling.mode': 'string' } } as const;
  const text = '1 year 2 mons 3 days 04:05:06.78';
  check([
    ['interval', {}, text, '37091106780000'],
    ['interval', {}, '1 mon -1 days', '2543400000000'],
    ['interval', {}, '-00:00:00.000001', '-1'],
    ['interval', {}, '1000 years', '31557600000000000'],
    ['interval', string, text, '"P1Y2M3DT4H5M6.78S"'],
    ['interval', string, '-1 years -2 mons +3 days -04:05:06.78', '"P-1Y-2M3DT-4H-5M-6.78S"'],
    ['interval', string, '00:00:00', '"P0Y0M0DT0H0M0S"'],
    ['interval', string, '-00:00:00.5', '"P0Y0M0DT0H0M-0.5S"'],
    // Not Debezium's: it counts in doubles and cuts the last microsecond off.
    ['interval', {}, '00:00:01.000009', '1000009'],
  ]);
});

test('binary in each handling mode', () => {
  const mode = (name: string): ColumnChoices => ({ options: { 'binary.handling.mode': name } as never });
  check([
    ['bytea', {}, '\\x010203', '"AQID"'],
    ['bytea', {}, '\\x', '""'],
    ['bytea', mode('base64'), '\\xfffe', '"//4="'],
    ['bytea', mode('base64-url-safe'), '\\xfffe', '"__4="'],
    ['bytea', mode('hex'), '\\x0A0b', '"0a0b"'],
    ['bit', { modifier: 1 }, '1', 'true'],
    ['varbit', { modifier: 1 }, '', 'false'],
    ['bit', { modifier: 24 }, '000000110000001000000001', '"AQID"'],
    ['bit', { modifier: 2 }, '00', '""'],
    ['varbit', {}, '101', '"BQ=="'],
  ]);
});

test('hstore in the order of Java’s hash map', () => {
  const text = '"k"=>"v", "k2"=>NULL, "q\\"x"=>"a\\\\b"';
  check([
    ['hstore', {}, text, '"{\\"q\\\\\\"x\\":\\"a\\\\\\\\b\\",\\"k2\\":null,\\"k\\":\\"v\\"}"'],
    ['hstore', { options: { 'hstore.handling.mode': 'map' } }, text, '{"q\\"x":"a\\\\b","k2":null,"k":"v"}'],
    ['hstore', {}, '', '"{}"'],
    ['hstore', {}, '"a"=>"\u001f"', '"{\\"a\\":\\"\\\\u001F\\"}"'],
  ]);
});

test('points, vectors and geometries', () => {
  check([
    ['point', {}, '(1,1)', '{"x":1.0,"y":1.0,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAPA/","srid":null}'],
    ['point', {}, '(-0.5,1e+21)', '{"x":-0.5,"y":1.0E21,"wkb":"AQEAAAAAAAAAAADgv1Dv4tbkGktE","srid":null}'],
    ['vector', {}, '[1,2,3]', '[1.0,2.0,3.0]'],
    ['halfvec', {}, '[0.099975586,3]', '[0.099975586,3.0]'],
    ['sparsevec', {}, '{1:2,3:4}/5', '{"dimensions":5,"vector":[[1,2.0],[3,4.0]]}'],
    [
      'geometry',
      {},
      '0101000020E6100000000000000000F03F0000000000000040',
      '{"wkb":"AQEAACDmEAAAAAAAAAAA8D8AAAAAAAAAQA==","srid":4326}',
    ],
    [
      'geography[]',
      {},
      '{0101000000000000000000F03F0000000000000040:NULL}',
      '[{"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":null},null]',
    ],
  ]);
});

test('arrays hold what their elements would be alone', () => {
  check([
    ['int4[]', {}, '{1,NULL,3}', '[1,null,3]'],
    ['text[]', {}, '{a,"b c","q\\"x",NULL,"NULL"}', '["a","b c","q\\"x",null,"NULL"]'],
    ['numeric[]', {}, '{1.10,NULL}', '[{"scale":1,"value":"Cw=="},null]'],
    ['numeric[]', { modifier: modifier(10, 2) }, '{1.10,2.00}', '["bg==","AMg="]'],
    ['timestamptz[]', { modifier: 3 }, '{"2016-11-04 11:51:30.1+00"}', '["2016-11-04T11:51:30.100Z"]'],
    ['bytea[]', {}, '{"\\\\x0102",NULL}', '["AQI=",null]'],
    ['hstore[]', {}, '{"\\"a\\"=>\\"1\\""}', '["{\\"a\\":\\"1\\"}"]'],
    ['mood[]', {}, '{sad,"it\'s, ok"}', '["sad","it\'s, ok"]'],
    ['numbers', {}, '{1,2}', '[1,2]'],
    // Not Debezium's from here on.
    ['time[]', {}, '{13:51:30.123456}', '[49890123456]'],
    ['timetz[]', {}, '{13:51:30.123456+02}', '["11:51:30.123456Z"]'],
    ['date[]', {}, '{"0044-03-15 BC",infinity}', '[-735160,2147483647]'],
    ['int4[]', {}, '[0:1][0:1]={{1,2},{3,4}}', '[1,2,3,4]'],
    ['mood[]', {}, '{NULL,sad}', '[null,"sad"]'],
    ['bit[]', { modifier: 3 }, '{101,NULL}', '["BQ==",null]'],
  ]);
});

test('domains are their base type with the modifier of the chain', () => {
  check([
    ['price', {}, '2.500', '"CcQ="'],
    ['price2', {}, '-99999.999', '"+gofAQ=="'],
    ['moods', {}, 'sad', '"sad"'],
  ]);
});

test('types without a mapping are left out, or appear as the bytes of their text', () => {
  const included: ColumnChoices = { options: { 'include.unknown.datatypes': true, 'binary.handling.mode': 'hex' } };
  for (const type of ['tsquery', 'pair', 'box', 'pair[]', 'price[]', 'box[]', 'money[]']) {
    assert.equal(maybeCodec(type), null, type);
  }
  for (const type of ['money[]', 'name[]', 'interval[]', 'varbit[]', 'xml[]', 'point[]']) {
    assert.equal(maybeCodec(type, included), null, type);
  }
  const hex = (text: string): string => Buffer.from(text).toString('hex');
  check([
    ['pair', included, '(1,x)', `"${hex('(1,x)')}"`],
    ['pair[]', included, '{"(1,a)"}', `["${hex('(1,a)')}"]`],
    ['price[]', included, '{1,2}', `["${hex('1')}","${hex('2')}"]`],
    ['box', included, '(3,4),(1,2.5)', `"${hex('(3.0,4.0),(1.0,2.5)')}"`],
    ['circle', included, '<(1,-1e+21),3>', `"${hex('<(1.0,-1.0E21),3.0>')}"`],
    [
      'box[]',
      included,
      '{(3,4),(1,2);(1,1),(0,0)}',
      `["${hex('(3.0,4.0),(1.0,2.0)')}","${hex('(1.0,1.0),(0.0,0.0)')}"]`,
    ],
  ]);
});

test('a value that has no form fails, and the error does not show it', () => {
  const nanos: ColumnChoices = { options: { 'time.precision.mode': 'nanoseconds' } };
  const rows: [string, ColumnChoices, string][] = [
    ['numeric', {}, 'NaN'],
    ['numeric', { modifier: modifier(6, 2) }, 'Infinity'],
    ['timestamp', nanos, '2262-04-11 23:47:16.854776'],
    ['timestamp', nanos, '1677-09-21 00:12:43.145223'],
    ['timestamp', {}, '294276-12-31 23:59:59.999999'],
    ['interval', {}, '178000000 years'],
  ];
  for (const [type, choices, text] of rows) {
    assert.throws(
      () => jsonOf(codecOf(type, choices), text),
      (error) =>
        error instanceof TailraceError &&
        error.code === 'source.value' &&
        error.remedy !== undefined &&
        !error.message.includes(text.slice(0, 9)) === text.length > 8,
      `${type} ${text}`,
    );
  }
  assert.equal(jsonOf(codecOf('timestamp', nanos), '2262-04-11 23:47:16.854775'), '9223372036854775000');
});

test('malformed text is refused by both roads', () => {
  const rows: [string, string][] = [
    ['int4', '1x'],
    ['int8', ''],
    ['float8', '0x10'],
    ['bool', 'true'],
    ['numeric', '1,5'],
    ['date', '2016-1-1'],
    ['timestamp', 'now'],
    ['timestamptz', '2016-11-04 1x:51:30+00'],
    ['bytea', '\\x0'],
    ['int4[]', '{1'],
    ['int4[]', '{x}'],
  ];
  for (const [type, text] of rows) {
    const codec = codecOf(type);
    const bytes = Buffer.from(text);
    assert.throws(() => codec.read(bytes, 0, bytes.length), { name: 'DecodeError' }, `${type} ${text}`);
    assert.throws(() => jsonOf(codec, text), { name: 'DecodeError' }, `${type} ${text}`);
  }
});
