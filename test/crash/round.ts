import { setTimeout as sleep } from 'node:timers/promises';
import { TailraceError } from '../../src/model/errors.ts';
import { TailraceChild } from './child.ts';
import type { CrashLog, LogPosition, LogState } from './crash-log.ts';
import type { CrashDatabase } from './database.ts';
import type { Mutant } from './mutants.ts';
import { isLogFault, type Phase, type PlannedKill } from './plan.ts';
import type { Random } from './random.ts';

/** A child that appends nothing for so long is killed all the same: its start takes half a second, and many on a busy machine. */
const PROGRESS_WITHIN_MS = 30_000;
/** Likewise when there may be nothing to append. */
const IDLE_WITHIN_MS = 4_000;
/** From when a state of the log is due, with the child at work and the transaction committed, to when it is not waited for any more. */
const STATE_WITHIN_MS = 8_000;
/** Without any progress for so long after the load has ended, the child hangs. */
const STALLED_MS = 20_000;
/** A whole snapshot, of a mutant that pauses between its appends on a busy machine, too. */
const SNAPSHOT_WITHIN_MS = 60_000;

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
  readonly database: CrashDatabase;
  readonly mutant: Mutant | null;
  readonly print: (line: string) => void;
  /** Counted up with every kill. */
  readonly hit: Record<LogState, number>;
  /** Number that the first kill is reported by. */
  readonly firstKill: number;
  readonly random: Random;
  /** What `tailrace run` is given. */
  readonly configFiles: readonly string[];
  readonly log: CrashLog;
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
    const { database, log, random, hit, print, firstKill } = this.#options;
    const { load } = database;
    this.#running();
    if (plan.phase !== 'snapshot') await this.#pastSnapshot();
    const before = await this.#position();
    if (plan.phase === 'idle') load.pause();
    else load.resume();
    if (plan.alterTable) await load.alterTable(random);
    const work = plan.phase === 'big transaction' ? load.bigTransaction() : Promise.resolve();
    const fault = plan.fault === null ? Promise.resolve() : this.#faultAfter(plan.fault, random.integer(0, 1000));
    if (plan.from !== 'start') await this.#seen(before.offset, plan, work);
    if (plan.survives) {
      await fault;
      await this.#movesOn();
    }
    await sleep(plan.delayMs);
    await fault;
    const last = this.#running();
    if (last.exit === null) await last.kill();
    else this.#judgeExit(last);
    await work;
    this.#child = null;
    this.#serverWasDown = false;
    const { state } = await this.#position();
    hit[state]++;
    const number = firstKill + this.#killed++;
    const also = plan.fault === null ? '' : `, ${plan.fault}${plan.survives ? ' and survived' : ''}`;
    print(`kill ${number}: ${plan.phase}, ${plan.delayMs} ms from ${plan.from}${also}: ${state}, ${log.describe()}`);
  }

  /** Until everything that was committed is delivered; then an orderly stop. */
  async catchUp(): Promise<void> {
    await using delivery = await this.#options.database.watchDelivery();
    const startedMs = performance.now();
    let seen = '';
    let progressMs = startedMs;
    let child = this.#running();
    for (;;) {
      const { position, isDone } = await delivery.progress((await this.#position()).stored);
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
      if (performance.now() - progressMs > STALLED_MS) {
        throw new RegimeFailure(`delivery stands at ${position} for ${STALLED_MS} ms\n${child.output}`);
      }
      await sleep(20);
    }
    const { print } = this.#options;
    print(`caught up in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    const { code, signal } = await child.stop();
    this.#child = null;
    if (code !== 0) throw new RegimeFailure(`after SIGTERM the child ended with ${code ?? signal}\n${child.output}`);
  }

  async close(): Promise<void> {
    if (this.#child?.exit === null) await this.#child.kill();
  }

  #running(): TailraceChild {
    this.#child ??= new TailraceChild(this.#options.configFiles, this.#options.mutant);
    return this.#child;
  }

  #judgeExit(child: TailraceChild): void {
    const { code, signal } = child.exit!;
    if (this.#serverWasDown && code === 3) return;
    throw new RegimeFailure(`the child ended by itself with ${code ?? signal}\n${child.output}`);
  }

  async #position(): Promise<LogPosition> {
    try {
      return await this.#options.log.position();
    } catch (error) {
      if (!(error instanceof TailraceError)) throw error;
      throw new RegimeFailure(`the log cannot be read: ${error.message}`);
    }
  }

  /** A kill during the snapshot starts it anew, so that what comes after it needs some peace first. */
  async #pastSnapshot(): Promise<void> {
    const deadline = performance.now() + SNAPSHOT_WITHIN_MS;
    for (;;) {
      const { state } = await this.#position();
      if (state !== 'in the snapshot' && state !== 'nothing yet') return;
      if (this.#child !== null && this.#child.exit !== null) this.#judgeExit(this.#child);
      if (performance.now() > deadline)
        throw new RegimeFailure(`no snapshot in ${SNAPSHOT_WITHIN_MS} ms\n${this.#child?.output}`);
      await sleep(10);
    }
  }

  /** Until the child has appended something and, if the kill asks for the phase itself, the log is in its state. */
  async #seen(offsetBefore: string, { phase, from }: PlannedKill, work: Promise<void>): Promise<void> {
    const state = from === 'phase' ? PHASE_STATES[phase] : null;
    const progressByMs = performance.now() + (phase === 'idle' ? IDLE_WITHIN_MS : PROGRESS_WITHIN_MS);
    let isCommitted = false;
    const committed = (): void => {
      isCommitted = true;
    };
    work.then(committed, committed);
    let stateByMs = Number.POSITIVE_INFINITY;
    while (this.#child?.exit === null) {
      const position = await this.#position();
      const hasProgress = position.offset !== offsetBefore;
      if (hasProgress && (state === null || position.state === state)) return;
      // Once it is complete, a snapshot is not read again.
      if (state === 'in the snapshot' && /transaction/.test(position.state)) return;
      const nowMs = performance.now();
      if (hasProgress && isCommitted) stateByMs = Math.min(stateByMs, nowMs + STATE_WITHIN_MS);
      if (nowMs > stateByMs || (!hasProgress && nowMs > progressByMs)) return;
      await sleep(3);
    }
  }

  async #faultAfter(fault: NonNullable<PlannedKill['fault']>, delayMs: number): Promise<void> {
    const { database, log } = this.#options;
    await sleep(delayMs);
    this.#serverWasDown = true;
    if (isLogFault(fault)) await log.strike(fault, (ms) => this.#running().freeze(ms));
    else await database.strike(fault);
  }

  /** Until the log has something new, of this child. One that gave up is started again, as its service manager would. */
  async #movesOn(): Promise<void> {
    this.#options.database.load.resume();
    const { offset: before } = await this.#position();
    const deadline = performance.now() + STALLED_MS;
    while ((await this.#position()).offset === before) {
      if (this.#running().exit !== null) {
        this.#judgeExit(this.#running());
        this.#child = null;
      }
      if (performance.now() > deadline) {
        throw new RegimeFailure(`after the fault nothing comes for ${STALLED_MS} ms\n${this.#running().output}`);
      }
      await sleep(10);
    }
  }
}
