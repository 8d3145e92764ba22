import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adjustFieldName, adjustSchemaName } from '../../src/envelope/name-adjustment.ts';
import { Random } from '../crash/random.ts';

const AVRO_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

test('none leaves names alone', () => {
  assert.equal(adjustFieldName('1 é-"', 'none'), '1 é-"');
  assert.equal(adjustSchemaName('a b.1', 'none'), 'a b.1');
});

test('avro: underscores for what is invalid, and one before a digit in front', () => {
  assert.equal(adjustFieldName('1st col-é😀', 'avro'), '_1st_col____');
  assert.equal(adjustFieldName('ok_1', 'avro'), 'ok_1');
  assert.equal(adjustSchemaName('shop.pub lic.1t.Value', 'avro'), 'shop.pub_lic._1t.Value');
});

test('avro_unicode: code units for what is invalid, the underscore among it', () => {
  assert.equal(adjustFieldName('1a_b é😀', 'avro_unicode'), '_u0031a_u005fb_u0020_u00e9_ud83d_ude00');
  assert.equal(adjustSchemaName('a.b c', 'avro_unicode'), 'a.b_u0020c');
});

test('adjusted names are valid in Avro, and those with code units can be told apart', () => {
  const random = new Random(3);
  const names = new Map<string, string>();
  for (let i = 0; i < 2000; i++) {
    const name = Array.from({ length: random.integer(1, 6) }, () => random.pick([...'aZ09_- .é"😀'])).join('');
    assert.match(adjustFieldName(name, 'avro'), AVRO_NAME);
    const reversible = adjustFieldName(name, 'avro_unicode');
    assert.match(reversible, AVRO_NAME);
    assert.equal(names.get(reversible) ?? name, name, reversible);
    names.set(reversible, name);
  }
});
