import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMoney } from '../../../../decoders/pgoutput/text/money.ts';
import {
  createDecimal,
  type Decimal,
  formatDecimal,
  parseNumeric,
  rescale,
} from '../../../../decoders/pgoutput/text/numeric.ts';

function numeric(text: string): Decimal {
  const bytes = Buffer.from(`9${text}9`);
  const value = createDecimal();
  parseNumeric(bytes, 1, bytes.length - 1, value);
  return value;
}

test('a numeric is its unscaled value and scale, a bigint only where a number would not be exact', () => {
  assert.deepEqual(numeric('10.1111'), { unscaled: 101_111, scale: 4, special: null });
  assert.deepEqual(numeric('-0.00100'), { unscaled: -100, scale: 5, special: null });
  assert.deepEqual(numeric('0'), { unscaled: 0, scale: 0, special: null });
  assert.deepEqual(numeric('-0.00'), { unscaled: 0, scale: 2, special: null });
  assert.deepEqual(numeric('9007199254740991').unscaled, 9_007_199_254_740_991);
  assert.deepEqual(numeric('9007199254740992').unscaled, 9_007_199_254_740_992n);
  assert.deepEqual(numeric('-123456789012345678.90'), {
    unscaled: -12_345_678_901_234_567_890n,
    scale: 2,
    special: null,
  });
});

test('what is not a number has a name, and a parsed number forgets it', () => {
  for (const special of ['NaN', 'Infinity', '-Infinity'] as const) assert.equal(numeric(special).special, special);
  const value = createDecimal();
  for (const text of ['NaN', '7']) parseNumeric(Buffer.from(text), 0, text.length, value);
  assert.deepEqual(value, { unscaled: 7, scale: 0, special: null });
});

test('another scale keeps the value, or rounds half away from zero as Postgres does', () => {
  const at = (text: string, scale: number): string => formatDecimal(rescale(numeric(text), scale), scale);
  assert.equal(at('22.22', 4), '22.2200');
  assert.equal(at('1.005', 2), '1.01');
  assert.equal(at('-1.005', 2), '-1.01');
  assert.equal(at('-0.4', 0), '0');
  assert.equal(at('99999999999999999999.5', 0), '100000000000000000000');
  assert.equal(at('0.001', 6), '0.001000');
});

test('malformed decimals are refused', () => {
  for (const text of ['', '-', '.', '1.2.3', '1e5', 'nan', 'Infinit', '--1', '1 ', '+1'])
    assert.throws(() => numeric(text), { name: 'DecodeError' }, text);
});

test('a sum of money is read under any lc_monetary', () => {
  const sums: [string, number, string][] = [
    ['$1,234.11', 2, '1234.11'],
    ['-$1,234.11', 2, '-1234.11'],
    ['($1,234.11)', 2, '-1234.11'],
    ['$0.00', 2, '0.00'],
    ['1.234.567,89 €', 2, '1234567.89'],
    ['-1.234,50 €', 2, '-1234.50'],
    ['1 234,50 €', 2, '1234.50'],
    ['￥1,234', 2, '1234'],
    ['￥1,234,567', 3, '1234567'],
    ['KWD 1.234', 3, '1.234'],
    ['KWD 1,234.567', 3, '1234.567'],
    ['CHF 1’234.50', 2, '1234.50'],
    ['$92,233,720,368,547,758.07', 2, '92233720368547758.07'],
  ];
  for (const [text, digits, expected] of sums) {
    const value = parseMoney(text, digits);
    assert.equal(formatDecimal(value.unscaled, value.scale), expected, text);
  }
  for (const text of ['', '$', '1x2', '$1,,2']) assert.throws(() => parseMoney(text, 2), { name: 'DecodeError' }, text);
});
