import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArray } from '../../../../decoders/pgoutput/text/array.ts';
import { parseBits } from '../../../../decoders/pgoutput/text/bits.ts';
import { parseBytea } from '../../../../decoders/pgoutput/text/bytea.ts';
import { parseEwkb } from '../../../../decoders/pgoutput/text/ewkb.ts';
import { parseHstore } from '../../../../decoders/pgoutput/text/hstore.ts';
import { parseInterval } from '../../../../decoders/pgoutput/text/interval.ts';
import { parsePoint } from '../../../../decoders/pgoutput/text/point.ts';
import { parseSparseVector, parseVector } from '../../../../decoders/pgoutput/text/vector.ts';

function whole<T>(text: string, parse: (bytes: Buffer, start: number, end: number) => T): T {
  const bytes = Buffer.from(`{${text}}`);
  return parse(bytes, 1, bytes.length - 1);
}

function elements(text: string, delimiter?: number): (string | null)[] {
  const bytes = Buffer.from(text);
  return parseArray(bytes, 0, bytes.length, delimiter).elements.map((element) => element?.toString() ?? null);
}

test('array elements keep quotes, backslashes, NULL and "NULL" apart', () => {
  assert.deepEqual(elements('{}'), []);
  assert.deepEqual(elements('{1,NULL,3}'), ['1', null, '3']);
  assert.deepEqual(elements('{a,"b c","q\\"x","NULL","","\\\\",é😀}'), ['a', 'b c', 'q"x', 'NULL', '', '\\', 'é😀']);
  assert.deepEqual(elements('{"a,b","{x}"}'), ['a,b', '{x}']);
});

test('arrays of several dimensions and other lower bounds come in row-major order', () => {
  const bytes = Buffer.from('[0:1][2:3]={{1,2},{3,NULL}}');
  assert.equal(parseArray(bytes, 0, bytes.length).dimensions, 2);
  assert.deepEqual(elements('[0:1][2:3]={{1,2},{3,NULL}}'), ['1', '2', '3', null]);
  assert.deepEqual(elements('[5:6]={5,6}'), ['5', '6']);
  assert.deepEqual(elements('{{{1},{2}}}'), ['1', '2']);
});

test('an array has the delimiter of its element type', () => {
  assert.deepEqual(elements('{(1,1),(0,0);(3,3),(2,2)}', 0x3b), ['(1,1),(0,0)', '(3,3),(2,2)']);
});

test('no cut of an array is an array', () => {
  const text = '[0:1]={"a,b",NULL,{x,"\\"}"}}';
  for (let length = 0; length < text.length; length++) {
    const bytes = Buffer.from(text);
    assert.throws(() => parseArray(bytes, 0, length), { name: 'DecodeError' }, text.slice(0, length));
  }
  for (const wrong of ['{,}', '{1,}', '{1}2', '{1}{2}', '1', '{"a"b}', '{{1}', '[0:1]', '{{},}'])
    assert.throws(() => elements(wrong), { name: 'DecodeError' }, wrong);
});

test('bytea is read in hex and in escape form', () => {
  assert.equal(whole('\\x010203fF', parseBytea).toString('hex'), '010203ff');
  assert.equal(whole('\\x', parseBytea).length, 0);
  assert.equal(whole('', parseBytea).length, 0);
  assert.equal(whole('a\\\\b\\000\\377', parseBytea).toString('hex'), '615c6200ff');
  for (const wrong of ['\\x0', '\\xg0', '\\', '\\4', '\\400', '\\08x'])
    assert.throws(() => whole(wrong, parseBytea), { name: 'DecodeError' }, wrong);
});

test('bits become little-endian bytes up to the highest 1', () => {
  assert.equal(whole('000000110000001000000001', parseBits).toString('hex'), '010203');
  assert.equal(whole('00', parseBits).length, 0);
  assert.equal(whole('', parseBits).length, 0);
  assert.equal(whole('100000000', parseBits).toString('hex'), '0001');
  assert.throws(() => whole('102', parseBits), { name: 'DecodeError' });
});

test('hstore pairs keep NULL, quotes and what looks like syntax', () => {
  assert.deepEqual(parseHstore(''), []);
  assert.deepEqual(parseHstore('"k"=>"v", "k2"=>NULL, "q\\"x"=>"a\\\\b", "="=>">, \\"NULL\\"", "n"=>"NULL"'), [
    ['k', 'v'],
    ['k2', null],
    ['q"x', 'a\\b'],
    ['=', '>, "NULL"'],
    ['n', 'NULL'],
  ]);
  for (const wrong of ['k=>v', '"k"', '"k"=>', '"k"=>"v"x', '"k"=>"v" "l"=>"w"'])
    assert.throws(() => parseHstore(wrong), { name: 'DecodeError' }, wrong);
});

test('the parts of an interval keep their signs', () => {
  const zero = { years: 0, months: 0, days: 0, hours: 0, minutes: 0, micros: 0 };
  assert.deepEqual(parseInterval('00:00:00'), zero);
  assert.deepEqual(parseInterval('1 year 2 mons 3 days 04:05:06.78'), {
    years: 1,
    months: 2,
    days: 3,
    hours: 4,
    minutes: 5,
    micros: 6_780_000,
  });
  assert.deepEqual(parseInterval('-1 years -2 mons +3 days -04:05:06.78'), {
    years: -1,
    months: -2,
    days: 3,
    hours: -4,
    minutes: -5,
    micros: -6_780_000,
  });
  assert.deepEqual(parseInterval('1 mon -1 days'), { ...zero, months: 1, days: -1 });
  assert.deepEqual(parseInterval('-00:00:00.000001'), { ...zero, micros: -1 });
  assert.deepEqual(parseInterval('2562047788:00:54.775807').hours, 2_562_047_788);
  assert.equal(parseInterval('infinity').days, Number.POSITIVE_INFINITY);
  for (const wrong of ['', 'P1Y', '1 day 2 years', '1 fortnight', '1:2:3', '1 day ', '04:05'])
    assert.throws(() => parseInterval(wrong), { name: 'DecodeError' }, wrong);
});

test('points and vectors are read with every float there is', () => {
  assert.deepEqual(parsePoint('(-0.5,1e+21)'), { x: -0.5, y: 1e21 });
  assert.deepEqual(parsePoint('(Infinity,NaN)'), { x: Number.POSITIVE_INFINITY, y: Number.NaN });
  assert.deepEqual(parseVector('[1,2.5,-3e-05]'), [1, 2.5, -3e-5]);
  assert.deepEqual(parseSparseVector('{1:2,3:4.5}/5'), {
    dimensions: 5,
    elements: [
      [1, 2],
      [3, 4.5],
    ],
  });
  assert.deepEqual(parseSparseVector('{}/3'), { dimensions: 3, elements: [] });
  for (const wrong of ['(1)', '1,2', '(1,)', '(1,0x2)'])
    assert.throws(() => parsePoint(wrong), { name: 'DecodeError' });
  for (const wrong of ['[]', '[1,,2]', '1,2', '[1'])
    assert.throws(() => parseVector(wrong), { name: 'DecodeError' }, wrong);
  for (const wrong of ['{1:2}', '{1}/2', '{1:2,}/3'])
    assert.throws(() => parseSparseVector(wrong), { name: 'DecodeError' }, wrong);
});

test('EWKB keeps its bytes and tells its SRID in either byte order', () => {
  assert.deepEqual(whole('0101000020E6100000000000000000F03F0000000000000040', parseEwkb).srid, 4326);
  assert.deepEqual(whole('0020000001000010E63FF00000000000004000000000000000', parseEwkb).srid, 4326);
  const plain = whole('0101000000000000000000F03F0000000000000040', parseEwkb);
  assert.equal(plain.srid, null);
  assert.equal(plain.ewkb.length, 21);
  for (const wrong of ['', '01', '0201000000000000000000', '0101000020E610000'])
    assert.throws(() => whole(wrong, parseEwkb), { name: 'DecodeError' }, wrong);
});
