import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { TASK_MUTANTS, type TaskMutant } from './mutants.ts';

const folder = import.meta.dirname;

/** Whether that test of source-task.test.ts fails when the mutant's source is loaded. */
function failuresOf(name: string, testName: string): Promise<{ failed: readonly string[]; output: string }> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const hook = join(folder, 'mutant-hook.ts');
  const only = `--test-name-pattern=/^${testName}$/`;
  const args = ['--test-reporter=tap', only, '--import', hook, join(folder, 'source-task.test.ts')];
  return new Promise((resolve) => {
    // A mutant may leave an append waiting for ever: its test then ends with the process.
    execFile(process.execPath, args, { env: { ...env, TAILRACE_MUTANT: name } }, (_error, stdout, stderr) => {
      const failed = [...stdout.matchAll(/^not ok \d+ - (.*)$/gm)].map((match) => match[1]!);
      resolve({ failed, output: stdout + stderr });
    });
  });
}

test('each rule of order in the data path has a mutant, and a test that fails of it', { concurrency: 2 }, async (t) => {
  const mutants = Object.entries<TaskMutant>(TASK_MUTANTS);
  await Promise.all(
    mutants.map(([name, { caughtBy }]) =>
      t.test(`${name}: ${caughtBy}`, async () => {
        const { failed, output } = await failuresOf(name, caughtBy);
        assert.ok(failed.includes(caughtBy), `it went unnoticed:\n${output}`);
      }),
    ),
  );
});
