import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { isMutant, MUTANTS, type Mutant } from './mutants.ts';
import { type RegimeReport, runCrashRegime } from './regime.ts';

const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);

async function regime(t: TestContext, kills: number, mutant: Mutant | null): Promise<RegimeReport> {
  const lines: string[] = [`seed ${seed}`];
  const report = await runCrashRegime({ kills, seed, mutant, print: (line) => lines.push(line) });
  for (const line of lines) t.diagnostic(line);
  return report;
}

test('every committed change is in the log exactly once and in commit order, whatever is killed', async (t) => {
  const report = await regime(t, 20, null);
  assert.deepEqual(report.failures, []);
  assert.equal(report.lost, 0);
  assert.equal(report.duplicated, 0);
  assert.equal(report.kills, 20);
  assert.ok(report.hit['in the snapshot'] > 0, 'no kill hit the snapshot');
  assert.ok(report.hit['inside a transaction'] > 0, 'no kill hit a transaction that several batches share');
});

for (const mutant of Object.keys(MUTANTS).filter(isMutant)) {
  test(`the mutant ${mutant} is caught`, async (t) => {
    const report = await regime(t, 4, mutant);
    // A mutant that does not fit its source any more, or a server that does not start, is no catch.
    assert.match(report.failures.join('\n'), MUTANTS[mutant].caught);
  });
}
