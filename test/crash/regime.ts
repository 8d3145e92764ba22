import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSqliteLog } from '../../src/logs/sqlite/log.ts';
import { TailraceError } from '../../src/model/errors.ts';
import { startPostgres, type TestPostgres } from '../services/postgres.ts';
import { openClient } from './database-client.ts';
import { createTables, Load, TABLES } from './load.ts';
import type { LogState } from './log-state.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { planPhase, planRound } from './plan.ts';
import { Random } from './random.ts';
import { RegimeFailure, Round } from './round.ts';
import { type Verdict, verifyLog } from './verify.ts';

export interface RegimeOptions {
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
const WRITERS = 3;
const TRUTH_SLOT = 'truth';
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
  await using server = await startPostgres({ settings: { max_wal_size: '4GB' } });
  for (let round = 0; done < kills && failures.length === 0; round++) {
    const planned = Math.min(KILLS_PER_ROUND, kills - done);
    const result = await runRound({ ...options, server, hit, round, kills: planned, firstKill: done + 1 });
    done += result.kills;
    total.records += result.verdict.records;
    total.lost += result.verdict.lost;
    total.duplicated += result.verdict.duplicated;
    failures.push(...result.failures);
    print(`round ${round + 1}: ${result.verdict.records} records, ${result.transactions} small transactions`);
  }
  for (const failure of failures) print(`FAILED (seed ${seed}): ${failure}`);
  return { kills: done, ...total, failures, hit };
}

interface RoundInput extends RegimeOptions {
  readonly server: TestPostgres;
  readonly hit: Record<LogState, number>;
  readonly round: number;
  readonly firstKill: number;
}

interface RoundResult {
  readonly kills: number;
  readonly transactions: number;
  readonly verdict: Verdict;
  readonly failures: readonly string[];
}

async function runRound(options: RoundInput): Promise<RoundResult> {
  const { server, round, kills, seed, mutant } = options;
  const random = new Random(seed * 1000 + round);
  const dir = await mkdtemp(join(tmpdir(), 'tailrace-crash-'));
  const database = `crash_${round}`;
  const url = new URL(server.url);
  const admin = await openClient(url.href);
  await admin.query(`CREATE DATABASE ${database}`);
  await admin.end();
  url.pathname = `/${database}`;
  const client = await openClient(url.href);
  await client.query(`SELECT pg_create_logical_replication_slot($1, 'test_decoding')`, [TRUTH_SLOT]);
  await createTables(client);
  await client.end();
  const logPath = join(dir, 'crash.db');
  const configFile = join(dir, 'crash.json');
  writeFileSync(configFile, JSON.stringify(connectorConfig(server, database, logPath)), { mode: 0o600 });
  const load = new Load({ url: url.href, seed: seed * 1000 + round, writers: WRITERS });
  const run = new Round({ ...options, connector: CONNECTOR, random, load, url: url.href, configFile, logPath });
  const failures: string[] = [];
  let killed = 0;
  load.start();
  try {
    const plan = mutant === null ? planRound(kills, random) : planPhase(MUTANTS[mutant].phase, kills, random);
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
  if (!existsSync(logPath) && failures.length > 0) {
    await dropDatabase(server, database);
    return { kills: killed, transactions: load.transactions, verdict: NO_VERDICT, failures };
  }
  const verdict = await judge(url.href, logPath);
  // A log that could not be completed is short: then it is the reason that counts.
  failures.push(...verdict.differences);
  await dropDatabase(server, database);
  if (failures.length === 0 || mutant !== null) await rm(dir, { recursive: true });
  else options.print(`The log is kept in ${dir}`);
  return { kills: killed, transactions: load.transactions, verdict, failures };
}

async function judge(url: string, logPath: string): Promise<Verdict> {
  const client = await openClient(url);
  try {
    const log = openSqliteLog({ path: logPath, readonly: true });
    try {
      return await verifyLog({ client, truthSlot: TRUTH_SLOT, log, topicPrefix: TOPIC_PREFIX, tables: TABLES });
    } finally {
      await log.close();
    }
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return { ...NO_VERDICT, differences: [`the log cannot be read: ${error.message}`] };
  } finally {
    await client.end();
  }
}

/** Small batches, so that everything takes many appends; impatient retries, since the next kill is near. */
function connectorConfig(server: TestPostgres, database: string, logPath: string): Record<string, string> {
  return {
    name: CONNECTOR,
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': server.host,
    'database.port': String(server.port),
    'database.user': server.user,
    'database.password': server.password,
    'database.dbname': database,
    'topic.prefix': TOPIC_PREFIX,
    'slot.name': CONNECTOR,
    'slot.max.retries': '100',
    'slot.retry.delay.ms': '100',
    'retriable.restart.connector.wait.ms': '200',
    'status.update.interval.ms': '500',
    'decimal.handling.mode': 'string',
    'key.converter.schemas.enable': 'false',
    'value.converter.schemas.enable': 'false',
    'tailrace.log.path': logPath,
    'tailrace.batch.bytes': '65536',
    'tailrace.http.listen': 'off',
  };
}

async function dropDatabase(server: TestPostgres, database: string): Promise<void> {
  const client = await openClient(server.url);
  // A walsender that was just left may still hold its slot for a moment.
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1`, [
        database,
      ]);
      await client.query(`DROP DATABASE ${database} WITH (FORCE)`);
      break;
    } catch (error) {
      if (attempt === 50) throw error;
      await sleep(100);
    }
  }
  await client.end();
}
