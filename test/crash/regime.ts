import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { openSqliteLog } from '../../src/logs/sqlite/log.ts';
import { TailraceError } from '../../src/model/errors.ts';
import { startPostgres, type TestPostgres } from '../services/postgres.ts';
import { TailraceChild } from './child.ts';
import { createTables, isServerFault, Load, TABLES } from './load.ts';
import { type LogPosition, type LogState, logSizeBytes, readLogPosition } from './log-state.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { type Phase, type PlannedKill, planPhase, planRound, type ServerFault } from './plan.ts';
import { Random } from './random.ts';
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
/** A child is given this long to be seen in the phase it is to be killed in; then it is killed all the same. */
const SEEN_WITHIN_MS = 4_000;
const NO_VERDICT: Verdict = { records: 0, lost: 0, duplicated: 0, differences: [] };
/** Without any progress of the slot for so long after the load has ended, the child hangs. */
const STALLED_MS = 20_000;

/** How the log tells that the child is in a phase; null: any progress will do. */
const PHASE_STATES: Readonly<Record<Phase, LogState | null>> = {
  snapshot: 'in the snapshot',
  'big transaction': 'inside a transaction',
  load: null,
  idle: null,
};

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

interface RoundOptions extends RegimeOptions {
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

async function runRound(options: RoundOptions): Promise<RoundResult> {
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
  const run = new Round({ ...options, random, load, url: url.href, configFile, logPath });
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

/** What tailrace itself did wrong, as opposed to a fault of the regime. */
class RegimeFailure extends Error {}

interface RunningRound extends RoundOptions {
  readonly random: Random;
  readonly load: Load;
  readonly url: string;
  readonly configFile: string;
  readonly logPath: string;
}

class Round {
  readonly #options: RunningRound;
  #child: TailraceChild | null = null;
  #killed = 0;
  /** While the server is down, a child may give up, as its service manager would see it. */
  #serverWasDown = false;

  constructor(options: RunningRound) {
    this.#options = options;
  }

  async kill(plan: PlannedKill): Promise<void> {
    const { load, logPath, random, hit, print, firstKill } = this.#options;
    const child = this.#running();
    if (plan.phase !== 'snapshot') await this.#pastSnapshot();
    const before = await this.#position();
    if (plan.phase === 'idle') load.pause();
    else load.resume();
    if (plan.alterTable) await load.alterTable(random);
    const work = plan.phase === 'big transaction' ? load.bigTransaction() : Promise.resolve();
    const fault = plan.fault === null ? Promise.resolve() : this.#faultAfter(plan.fault, random.integer(0, 1000));
    if (plan.from !== 'start') await this.#seen(before.offset, plan.from === 'phase' ? PHASE_STATES[plan.phase] : null);
    await sleep(plan.delayMs);
    await fault;
    if (child.exit === null) await child.kill();
    else this.#judgeExit(child);
    await work;
    this.#child = null;
    this.#serverWasDown = false;
    const { state } = await this.#position();
    hit[state]++;
    const number = firstKill + this.#killed++;
    const size = (logSizeBytes(logPath) / 2 ** 20).toFixed(1);
    const also = plan.fault === null ? '' : `, ${plan.fault}`;
    print(`kill ${number}: ${plan.phase}, ${plan.delayMs} ms from ${plan.from}${also}: ${state}, log ${size} MB`);
  }

  /** Until the slot has passed everything that was committed; then an orderly stop. */
  async catchUp(): Promise<void> {
    const client = await openClient(this.#options.url);
    try {
      const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
      let seen = '';
      let progressMs = performance.now();
      let child = this.#running();
      for (;;) {
        const slot = await client.query<{ position: string; isDone: boolean }>(
          `SELECT confirmed_flush_lsn::text AS position, confirmed_flush_lsn >= $1::pg_lsn AS "isDone" FROM pg_replication_slots WHERE slot_name = $2`,
          [rows[0]!.lsn, CONNECTOR],
        );
        const { position = '', isDone = false } = slot.rows[0] ?? {};
        if (isDone) break;
        if (position !== seen) {
          seen = position;
          progressMs = performance.now();
        }
        if (child.exit !== null) {
          this.#judgeExit(child);
          this.#child = null;
          child = this.#running();
        }
        const waitedMs = performance.now() - progressMs;
        if (waitedMs > STALLED_MS) {
          throw new RegimeFailure(
            `the slot stands at ${position} for ${STALLED_MS} ms, the end is ${rows[0]!.lsn}\n${child.output}`,
          );
        }
        await sleep(20);
      }
      const { code, signal } = await child.stop();
      this.#child = null;
      if (code !== 0) throw new RegimeFailure(`after SIGTERM the child ended with ${code ?? signal}\n${child.output}`);
    } finally {
      await client.end();
    }
  }

  async close(): Promise<void> {
    if (this.#child?.exit === null) await this.#child.kill();
  }

  #running(): TailraceChild {
    this.#child ??= new TailraceChild(this.#options.configFile, this.#options.mutant);
    return this.#child;
  }

  #judgeExit(child: TailraceChild): void {
    const { code, signal } = child.exit!;
    if (this.#serverWasDown && code === 3) return;
    throw new RegimeFailure(`the child ended by itself with ${code ?? signal}\n${child.output}`);
  }

  async #position(): Promise<LogPosition> {
    try {
      return await readLogPosition(this.#options.logPath);
    } catch (error) {
      if (!(error instanceof TailraceError)) throw error;
      throw new RegimeFailure(`the log cannot be read: ${error.message}`);
    }
  }

  /** A kill during the snapshot starts it anew, so that what comes after it needs some peace first. */
  async #pastSnapshot(): Promise<void> {
    const deadline = performance.now() + STALLED_MS;
    for (;;) {
      const { state } = await this.#position();
      if (state !== 'in the snapshot' && state !== 'nothing yet') return;
      if (this.#child !== null && this.#child.exit !== null) this.#judgeExit(this.#child);
      if (performance.now() > deadline)
        throw new RegimeFailure(`no snapshot in ${STALLED_MS} ms\n${this.#child?.output}`);
      await sleep(10);
    }
  }

  /** Until the child has appended something and, if one is named, the log is in that state. */
  async #seen(offsetBefore: string, state: LogState | null): Promise<void> {
    const deadline = performance.now() + SEEN_WITHIN_MS;
    while (performance.now() < deadline && this.#child?.exit === null) {
      const position = await this.#position();
      if (position.offset !== offsetBefore && (state === null || position.state === state)) return;
      await sleep(3);
    }
  }

  async #faultAfter(fault: ServerFault, delayMs: number): Promise<void> {
    const { server, url } = this.#options;
    await sleep(delayMs);
    this.#serverWasDown = true;
    switch (fault) {
      case 'fast restart':
        return server.restart();
      case 'crash restart':
        await server.kill();
        return server.restart();
      case 'backend terminated': {
        const client = await openClient(url);
        await client.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1', [
          CONNECTOR,
        ]);
        return client.end();
      }
      default:
        fault satisfies never;
    }
  }
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

/** Through a server that is on its way back. */
async function openClient(url: string): Promise<pg.Client> {
  for (let attempt = 1; ; attempt++) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (attempt === 100 || !isServerFault(error)) throw error;
      await sleep(50);
    }
  }
}
