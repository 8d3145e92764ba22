import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postgresError } from '../../../src/sources/postgres/postgres-error.ts';

const context = { doing: 'stream from slot shop at 0/1A2B', user: 'u', database: 'd', address: 'h:5432' };
const internal = (message: string) => postgresError({ severity: 'ERROR', code: 'XX000', message }, context);

test("WAL that its own server cannot decode ends the task and is told as the server's fault, with the slot and the LSN", () => {
  const error = internal('unexpected duplicate for tablespace 0, relfilenumber 16411');
  assert.equal(
    error.message,
    'cannot stream from slot shop at 0/1A2B (u@h:5432/d): the server itself cannot decode the WAL that follows: unexpected duplicate for tablespace 0, relfilenumber 16411 (SQLSTATE XX000)',
  );
  assert.deepEqual([error.code, error.policy.action], ['source.decode', 'fail']);
  assert.match(error.remedy!, /newest minor release.*drop the slot.*snapshot\.mode=when_needed/);
  for (const message of [
    'unexpected duplicate for tablespace 1663, relfilenode 16411',
    'could not map filenode "base/5/16411" to relation OID',
    'could not map filenumber "base/5/16411" to relation OID',
  ]) {
    assert.equal(internal(message).code, 'source.decode', message);
  }
});

test('another internal error of the server is not taken for one of decoding', () => {
  const error = internal('cache lookup failed for type 0');
  assert.equal(error.code, 'internal');
  assert.doesNotMatch(error.message, /cannot decode/);
});

test('a value that the server quotes in its message is left out', () => {
  const message = 'invalid input syntax for type integer: "4111 1111 "" \n1111"';
  const error = postgresError({ severity: 'ERROR', code: '22P02', message }, context);
  assert.match(error.message, /invalid input syntax for type integer: \.\.\. \(SQLSTATE 22P02\)$/);
});
