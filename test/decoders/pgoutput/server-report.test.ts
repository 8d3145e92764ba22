import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { parseServerReport } from '../../../decoders/pgoutput/server-report.ts';

const body = Buffer.from(
  'SFEHLER\0VERROR\0C42P01\0Mno such table\0Da detail\0Ha hint\0P15\0Fparse.c\0\u0001an unknown field\0\0',
);

test('the severity that is not translated wins, unknown fields are skipped', () => {
  assert.deepEqual(parseServerReport(body, 0, body.length), {
    severity: 'ERROR',
    code: '42P01',
    message: 'no such table',
    detail: 'a detail',
    hint: 'a hint',
  });
  const old = Buffer.from('SFATAL\0C57P01\0Mbye\0\0');
  const report = parseServerReport(old, 0, old.length);
  assert.deepEqual(report, { severity: 'FATAL', code: '57P01', message: 'bye', detail: null, hint: null });
});

test('every truncation, a remainder, and a missing message are DecodeErrors', () => {
  for (let end = 0; end < body.length; end++) assert.throws(() => parseServerReport(body, 0, end), DecodeError);
  const longer = Buffer.concat([body, Buffer.of(0)]);
  assert.throws(() => parseServerReport(longer, 0, longer.length), DecodeError);
  const empty = Buffer.from('SERROR\0C42P01\0\0');
  assert.throws(() => parseServerReport(empty, 0, empty.length), /without severity, code or message/);
});
