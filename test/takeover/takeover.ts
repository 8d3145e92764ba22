import { parseArgs } from 'node:util';
import type { DatabaseKind } from '../crash/database.ts';
import { startServer } from '../crash/start-server.ts';
import { alternate } from './alternate.ts';
import type { Owner } from './offset-watch.ts';

const USAGE = `Lets Debezium on Kafka Connect and "tailrace run" read one database by turns, under load, and compares the topics with what was committed.

  npm run test:takeover -- [--database postgres|mysql] [--rounds 3] [--exactly-once] [--kills]
    [--only Debezium|tailrace] [--seed 7]

With --kills every other of them is killed instead of stopped.
`;

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: 'postgres' },
    rounds: { type: 'string', default: '3' },
    seed: { type: 'string', default: process.env.TEST_SEED ?? String(Date.now() % 1_000_000) },
    'exactly-once': { type: 'boolean', default: false },
    only: { type: 'string' },
    kills: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const database = values.database as DatabaseKind;
const rounds = Number(values.rounds);
const seed = Number(values.seed);
const { only } = values;
const isOwner = (name: string | undefined): name is Owner => name === 'Debezium' || name === 'tailrace';
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

if (values.help) print(USAGE);
else if (
  !['postgres', 'mysql'].includes(database) ||
  !Number.isInteger(rounds) ||
  rounds < 1 ||
  !Number.isInteger(seed)
) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  print(`seed ${seed}`);
  const report = await alternate({
    startServer: () => startServer(database, 'gtid'),
    rounds,
    seed,
    exactlyOnce: values['exactly-once'],
    withKills: values.kills,
    ...(isOwner(only) ? { only } : {}),
    print,
  });
  for (const { owner, end, records, repeated, transactions } of report.tenures) {
    print(`${owner}, ${end}: ${records} records, ${repeated} of them repeated, of ${transactions} transactions`);
  }
  for (const failure of report.failures) print(`FAILED (seed ${seed}): ${failure}`);
  print(`${report.records} records, ${report.lost} lost, ${report.repeated} repeated`);
  if (report.failures.length > 0) process.exitCode = 1;
}
