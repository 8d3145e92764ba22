import { setTimeout as sleep } from 'node:timers/promises';
import { TailraceError } from '../../src/model/errors.ts';
import type { TestPostgres } from '../services/postgres.ts';
import { TailraceChild } from './child.ts';
import { openClient } from './database-client.ts';
import type { Load } from './load.ts';
import { type LogPosition, type LogState, logSizeBytes, readLogPosition } from './log-state.ts';
import type { Mutant } from './mutants.ts';
import type { Phase, PlannedKill, ServerFault } from './plan.ts';
import type { Random } from './random.ts';

/** A child is given this long to be seen in the phase it is to be killed in; then it is killed all the same. */
const SEEN_WITHIN_MS = 4_000;
/** Without any progress of the slot for so long after the load has ended, the child hangs. */
const STALLED_MS = 20_000;

/** How the log tells that the child is in a phase; null: any progress will do. */
const PHASE_STATES: Readonly<Record<Phase, LogState | null>> = {
  snapshot: 'in the snapshot',
  'big transaction': 'inside a transaction',
  load: null,
  idle: null,
};

/** What tailrace itself did wrong, as opposed to a fault of the regime. */
export class RegimeFailure extends Error {}

export interface RoundOptions {
  readonly server: TestPostgres;
  readonly mutant: Mutant | null;
  readonly print: (line: string) => void;
  /** Counted up with every kill. */
  readonly hit: Record<LogState, number>;
  /** Number that the first kill is reported by. */
  readonly firstKill: number;
  /** Of the connector, and of its slot. */
  readonly connector: string;
  readonly random: Random;
  readonly load: Load;
  readonly url: string;
  readonly configFile: string;
  readonly logPath: string;
}

/** The kills of one database and log, and the child between them. */
export class Round {
  readonly #options: RoundOptions;
  #child: TailraceChild | null = null;
  #killed = 0;
  /** While the server is down, a child may give up, as its service manager would see it. */
  #serverWasDown = false;

  constructor(options: RoundOptions) {
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
          [rows[0]!.lsn, this.#options.connector],
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
          this.#options.connector,
        ]);
        return client.end();
      }
      default:
        fault satisfies never;
    }
  }
}
