import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TailraceError } from '../../src/model/errors.ts';
import type { CrashLog, LogServer, LogState } from './crash-log.ts';
import type { CrashDatabase, CrashServer } from './database.ts';
import { MUTANTS, type Mutant, type MutantDefinition } from './mutants.ts';
import { type Faults, findFault, type PlannedKill, planPhase, planRound } from './plan.ts';
import { Random } from './random.ts';
import { RegimeFailure, Round } from './round.ts';
import { type Verdict, verifyLog } from './verify.ts';

export interface RegimeOptions {
  readonly startServer: () => Promise<CrashServer>;
  readonly startLogs: () => Promise<LogServer>;
  readonly kills: number;
  readonly seed: number;
  /** What the topics' names begin with, where the logs are of several regimes; the round's number follows. */
  readonly prefix?: string;
  /** The only fault that there is to be besides kills. */
  readonly fault?: string;
  readonly mutant: Mutant | null;
  readonly print: (line: string) => void;
}

export interface RegimeReport {
  readonly kills: number;
  readonly records: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Rows of interrupted snapshots that the log has kept. */
  readonly interrupted: number;
  /** Records that each run of the task has repeated, of those that did. */
  readonly repeatedPerRun: readonly number[];
  /** Empty when everything is as it must be. */
  readonly failures: readonly string[];
  /** How often a kill left the log in each state: what the run has really tried. */
  readonly hit: Readonly<Record<LogState, number>>;
}

/** A database, a log and a snapshot serve so many kills. */
const KILLS_PER_ROUND = 20;
const CONNECTOR = 'crash';
const NO_VERDICT: Judgement = {
  records: 0,
  lost: 0,
  duplicated: 0,
  interrupted: 0,
  differences: [],
  repeatedPerRun: [],
};

interface Judgement extends Verdict {
  readonly repeatedPerRun: readonly number[];
}

/** Kills `tailrace run` again and again under load, lets it catch up and compares its log with the truth. */
export async function runCrashRegime(options: RegimeOptions): Promise<RegimeReport> {
  const { kills, seed, print } = options;
  const hit: Record<LogState, number> = {
    'nothing yet': 0,
    'in the snapshot': 0,
    'inside a transaction': 0,
    'between transactions': 0,
  };
  const total = { records: 0, lost: 0, duplicated: 0, interrupted: 0 };
  const repeatedPerRun: number[] = [];
  const failures: string[] = [];
  let done = 0;
  await using server = await options.startServer();
  await using logs = await options.startLogs();
  for (let round = 0; done < kills && failures.length === 0; round++) {
    const planned = Math.min(KILLS_PER_ROUND, kills - done);
    const result = await runRound({ ...options, server, logs, hit, round, kills: planned, firstKill: done + 1 });
    done += result.kills;
    total.records += result.verdict.records;
    total.lost += result.verdict.lost;
    total.duplicated += result.verdict.duplicated;
    total.interrupted += result.verdict.interrupted;
    repeatedPerRun.push(...result.verdict.repeatedPerRun);
    failures.push(...result.failures);
    print(`round ${round + 1}: ${result.verdict.records} records, ${result.work}`);
  }
  for (const failure of failures) print(`FAILED (seed ${seed}): ${failure}`);
  return { kills: done, ...total, repeatedPerRun, failures, hit };
}

interface RoundInput extends RegimeOptions {
  readonly server: CrashServer;
  readonly logs: LogServer;
  readonly hit: Record<LogState, number>;
  readonly round: number;
  readonly firstKill: number;
}

interface RoundResult {
  readonly kills: number;
  /** What the load has done. */
  readonly work: string;
  readonly verdict: Judgement;
  readonly failures: readonly string[];
}

async function runRound(options: RoundInput): Promise<RoundResult> {
  const { server, logs, round, kills, mutant } = options;
  const seed = options.seed * 1000 + round;
  const random = new Random(seed);
  const dir = await mkdtemp(join(tmpdir(), 'tailrace-crash-'));
  // A log server of several rounds tells their topics apart.
  const topicPrefix = `${options.prefix ?? 'crash'}${round}`;
  const log = await logs.createLog({ round, dir, connector: CONNECTOR, topicPrefix });
  const position = () => log.position();
  const database = await server.createDatabase({ round, seed, connector: CONNECTOR, position });
  const { load } = database;
  const configFile = join(dir, 'crash.json');
  writeFileSync(configFile, JSON.stringify(connectorConfig(database, log, topicPrefix)), { mode: 0o600 });
  const run = new Round({ ...options, database, random, configFiles: [...log.workerFiles, configFile], log });
  const failures: string[] = [];
  let killed = 0;
  load.start();
  try {
    for (const kill of planOf(mutant, kills, random, faultsOf(options))) {
      await run.kill(kill);
      killed++;
    }
    await load.stop();
    await run.catchUp();
  } catch (error) {
    if (!(error instanceof RegimeFailure)) throw error;
    failures.push(error.message);
  } finally {
    await load.stop();
    await run.close();
  }
  const verdict = await judge(database, log, topicPrefix, failures.length > 0);
  // A log that could not be completed is short: then it is the reason that counts.
  failures.push(...verdict.differences);
  await database.drop();
  await log.drop();
  if (failures.length === 0 || mutant !== null) await rm(dir, { recursive: true });
  else options.print(`What there is of the log is kept in ${dir}`);
  return { kills: killed, work: load.report, verdict, failures };
}

function faultsOf({ server, logs, fault }: RoundInput): Faults {
  const all: Faults = { server: server.faults, log: logs.faults };
  if (fault === undefined) return all;
  const chosen = findFault(fault, all);
  if (chosen === null)
    throw new Error(`no fault is called ${fault}: there are ${[...all.server, ...all.log].join(', ')}`);
  return { ...all, chosen };
}

function planOf(mutant: Mutant | null, kills: number, random: Random, faults: Faults): readonly PlannedKill[] {
  if (mutant === null) return planRound(kills, random, faults);
  const { phase, alterTable }: MutantDefinition = MUTANTS[mutant];
  return planPhase(phase, kills, random, alterTable);
}

/** `hasFailed`: without a log there is nothing to judge then, and a failure that says why. */
async function judge(
  database: CrashDatabase,
  log: CrashLog,
  topicPrefix: string,
  hasFailed: boolean,
): Promise<Judgement> {
  try {
    await using written = await log.open();
    if (written === null) return hasFailed ? NO_VERDICT : { ...NO_VERDICT, differences: ['there is no log'] };
    const { perRun } = written.repetitions;
    return { ...(await verifyLog({ database, log: written, topicPrefix })), repeatedPerRun: perRun };
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return { ...NO_VERDICT, differences: [`the log cannot be read: ${error.message}`] };
  }
}

/** Small batches, so that everything takes many appends; impatient retries, since the next kill is near. */
function connectorConfig(database: CrashDatabase, log: CrashLog, topicPrefix: string): Record<string, string> {
  return {
    name: CONNECTOR,
    ...database.config,
    'topic.prefix': topicPrefix,
    'retriable.restart.connector.wait.ms': '200',
    'decimal.handling.mode': 'string',
    'key.converter.schemas.enable': 'false',
    'value.converter.schemas.enable': 'false',
    ...log.config,
    'tailrace.batch.bytes': '32768',
    'tailrace.http.listen': 'off',
  };
}
