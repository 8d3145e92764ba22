import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_POLICY, type ErrorCode, TailraceError } from '../../src/model/errors.ts';
import { reportError } from '../../src/observe/errors.ts';

test('every code ends with its own exit code and one line', () => {
  for (const [code, { exitCode }] of Object.entries(ERROR_POLICY)) {
    const report = reportError(new TailraceError(code as ErrorCode, 'it broke', { remedy: 'mend it' }), false);
    const internal = code === 'internal' ? 'internal: ' : '';
    assert.deepEqual(report, { text: `error: ${internal}it broke\nfix: mend it\n`, exitCode });
  }
});

test('several problems are several lines', () => {
  assert.equal(reportError(new TailraceError('config.invalid', 'a\nb'), false).text, 'error: a\nerror: b\n');
});

test('an unforeseen error shows its stack and its causes only when debugging', () => {
  const error = new TypeError('x is not a function', { cause: new Error('deeper') });
  const quiet = reportError(error, false);
  assert.equal(
    quiet.text,
    'error: internal: x is not a function\nfix: This is a fault of tailrace. Run it again with --log-level debug and report what it prints.\n',
  );
  assert.equal(quiet.exitCode, 1);
  const loud = reportError(error, true).text;
  assert.match(loud, /^error: internal: x is not a function\n {2}TypeError: x is not a function\n {6}at /);
  assert.match(loud, /\n {2}Error: deeper\n/);
  assert.equal(reportError('text', false).text.split('\n')[0], 'error: internal: text');
});
