import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { whyNoMysql } from '../services/shared-mysql.ts';
import type { DatabaseKind } from './database.ts';
import { MUTANTS, type Mutant, type MutantDefinition } from './mutants.ts';
import { type RegimeReport, runCrashRegime } from './regime.ts';
import { sqliteLogs } from './sqlite-log.ts';
import { type PositionKind, startServer } from './start-server.ts';

const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);

interface Kind {
  readonly name: string;
  readonly database: DatabaseKind;
  readonly position: PositionKind;
  readonly kills: number;
  readonly skip: () => Promise<string | false>;
}

const KINDS: readonly Kind[] = [
  { name: 'Postgres', database: 'postgres', position: 'gtid', kills: 8, skip: async () => false },
  // A run of the tests has time for one of the two.
  seed % 2 === 0
    ? { name: 'MySQL by GTID', database: 'mysql', position: 'gtid', kills: 4, skip: () => whyNoMysql('mysql') }
    : { name: 'MySQL by file', database: 'mysql', position: 'file', kills: 4, skip: () => whyNoMysql('mysql') },
  { name: 'MariaDB', database: 'mariadb', position: 'gtid', kills: 4, skip: () => whyNoMysql('mariadb') },
];

async function regime(t: TestContext, kind: Kind, kills: number, mutant: Mutant | null): Promise<RegimeReport> {
  const lines: string[] = [`seed ${seed}`];
  const { database, position } = kind;
  const report = await runCrashRegime({
    startServer: () => startServer(database, position),
    startLogs: async () => sqliteLogs(),
    kills,
    seed,
    mutant,
    print: (line) => lines.push(line),
  });
  for (const line of lines) t.diagnostic(line);
  return report;
}

for (const kind of KINDS) {
  test(`${kind.name}: every committed change is in the log exactly once and in commit order, whatever is killed`, {
    skip: await kind.skip(),
  }, async (t) => {
    const report = await regime(t, kind, kind.kills, null);
    assert.deepEqual(report.failures, []);
    assert.equal(report.lost, 0);
    assert.equal(report.duplicated, 0);
    assert.equal(report.kills, kind.kills);
    assert.ok(report.hit['in the snapshot'] > 0, 'no kill hit the snapshot');
    assert.ok(report.hit['inside a transaction'] > 0, 'no kill hit a transaction that several batches share');
  });
}

/** A run of the tests has time for one of these; `npm run test:crash -- --mutant` plays any. */
const BY_SEED: readonly Mutant[] = ['resume-without-skip', 'offset-apart', 'rows-at-xa-prepare', 'ddl-late'];
const PLAYED: readonly Mutant[] = ['ack-before-append', BY_SEED[(seed >> 1) % BY_SEED.length]!];

for (const name of PLAYED) {
  const { caught, databases }: MutantDefinition = MUTANTS[name];
  const kind = KINDS.find(({ database }) => databases.includes(database))!;
  test(`the mutant ${name} is caught`, { skip: await kind.skip() }, async (t) => {
    const report = await regime(t, kind, 4, name);
    // A mutant that does not fit its source any more, or a server that does not start, is no catch.
    assert.match(report.failures.join('\n'), caught);
  });
}
