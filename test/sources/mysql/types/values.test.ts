import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import type { ValueSink } from '../../../../src/model/codec.ts';
import { TailraceError } from '../../../../src/model/errors.ts';
import type { ValueForm } from '../../../../src/sources/mysql/types/value-form.ts';
import { binlogForm, type ColumnChoices, codecOf, jsonOf, TEXT_FORM } from './codec-fixture.ts';

interface Case {
  readonly type: string;
  readonly choices?: ColumnChoices;
  /** Of the text protocol. */
  readonly text: string | Buffer;
  readonly form: ValueForm;
  readonly bytes: Buffer;
  readonly json: string;
}

/** Each value in both forms. */
function check(cases: readonly Case[]): void {
  for (const { type, choices, text, form, bytes, json } of cases) {
    const where = `${type} ${JSON.stringify(choices ?? {})} ${json}`;
    assert.equal(jsonOf(codecOf(type, TEXT_FORM, choices), Buffer.from(text)), json, `${where} of text`);
    assert.equal(jsonOf(codecOf(type, form, choices), bytes), json, `${where} of the binlog`);
  }
}

const hex = (digits: string) => Buffer.from(digits, 'hex');

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function float64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

/** Big-endian, `size` bytes. */
function bigEndian(value: bigint, size: number): Buffer {
  return hex(
    BigInt.asUintN(size * 8, value)
      .toString(16)
      .padStart(size * 2, '0'),
  );
}

/** Fractions have a byte for two digits. */
const fractionBytes = (digits: number) => (digits + 1) >> 1;
const fraction = (micros: number, digits: number) => Math.trunc(micros / 10 ** (6 - 2 * fractionBytes(digits)));

function date(year: number, month: number, day: number): Buffer {
  const packed = (year << 9) | (month << 5) | day;
  return Buffer.from([packed & 255, (packed >> 8) & 255, packed >> 16]);
}

function dateTime(
  [year, month, day]: number[],
  [hour, minute, second]: number[],
  micros: number,
  digits: number,
): Buffer {
  const days = BigInt(((year! * 13 + month!) << 5) | day!);
  const packed = (days << 17n) | BigInt((hour! << 12) | (minute! << 6) | second!);
  const size = fractionBytes(digits);
  return Buffer.concat([bigEndian(packed + 0x80_0000_0000n, 5), bigEndian(BigInt(fraction(micros, digits)), size)]);
}

/** Signed microseconds. */
function time(micros: number, digits: number): Buffer {
  const magnitude = Math.abs(micros);
  const seconds = Math.floor(magnitude / 1e6);
  const whole = (Math.floor(seconds / 3600) << 12) | ((Math.floor(seconds / 60) % 60) << 6) | (seconds % 60);
  const bits = BigInt(8 * fractionBytes(digits));
  const packed = (BigInt(whole) << bits) | BigInt(fraction(magnitude % 1e6, digits));
  return bigEndian((micros < 0 ? -packed : packed) + (0x80_0000n << bits), 3 + fractionBytes(digits));
}

function timestamp(micros: number, digits: number): Buffer {
  const seconds = Math.floor(micros / 1e6);
  return Buffer.concat([
    bigEndian(BigInt(seconds), 4),
    bigEndian(BigInt(fraction(micros % 1e6, digits)), fractionBytes(digits)),
  ]);
}

test('integers keep their range, unsigned ones too', () => {
  const precise: ColumnChoices = { options: { 'bigint.unsigned.handling.mode': 'precise' } };
  const tiny = binlogForm('tiny');
  const long = binlogForm('long');
  const longlong = binlogForm('longlong');
  check([
    { type: 'tinyint', text: '-128', form: tiny, bytes: hex('80'), json: '-128' },
    { type: 'tinyint unsigned', text: '255', form: tiny, bytes: hex('ff'), json: '255' },
    { type: 'smallint', text: '-2', form: binlogForm('short'), bytes: hex('feff'), json: '-2' },
    { type: 'smallint unsigned', text: '65535', form: binlogForm('short'), bytes: hex('ffff'), json: '65535' },
    { type: 'mediumint', text: '-8388608', form: binlogForm('int24'), bytes: hex('000080'), json: '-8388608' },
    { type: 'mediumint unsigned', text: '16777215', form: binlogForm('int24'), bytes: hex('ffffff'), json: '16777215' },
    { type: 'int', text: '-2147483648', form: long, bytes: hex('00000080'), json: '-2147483648' },
    { type: 'int unsigned', text: '4294967295', form: long, bytes: hex('ffffffff'), json: '4294967295' },
    { type: 'int(5) unsigned zerofill', text: '00042', form: long, bytes: hex('2a000000'), json: '42' },
    { type: 'int(5) unsigned zerofill', text: '00000', form: long, bytes: hex('00000000'), json: '0' },
    { type: 'boolean', text: '5', form: tiny, bytes: hex('05'), json: '5' },
    { type: 'bool', text: '0', form: tiny, bytes: hex('00'), json: '0' },
  ]);
  const wide: readonly (readonly [string, ColumnChoices, bigint, string])[] = [
    ['bigint', {}, -(2n ** 63n), '-9223372036854775808'],
    ['bigint', {}, -1n, '-1'],
    ['bigint', {}, 2n ** 32n, '4294967296'],
    ['bigint', {}, 2n ** 53n - 1n, '9007199254740991'],
    ['bigint', {}, 2n ** 53n + 1n, '9007199254740993'],
    ['bigint', {}, -(2n ** 53n) - 1n, '-9007199254740993'],
    ['bigint unsigned', {}, 2n ** 63n - 1n, '9223372036854775807'],
    // Beyond it wraps, as in Debezium.
    ['bigint unsigned', {}, 2n ** 64n - 1n, '-1'],
    ['bigint unsigned', {}, 2n ** 63n, '-9223372036854775808'],
    ['bigint unsigned', precise, 2n ** 64n - 1n, '"AP//////////"'],
    ['bigint unsigned', precise, 2n ** 53n, '"IAAAAAAAAA=="'],
    ['bigint unsigned', precise, 5n, '"BQ=="'],
  ];
  check(
    wide.map(([type, choices, value, json]) => {
      return { type, choices, text: String(value), form: longlong, bytes: bigEndian(value, 8).reverse(), json };
    }),
  );
});

test('decimals in each handling mode', () => {
  const double: ColumnChoices = { options: { 'decimal.handling.mode': 'double' } };
  const string: ColumnChoices = { options: { 'decimal.handling.mode': 'string' } };
  const form = binlogForm('newdecimal', 10 * 256 + 2);
  const wide = binlogForm('newdecimal', 20 * 256);
  const max = '18446744073709551615';
  check([
    { type: 'decimal(10,2)', text: '1234.11', form, bytes: hex('800004d20b'), json: '"AeIT"' },
    { type: 'decimal(10,2)', text: '-1234.11', form, bytes: hex('7ffffb2df4'), json: '"/h3t"' },
    { type: 'decimal(10,2)', text: '0.00', form, bytes: hex('8000000000'), json: '"AA=="' },
    { type: 'decimal(10,2)', choices: double, text: '-1234.11', form, bytes: hex('7ffffb2df4'), json: '-1234.11' },
    { type: 'decimal(10,2)', choices: string, text: '-0.01', form, bytes: hex('7ffffffffe'), json: '"-0.01"' },
    {
      type: 'decimal(10,2) zerofill',
      choices: string,
      text: '00000012.50',
      form,
      bytes: hex('8000000c32'),
      json: '"12.50"',
    },
    {
      type: 'decimal',
      text: '42',
      form: binlogForm('newdecimal', 10 * 256),
      bytes: hex('800000002a'),
      json: '"Kg=="',
    },
    { type: 'numeric(20,0)', text: max, form: wide, bytes: hex('921aa0c6092a4ae5ff'), json: '"AP//////////"' },
  ]);
});

test('a decimal whose digits of fraction are not those of the schema is an error', () => {
  const codec = codecOf('decimal(10,3)', binlogForm('newdecimal', 10 * 256 + 2));
  assert.throws(() => codec.read(hex('8000000000'), 0, 5), DecodeError);
});

test('floats are the number that is stored', () => {
  const single = binlogForm('float', 4);
  const double = binlogForm('double', 8);
  check([
    { type: 'float', text: String(Math.fround(3.3)), form: single, bytes: float32(3.3), json: '3.3' },
    { type: 'float', text: '1.401298464324817e-45', form: single, bytes: hex('01000000'), json: '1.4E-45' },
    { type: 'float', text: '-0', form: single, bytes: float32(-0), json: '-0.0' },
    {
      type: 'float(7,3)',
      text: '1234.5670166015625',
      form: single,
      bytes: float32(1234.567),
      json: '1234.5670166015625',
    },
    { type: 'float(30)', text: '0.1', form: double, bytes: float64(0.1), json: '0.1' },
    { type: 'double', text: '1e20', form: double, bytes: float64(1e20), json: '1.0E20' },
    {
      type: 'double',
      text: '-1.7976931348623157e308',
      form: double,
      bytes: float64(-Number.MAX_VALUE),
      json: '-1.7976931348623157E308',
    },
    { type: 'double(10,4)', text: '123456.7891', form: double, bytes: float64(123456.7891), json: '123456.7891' },
    { type: 'real', text: '0.1', form: double, bytes: float64(0.1), json: '0.1' },
  ]);
});

test('bits are little-endian and padded', () => {
  check([
    { type: 'bit(1)', text: hex('01'), form: binlogForm('bit', 1), bytes: hex('01'), json: 'true' },
    { type: 'bit', text: hex('00'), form: binlogForm('bit', 1), bytes: hex('00'), json: 'false' },
    { type: 'bit(12)', text: hex('0a05'), form: binlogForm('bit', 12), bytes: hex('0a05'), json: '"BQo="' },
    {
      type: 'bit(64)',
      text: hex('8000000000000001'),
      form: binlogForm('bit', 64),
      bytes: hex('8000000000000001'),
      json: '"AQAAAAAAAIA="',
    },
  ]);
});

test('labels of enums and sets keep their commas and astral characters', () => {
  const type = "enum('a','b,c','é😀')";
  const form = binlogForm('enum', 1);
  const set = "set('x','y','z')";
  const members = Array.from({ length: 64 }, (_, i) => `'m${i + 1}'`).join();
  check([
    { type, text: 'b,c', form, bytes: hex('02'), json: '"b,c"' },
    { type, text: 'é😀', form, bytes: hex('03'), json: '"é\\uD83D\\uDE00"' },
    // What the server stores for an invalid value.
    { type, text: '', form, bytes: hex('00'), json: '""' },
    { type: set, text: 'x,z', form: binlogForm('set', 1), bytes: hex('05'), json: '"x,z"' },
    { type: set, text: '', form: binlogForm('set', 1), bytes: hex('00'), json: '""' },
    {
      type: `set(${members})`,
      text: 'm1,m64',
      form: binlogForm('set', 8),
      bytes: hex('0100000000000080'),
      json: '"m1,m64"',
    },
  ]);
  const codec = codecOf(type, form);
  assert.deepEqual(codec.schema.parameters, { allowed: 'a,b\\,c,é😀' });
  assert.throws(() => codec.read(hex('04'), 0, 1), DecodeError);
  assert.throws(() => codecOf(set, binlogForm('set', 1)).read(hex('08'), 0, 1), DecodeError);
});

test('labels of values come from the table map where it has them: DDL loses astral characters', () => {
  const form = binlogForm('enum', 1);
  assert.ok(form.kind === 'binlog');
  const column = { ...form.column, members: [Buffer.from('é😀')] };
  assert.equal(jsonOf(codecOf("enum('é?')", { ...form, column }), hex('01')), '"é\\uD83D\\uDE00"');
});

test('text is decoded by the character set of its column', () => {
  const form = binlogForm('varchar', 100);
  const rows: readonly (readonly [string | null, string, string])[] = [
    ['utf8mb4', 'c3a9f09f9880', '"é\\uD83D\\uDE00"'],
    [null, 'c3a9', '"é"'],
    ['utf8', 'e282ac', '"€"'],
    ['utf8mb4', '61'.repeat(100), `"${'a'.repeat(100)}"`],
    ['latin1', '80e9', '"€é"'],
    ['latin1', '6162', '"ab"'],
    ['latin1', '22', '"\\""'],
    ['swe7', '5b', '"Ä"'],
    ['gbk', 'c4e3', '"你"'],
    ['sjis', '835c', '"ソ"'],
    ['utf16', '00e9d83dde00', '"é\\uD83D\\uDE00"'],
    ['ucs2', '0061', '"a"'],
    ['ascii', '', '""'],
  ];
  check(
    rows.map(([charset, digits, json]) => {
      return { type: 'varchar(100)', choices: { charset }, text: hex(digits), form, bytes: hex(digits), json };
    }),
  );
});

test('UTF-8 is passed on as it is just where the platform says that it is UTF-8', () => {
  const { write } = codecOf('text', TEXT_FORM, { charset: 'utf8mb4' });
  let isPassedOn = false;
  const utf8 = () => {
    isPassedOn = true;
  };
  const sink = { utf8, string: () => {} } as unknown as ValueSink;
  const leads = [0x61, 0x80, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff];
  const others = [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0];
  for (const lead of leads) {
    for (const [i, second] of others.entries()) {
      for (const third of others) {
        for (const length of [1, 2, 3, 4]) {
          const bytes = Buffer.from([lead, second, third, others[7 - i]!].slice(0, length));
          isPassedOn = false;
          try {
            write(sink, bytes, 0, length);
          } catch (error) {
            assert.ok(error instanceof DecodeError);
          }
          assert.equal(isPassedOn, isUtf8(bytes), bytes.toString('hex'));
        }
      }
    }
  }
});

test('bytes that are no text of the character set are an error, without the bytes', () => {
  for (const [charset, digits] of [
    ['utf8mb4', 'c328'],
    ['utf8mb4', `${'61'.repeat(100)}ff`],
    ['utf16', '00'],
    ['gbk', 'ff'],
  ] as const) {
    const codec = codecOf('text', TEXT_FORM, { charset });
    assert.throws(() => jsonOf(codec, hex(digits)), DecodeError, charset);
  }
});

test('a column in a character set that no server has cannot be read', () => {
  assert.throws(
    () => codecOf('text', TEXT_FORM, { charset: 'klingon' }),
    (error) => error instanceof TailraceError && error.code === 'source.type' && /klingon/.test(error.message),
  );
});

test('binary strings in each handling mode, padded to the length of BINARY', () => {
  const mode = (name: string): ColumnChoices => ({ options: { 'binary.handling.mode': name as never } });
  const char = binlogForm('string', 4);
  const blob = binlogForm('blob', 2);
  check([
    { type: 'binary(4)', text: hex('01020000'), form: char, bytes: hex('0102'), json: '"AQIAAA=="' },
    { type: 'binary(4)', text: hex('01020304'), form: char, bytes: hex('01020304'), json: '"AQIDBA=="' },
    { type: 'binary(4)', choices: mode('hex'), text: hex('00000000'), form: char, bytes: hex(''), json: '"00000000"' },
    {
      type: 'char(4)',
      choices: { charset: 'binary' },
      text: hex('01000000'),
      form: char,
      bytes: hex('01'),
      json: '"AQAAAA=="',
    },
    { type: 'varbinary(4)', text: hex('0100'), form: binlogForm('varchar', 4), bytes: hex('0100'), json: '"AQA="' },
    { type: 'blob', choices: mode('base64'), text: hex('fbff'), form: blob, bytes: hex('fbff'), json: '"+/8="' },
    {
      type: 'blob',
      choices: mode('base64-url-safe'),
      text: hex('fbff'),
      form: blob,
      bytes: hex('fbff'),
      json: '"-_8="',
    },
    { type: 'blob', choices: mode('hex'), text: hex('FBFF'), form: blob, bytes: hex('fbff'), json: '"fbff"' },
    { type: 'text', choices: { charset: 'binary' }, text: hex('ff'), form: blob, bytes: hex('ff'), json: '"/w=="' },
  ]);
  assert.throws(() => codecOf('binary(2)', char).read(hex('010203'), 0, 3), DecodeError);
});

test('JSON is the server’s text without spaces, also where a document comes as text in the binlog', () => {
  const text = '{"a": [1, 2.0, "x, y: \\"z\\\\", null], "é": {}}';
  const json = `"${'{"a":[1,2.0,"x, y: \\"z\\\\",null],"é":{}}'.replace(/["\\]/g, '\\$&')}"`;
  const form = binlogForm('json', 4);
  check([
    { type: 'json', text, form, bytes: Buffer.concat([hex('ff'), Buffer.from(text)]), json },
    { type: 'json', text: '[1, "a"]', form, bytes: hex('0202000c000501000c0a000161'), json: '"[1,\\"a\\"]"' },
    { type: 'json', text: 'null', form, bytes: hex(''), json: '"null"' },
    // MariaDB's JSON is text.
    {
      type: 'json',
      text: '{"a" : 1}',
      form: binlogForm('blob', 4),
      bytes: Buffer.from('{"a" : 1}'),
      json: '"{\\"a\\":1}"',
    },
  ]);
  assert.throws(() => codecOf('json', TEXT_FORM).read(Buffer.from('"abc'), 0, 4), DecodeError);
});

test('years, 0000 among them', () => {
  check([
    { type: 'year', text: '2155', form: binlogForm('year'), bytes: hex('ff'), json: '2155' },
    { type: 'year', text: '1901', form: binlogForm('year'), bytes: hex('01'), json: '1901' },
    { type: 'year', text: '0000', form: binlogForm('year'), bytes: hex('00'), json: '0' },
  ]);
});

const timeMode = (mode: string): ColumnChoices => ({ options: { 'time.precision.mode': mode as never } });

test('dates in each precision mode', () => {
  const form = binlogForm('date');
  const bytes = date(2016, 11, 4);
  const text = '2016-11-04';
  check([
    { type: 'date', text, form, bytes, json: '17109' },
    { type: 'date', choices: timeMode('connect'), text, form, bytes, json: '17109' },
    { type: 'date', choices: timeMode('isostring'), text, form, bytes, json: '"2016-11-04Z"' },
    { type: 'date', text: '0001-01-01', form, bytes: date(1, 1, 1), json: '-719162' },
    {
      type: 'date',
      choices: timeMode('isostring'),
      text: '0000-03-01',
      form,
      bytes: date(0, 3, 1),
      json: '"0000-03-01Z"',
    },
    { type: 'date', text: '9999-12-31', form, bytes: date(9999, 12, 31), json: '2932896' },
    { type: 'date', text: '2000-02-29', form, bytes: date(2000, 2, 29), json: '11016' },
  ]);
});

test('dates with times in each precision mode', () => {
  const six = binlogForm('datetime2', 6);
  const bytes = dateTime([2018, 6, 20], [6, 37, 3], 123_456, 6);
  const text = '2018-06-20 06:37:03.123456';
  const none = binlogForm('datetime2', 0);
  check([
    {
      type: 'datetime',
      text: '2018-06-20 06:37:03',
      form: none,
      bytes: dateTime([2018, 6, 20], [6, 37, 3], 0, 0),
      json: '1529476623000',
    },
    {
      type: 'datetime(3)',
      text: '1969-12-31 23:59:59.999',
      form: binlogForm('datetime2', 3),
      bytes: dateTime([1969, 12, 31], [23, 59, 59], 999_000, 3),
      json: '-1',
    },
    { type: 'datetime(6)', text, form: six, bytes, json: '1529476623123456' },
    { type: 'datetime(6)', choices: timeMode('connect'), text, form: six, bytes, json: '1529476623123' },
    { type: 'datetime(6)', choices: timeMode('nanoseconds'), text, form: six, bytes, json: '1529476623123456000' },
    {
      type: 'datetime(6)',
      choices: timeMode('isostring'),
      text,
      form: six,
      bytes,
      json: '"2018-06-20T06:37:03.123456Z"',
    },
    {
      type: 'datetime',
      choices: timeMode('microseconds'),
      text: '2018-06-20 06:37:03',
      form: none,
      bytes: dateTime([2018, 6, 20], [6, 37, 3], 0, 0),
      json: '1529476623000000',
    },
    {
      type: 'datetime(6)',
      text: '9999-12-31 23:59:59.999999',
      form: six,
      bytes: dateTime([9999, 12, 31], [23, 59, 59], 999_999, 6),
      json: '253402300799999999',
    },
    // Early dates are what the server says, not years of this century.
    {
      type: 'datetime',
      text: '0050-01-01 00:00:00',
      form: none,
      bytes: dateTime([50, 1, 1], [0, 0, 0], 0, 0),
      json: '-60589296000000',
    },
    {
      type: 'datetime(2)',
      choices: timeMode('isostring'),
      text: '1582-10-10 10:10:10.10',
      form: binlogForm('datetime2', 2),
      bytes: dateTime([1582, 10, 10], [10, 10, 10], 100_000, 2),
      json: '"1582-10-10T10:10:10.1Z"',
    },
  ]);
});

test('timestamps are text in UTC with the digits of their column', () => {
  const micros = Date.UTC(2018, 5, 20, 13, 37, 3) * 1000;
  check([
    {
      type: 'timestamp',
      text: '2018-06-20 13:37:03',
      form: binlogForm('timestamp2', 0),
      bytes: timestamp(micros, 0),
      json: '"2018-06-20T13:37:03Z"',
    },
    {
      type: 'timestamp(3)',
      text: '2018-06-20 13:37:03.000',
      form: binlogForm('timestamp2', 3),
      bytes: timestamp(micros, 3),
      json: '"2018-06-20T13:37:03.000Z"',
    },
    {
      type: 'timestamp(6)',
      choices: timeMode('connect'),
      text: '2018-06-20 13:37:03.000120',
      form: binlogForm('timestamp2', 6),
      bytes: timestamp(micros + 120, 6),
      json: '"2018-06-20T13:37:03.000120Z"',
    },
    {
      type: 'timestamp',
      text: '2106-02-07 06:28:15',
      form: binlogForm('timestamp2', 0),
      bytes: hex('ffffffff'),
      json: '"2106-02-07T06:28:15Z"',
    },
    {
      type: 'timestamp',
      text: '1970-01-01 00:00:01',
      form: binlogForm('timestamp'),
      bytes: hex('01000000'),
      json: '"1970-01-01T00:00:01Z"',
    },
  ]);
});

test('times are spans: negative ones and those beyond a day in the modes that can hold them', () => {
  const form = binlogForm('time2', 6);
  const span = { text: '-838:59:58.999999', form, bytes: time(-(838 * 3600 + 59 * 60 + 58) * 1e6 - 999_999, 6) };
  const ofDay = { text: '04:05:11.789120', form, bytes: time(14_711_789_120, 6) };
  const midnight = { text: '24:00:00.000000', form, bytes: time(86_400_000_000, 6) };
  check([
    { type: 'time(6)', ...span, json: '-3020398999999' },
    { type: 'time(6)', choices: timeMode('microseconds'), ...span, json: '-3020398999999' },
    { type: 'time(6)', choices: timeMode('nanoseconds'), ...span, json: '-3020398999999000' },
    {
      type: 'time',
      text: '838:59:59',
      form: binlogForm('time2', 0),
      bytes: time(3_020_399_000_000, 0),
      json: '3020399000000',
    },
    { type: 'time', text: '-00:00:01', form: binlogForm('time'), bytes: hex('ffffff'), json: '-1000000' },
    { type: 'time(6)', ...ofDay, json: '14711789120' },
    { type: 'time(6)', choices: timeMode('connect'), ...ofDay, json: '14711789' },
    { type: 'time(6)', choices: timeMode('isostring'), ...ofDay, json: '"04:05:11.78912Z"' },
    { type: 'time(6)', choices: timeMode('connect'), ...midnight, json: '86400000' },
    { type: 'time(6)', choices: timeMode('isostring'), ...midnight, json: '"00:00:00Z"' },
  ]);
  for (const mode of ['connect', 'isostring']) {
    for (const { text, bytes } of [span, { ...midnight, text: '24:00:00.000001', bytes: time(86_400_000_001, 6) }]) {
      const refusal = (error: unknown) =>
        error instanceof TailraceError && error.code === 'source.value' && !error.message.includes('838');
      assert.throws(() => jsonOf(codecOf('time(6)', TEXT_FORM, timeMode(mode)), Buffer.from(text)), refusal);
      assert.throws(() => jsonOf(codecOf('time(6)', form, timeMode(mode)), bytes), refusal);
    }
  }
});

test('nanoseconds of a date beyond 1677 and 2262 are an error that says what to do', () => {
  const codec = codecOf('datetime', TEXT_FORM, timeMode('nanoseconds'));
  assert.equal(jsonOf(codec, Buffer.from('2262-04-11 23:47:16')), '9223372036000000000');
  for (const text of ['2262-04-11 23:47:17', '1677-09-21 00:12:43']) {
    assert.throws(
      () => jsonOf(codec, Buffer.from(text)),
      (error) => error instanceof TailraceError && /time\.precision\.mode/.test(error.remedy!),
    );
  }
});

test('zero and partial dates are null, or what stands for it in a column that is NOT NULL', () => {
  const none = binlogForm('datetime2', 0);
  const zeros: readonly Omit<Case, 'json'>[] = [
    { type: 'date', text: '0000-00-00', form: binlogForm('date'), bytes: date(0, 0, 0) },
    { type: 'date', text: '2026-00-00', form: binlogForm('date'), bytes: date(2026, 0, 0) },
    { type: 'date', text: '2026-02-30', form: binlogForm('date'), bytes: date(2026, 2, 30) },
    { type: 'date', text: '1900-02-29', form: binlogForm('date'), bytes: date(1900, 2, 29) },
    { type: 'datetime', text: '0000-00-00 00:00:00', form: none, bytes: dateTime([0, 0, 0], [0, 0, 0], 0, 0) },
    { type: 'datetime', text: '2026-02-00 01:02:03', form: none, bytes: dateTime([2026, 2, 0], [1, 2, 3], 0, 0) },
  ];
  check(zeros.map((zero) => ({ ...zero, json: 'null' })));
  check(zeros.map((zero) => ({ ...zero, choices: { optional: false }, json: '0' })));
  const stamp = {
    type: 'timestamp(3)',
    text: '0000-00-00 00:00:00.000',
    form: binlogForm('timestamp2', 3),
    bytes: timestamp(0, 3),
  };
  check([
    { ...stamp, json: 'null' },
    { ...stamp, choices: { optional: false }, json: '"1970-01-01T00:00:00Z"' },
    // As NULL is, under a schema with a default.
    { ...zeros[0]!, choices: { defaultValue: '2020-01-01' }, json: '18262' },
    { ...zeros[0]!, choices: { optional: false, defaultValue: '2020-01-01' }, json: '18262' },
  ]);
});

test('points and geometries keep SRID and WKB', () => {
  const wkb = hex('0101000000000000000000f83f00000000000000c0');
  const point = (srid: string) => Buffer.concat([hex(srid), wkb]);
  const base64 = wkb.toString('base64');
  const form = binlogForm('geometry', 4);
  check([
    {
      type: 'point',
      text: point('00000000'),
      form,
      bytes: point('00000000'),
      json: `{"x":1.5,"y":-2.0,"wkb":"${base64}","srid":null}`,
    },
    {
      type: 'point',
      text: point('e6100000'),
      form,
      bytes: point('e6100000'),
      json: `{"x":1.5,"y":-2.0,"wkb":"${base64}","srid":4326}`,
    },
    {
      type: 'geometry',
      text: point('e6100000'),
      form,
      bytes: point('e6100000'),
      json: `{"wkb":"${base64}","srid":4326}`,
    },
    {
      type: 'geomcollection',
      text: hex('00000000010700000000000000'),
      form,
      bytes: hex('00000000010700000000000000'),
      json: '{"wkb":"AQcAAAAAAAAA","srid":null}',
    },
  ]);
  assert.throws(() => codecOf('point', form).read(hex('00000000010700000000000000'), 0, 13), DecodeError);
});

test('vectors are singles', () => {
  const bytes = Buffer.concat([float32(1), float32(-2.5), float32(0.1)]);
  check([{ type: 'vector(3)', text: bytes, form: binlogForm('vector', 4), bytes, json: '[1.0,-2.5,0.1]' }]);
  assert.throws(() => codecOf('vector(3)', TEXT_FORM).read(bytes, 0, 5), DecodeError);
});

test('MariaDB’s UUID and INET are the server’s text', () => {
  const form = binlogForm('string', 16);
  const uuid = '123e4567-e89b-12d3-a456-426614174000';
  check([
    { type: 'uuid', text: uuid, form, bytes: hex(uuid.replaceAll('-', '').slice(0, -2)), json: `"${uuid}"` },
    { type: 'inet4', text: '10.0.0.0', form, bytes: hex('0a'), json: '"10.0.0.0"' },
    { type: 'inet6', text: '2001:db8::1', form, bytes: hex('20010db8000000000000000000000001'), json: '"2001:db8::1"' },
  ]);
});

test('a value of another length than its type has is an error', () => {
  const short: readonly (readonly [string, ValueForm, string])[] = [
    ['int', binlogForm('long'), '010203'],
    ['bigint', binlogForm('longlong'), '01020304'],
    ['bigint unsigned', binlogForm('longlong'), '010203040506070809'],
    ['float', binlogForm('float', 4), '0102'],
    ['bit(9)', binlogForm('bit', 9), '01'],
    ['date', binlogForm('date'), '0102'],
    ['datetime(6)', binlogForm('datetime2', 6), '0102030405'],
    ['timestamp', binlogForm('timestamp2', 0), '01'],
    ['time', binlogForm('time2', 0), '01'],
    ['year', binlogForm('year'), ''],
    ['geometry', binlogForm('geometry', 4), '00000000'],
    ['uuid', binlogForm('string', 16), '00'.repeat(17)],
  ];
  for (const [type, form, digits] of short)
    assert.throws(() => jsonOf(codecOf(type, form), hex(digits)), DecodeError, type);
});

test('text that is no value of its type is an error that does not tell the text', () => {
  const wrong: readonly (readonly [string, string])[] = [
    ['int', ''],
    ['int', '12secret'],
    ['bigint', '1.5'],
    ['decimal(5,2)', 'secret'],
    ['double', 'secret'],
    ['date', '2020-1-1secret'],
    ['datetime', '2020-01-01 secret'],
    ['timestamp', '2020-01-01 00:00:00secret'],
    ['time', 'secret'],
    ['time', '900:00:00'],
    ['year', 'secret'],
  ];
  for (const [type, text] of wrong) {
    assert.throws(
      () => jsonOf(codecOf(type, TEXT_FORM), Buffer.from(text)),
      (error) => error instanceof DecodeError && !error.message.includes('secret'),
      `${type} ${text}`,
    );
  }
});
