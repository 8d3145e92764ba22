import { parseArgs } from 'node:util';
import type { DatabaseKind } from './database.ts';
import { isMutant, MUTANTS, type MutantDefinition } from './mutants.ts';
import { runCrashRegime } from './regime.ts';
import { LOG_KINDS, type LogChoice, type LogKind, logOfMutant, startLogs } from './start-logs.ts';
import { DATABASE_KINDS, type PositionKind, startServer } from './start-server.ts';

const USAGE = `Kills "tailrace run" under load and compares its log with what the database committed.

  npm run test:crash -- --kills 200 [--database ${DATABASE_KINDS.join('|')}] [--position gtid|file] [--seed 7]
    [--log ${LOG_KINDS.join('|')} [--exactly-once] [--brokers 1|3]]
    [--fault 'network silent'] (of the database or the log; an unknown one names all)
    [--mutant ${Object.keys(MUTANTS).join('|')}]

The position, by which a MySQL binlog is resumed, also says whether the server has GTIDs; MariaDB always has them. A mutant is wrong on purpose, in the log that it names itself: then the regime must fail. In three brokers leaders are moved as well.
`;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: process.env.TEST_SEED ?? String(Date.now() % 1_000_000) },
    database: { type: 'string', default: 'postgres' },
    position: { type: 'string', default: 'gtid' },
    log: { type: 'string', default: 'sqlite' },
    'exactly-once': { type: 'boolean', default: false },
    brokers: { type: 'string', default: '1' },
    fault: { type: 'string' },
    mutant: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
const mutant = values.mutant ?? null;
const database = values.database as DatabaseKind;
const position = values.position as PositionKind;
const log = values.log as LogKind;
const brokers = Number(values.brokers);
const hasKnownLog = LOG_KINDS.includes(log) && (brokers === 1 || brokers === 3);
const isKnown =
  hasKnownLog &&
  DATABASE_KINDS.includes(database) &&
  (position === 'gtid' || (position === 'file' && database === 'mysql'));
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function chooseLog(): LogChoice {
  if (mutant === null || !isMutant(mutant)) {
    return { kind: log, exactlyOnce: values['exactly-once'], brokers: brokers === 3 ? 3 : 1 };
  }
  const definition: MutantDefinition = MUTANTS[mutant];
  return logOfMutant(definition.log);
}

if (values.help) print(USAGE);
else if (
  !isKnown ||
  !Number.isInteger(kills) ||
  kills < 1 ||
  !Number.isInteger(seed) ||
  (mutant !== null && !isMutant(mutant))
) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  print(`seed ${seed}`);
  const report = await runCrashRegime({
    startServer: () => startServer(database, position),
    startLogs: () => startLogs(chooseLog()),
    kills,
    seed,
    mutant,
    ...(values.fault === undefined ? {} : { fault: values.fault }),
    print,
  });
  const { hit } = report;
  print(
    `kills by what was durable: ${Object.entries(hit)
      .map(([state, count]) => `${count} ${state}`)
      .join(', ')}`,
  );
  print(`${report.kills} kills, ${report.records} records, ${report.lost} lost, ${report.duplicated} duplicated`);
  const { interrupted, repeatedPerRun } = report;
  if (repeatedPerRun.length > 0) {
    const largest = Math.max(...repeatedPerRun);
    print(`${repeatedPerRun.length} runs repeated records, at most ${largest} of them, each of one append`);
  }
  if (interrupted > 0) print(`${interrupted} rows are of snapshots that were interrupted`);
  if (report.failures.length > 0) process.exitCode = 1;
}
