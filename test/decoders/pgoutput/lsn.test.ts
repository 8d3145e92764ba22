import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { formatLsn, parseLsn } from '../../../decoders/pgoutput/lsn.ts';

test('an LSN prints as Postgres printed it', () => {
  for (const text of ['0/0', '0/1', '0/FFFFFFFF', '1/0', '16/B374D848', '1FFFFF/FFFFFFFF']) {
    assert.equal(formatLsn(parseLsn(text)), text);
  }
  assert.equal(parseLsn('16/B374D848'), 0x16_b374_d848);
  assert.equal(parseLsn('0016/0b374d84'), 0x16_0b37_4d84);
  assert.equal(parseLsn('1FFFFF/FFFFFFFF'), Number.MAX_SAFE_INTEGER);
});

test('text that is no LSN, or one that a number cannot hold, is refused', () => {
  for (const text of [
    '',
    '/',
    '1',
    '1/',
    '/1',
    '0x1/1',
    '1/123456789',
    ' 1/1',
    '1/1\n',
    '200000/0',
    'FFFFFFFF/FFFFFFFF',
  ]) {
    assert.throws(() => parseLsn(text), DecodeError, text);
  }
  for (const lsn of [-1, 0.5, Number.NaN, 2 ** 53]) assert.throws(() => formatLsn(lsn), DecodeError);
});
