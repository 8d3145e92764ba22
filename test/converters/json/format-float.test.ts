import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDouble, formatFloat } from '../../../src/converters/json/format-float.ts';

test('doubles print as Java 19 prints them', () => {
  const doubles: [number, string][] = [
    [0, '0.0'],
    [-0, '-0.0'],
    [3, '3.0'],
    [3.3, '3.3'],
    [0.001, '0.001'],
    [0.0009999, '9.999E-4'],
    [9_999_999, '9999999.0'],
    [1e7, '1.0E7'],
    [12_345_678.9, '1.23456789E7'],
    [123_456.789, '123456.789'],
    [1e8, '1.0E8'],
    [1e21, '1.0E21'],
    [-1e-5, '-1.0E-5'],
    [2e23, '2.0E23'],
    [4.9e-324, '4.9E-324'],
    [1.7976931348623157e308, '1.7976931348623157E308'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
  ];
  for (const [value, text] of doubles) assert.equal(formatDouble(value), text);
});

test('floats print their own shortest digits, not those of the double', () => {
  const floats: [number, string][] = [
    [3.3, '3.3'],
    [0.1, '0.1'],
    [1e8, '1.0E8'],
    [16_777_216, '1.6777216E7'],
    [1.4e-45, '1.4E-45'],
    [1.17549435e-38, '1.1754944E-38'],
    [3.4028235e38, '3.4028235E38'],
    [-0, '-0.0'],
  ];
  for (const [value, text] of floats) assert.equal(formatFloat(Math.fround(value)), text);
});

test('what is printed reads back as the same value, powers of two and their neighbours included', () => {
  const bits = new DataView(new ArrayBuffer(8));
  for (let exponent = 1; exponent < 255; exponent++) {
    for (const fraction of [0, 1, 0x7f_ffff, 0x2a_aaaa]) {
      bits.setUint32(0, (exponent << 23) | fraction);
      const value = bits.getFloat32(0);
      assert.equal(Math.fround(Number(formatFloat(value))), value);
    }
  }
  for (let exponent = 1; exponent < 2047; exponent += 3) {
    for (const fraction of [0, 1, 0xf_ffff]) {
      bits.setUint32(0, (exponent << 20) | fraction);
      bits.setUint32(4, fraction);
      const value = bits.getFloat64(0);
      assert.equal(Number(formatDouble(value)), value);
    }
  }
});
