import { parseArgs } from 'node:util';
import { isMutant, MUTANTS } from './mutants.ts';
import { runCrashRegime } from './regime.ts';

const USAGE = `Kills "tailrace run" under load and compares its log with what the database committed.

  npm run test:crash -- --kills 200 [--seed 7] [--mutant ${Object.keys(MUTANTS).join('|')}]

A mutant is wrong on purpose: then the regime must fail.
`;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: process.env.TEST_SEED ?? String(Date.now() % 1_000_000) },
    mutant: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
const mutant = values.mutant ?? null;
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

if (values.help) print(USAGE);
else if (!Number.isInteger(kills) || kills < 1 || !Number.isInteger(seed) || (mutant !== null && !isMutant(mutant))) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  print(`seed ${seed}`);
  const report = await runCrashRegime({ kills, seed, mutant, print });
  const { hit } = report;
  print(
    `kills by what was durable: ${Object.entries(hit)
      .map(([state, count]) => `${count} ${state}`)
      .join(', ')}`,
  );
  print(`${report.kills} kills, ${report.records} records, ${report.lost} lost, ${report.duplicated} duplicated`);
  if (report.failures.length > 0) process.exitCode = 1;
}
