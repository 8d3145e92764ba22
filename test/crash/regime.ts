import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteLog } from '../../src/logs/sqlite/log.ts';
import { TailraceError } from '../../src/model/errors.ts';
import type { CrashDatabase, CrashServer } from './database.ts';
import type { LogState } from './log-state.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { planPhase, planRound } from './plan.ts';
import { Random } from './random.ts';
import { RegimeFailure, Round } from './round.ts';
import { type Verdict, verifyLog } from './verify.ts';

export interface RegimeOptions {
  readonly startServer: () => Promise<CrashServer>;
  readonly kills: number;
  readonly seed: number;
  readonly mutant: Mutant | null;
  readonly print: (line: string) => void;
}

export interface RegimeReport {
  readonly kills: number;
  readonly records: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Empty when everything is as it must be. */
  readonly failures: readonly string[];
  /** How often a kill left the log in each state: what the run has really tried. */
  readonly hit: Readonly<Record<LogState, number>>;
}

/** A database, a log and a snapshot serve so many kills. */
const KILLS_PER_ROUND = 20;
const CONNECTOR = 'crash';
const TOPIC_PREFIX = 'crash';
const NO_VERDICT: Verdict = { records: 0, lost: 0, duplicated: 0, differences: [] };
/** Kills `tailrace run` again and again under load, lets it catch up and compares its log with the truth. */
export async function runCrashRegime(options: RegimeOptions): Promise<RegimeReport> {
  const { kills, seed, print } = options;
  const hit: Record<LogState, number> = {
    'nothing yet': 0,
    'in the snapshot': 0,
    'inside a transaction': 0,
    'between transactions': 0,
  };
  const total = { records: 0, lost: 0, duplicated: 0 };
  const failures: string[] = [];
  let done = 0;
  await using server = await options.startServer();
  for (let round = 0; done < kills && failures.length === 0; round++) {
    const planned = Math.min(KILLS_PER_ROUND, kills - done);
    const result = await runRound({ ...options, server, hit, round, kills: planned, firstKill: done + 1 });
    done += result.kills;
    total.records += result.verdict.records;
    total.lost += result.verdict.lost;
    total.duplicated += result.verdict.duplicated;
    failures.push(...result.failures);
    print(`round ${round + 1}: ${result.verdict.records} records, ${result.work}`);
  }
  for (const failure of failures) print(`FAILED (seed ${seed}): ${failure}`);
  return { kills: done, ...total, failures, hit };
}

interface RoundInput extends RegimeOptions {
  readonly server: CrashServer;
  readonly hit: Record<LogState, number>;
  readonly round: number;
  readonly firstKill: number;
}

interface RoundResult {
  readonly kills: number;
  /** What the load has done. */
  readonly work: string;
  readonly verdict: Verdict;
  readonly failures: readonly string[];
}

async function runRound(options: RoundInput): Promise<RoundResult> {
  const { server, round, kills, mutant } = options;
  const seed = options.seed * 1000 + round;
  const random = new Random(seed);
  const dir = await mkdtemp(join(tmpdir(), 'tailrace-crash-'));
  const logPath = join(dir, 'crash.db');
  const database = await server.createDatabase({ round, seed, connector: CONNECTOR, logPath });
  const { load } = database;
  const configFile = join(dir, 'crash.json');
  writeFileSync(configFile, JSON.stringify(connectorConfig(database, logPath)), { mode: 0o600 });
  const run = new Round({ ...options, database, random, configFile, logPath });
  const failures: string[] = [];
  let killed = 0;
  load.start();
  try {
    const plan =
      mutant === null ? planRound(kills, random, server.faults) : planPhase(MUTANTS[mutant].phase, kills, random);
    for (const kill of plan) {
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
  // Without a log there is nothing to judge, and a failure that says why.
  const isJudged = existsSync(logPath) || failures.length === 0;
  const verdict = isJudged ? await judge(database, logPath) : NO_VERDICT;
  // A log that could not be completed is short: then it is the reason that counts.
  failures.push(...verdict.differences);
  await database.drop();
  if (failures.length === 0 || mutant !== null) await rm(dir, { recursive: true });
  else options.print(`The log is kept in ${dir}`);
  return { kills: killed, work: load.report, verdict, failures };
}

async function judge(database: CrashDatabase, logPath: string): Promise<Verdict> {
  try {
    const log = openSqliteLog({ path: logPath, readonly: true });
    try {
      return await verifyLog({ database, log, topicPrefix: TOPIC_PREFIX });
    } finally {
      await log.close();
    }
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return { ...NO_VERDICT, differences: [`the log cannot be read: ${error.message}`] };
  }
}

/** Small batches, so that everything takes many appends; impatient retries, since the next kill is near. */
function connectorConfig(database: CrashDatabase, logPath: string): Record<string, string> {
  return {
    name: CONNECTOR,
    ...database.config,
    'topic.prefix': TOPIC_PREFIX,
    'retriable.restart.connector.wait.ms': '200',
    'decimal.handling.mode': 'string',
    'key.converter.schemas.enable': 'false',
    'value.converter.schemas.enable': 'false',
    'tailrace.log.path': logPath,
    'tailrace.batch.bytes': '65536',
    'tailrace.http.listen': 'off',
  };
}
