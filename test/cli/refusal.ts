import assert from 'node:assert/strict';
import type { ProcessOutcome } from './tailrace-process.ts';

/** What bad input must be answered with: 2 configuration, 3 source, 4 log. */
export interface Refusal {
  readonly exitCode: 2 | 3 | 4;
  readonly error: RegExp;
  /** Null: the error's line says all there is to do. */
  readonly fix: RegExp | null;
}

/** One `error:` line and one `fix:` line at the end of standard error, nothing on standard output, and no secret anywhere. */
export function assertRefused(outcome: ProcessOutcome, refusal: Refusal, secrets: readonly string[]): void {
  const { exitCode, stdout, stderr } = outcome;
  assertNoSecret(`${stdout}${stderr}`, secrets);
  const diagnostics = /^(\{"level":"(info|warn)".*\}\n)*/.exec(stderr)![0];
  const [error = '', ...rest] = stderr.slice(diagnostics.length).split('\n').slice(0, -1);
  assert.match(error, refusal.error);
  assert.match(error, /^error: /);
  assert.equal(rest.length, refusal.fix === null ? 0 : 1, stderr);
  if (refusal.fix !== null) {
    assert.match(rest[0]!, /^fix: /);
    assert.match(rest[0]!, refusal.fix);
  }
  assert.deepEqual({ exitCode, stdout }, { exitCode: refusal.exitCode, stdout: '' });
}

export function assertNoSecret(text: string, secrets: readonly string[]): void {
  for (const secret of secrets) assert.ok(!text.includes(secret), 'a secret is shown');
}
