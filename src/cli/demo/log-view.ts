import type { SqliteLog } from '../../logs/sqlite/log.ts';
import type { LogRecord } from '../../model/record.ts';
import { CommitOrderReader } from './commit-order.ts';
import { deliveredOf } from './delivery.ts';
import type { DemoScreen } from './demo-screen.ts';
import { pause } from './pause.ts';

/** How soon a change is on the screen after it is in the log. */
const LOOK_MS = 40;
const STATUS_MS = 500;
/** Changes per second are those of the last seconds. */
const RATE_WINDOW_MS = 5000;

export interface LogViewOptions {
  readonly screen: DemoScreen;
  readonly clock: () => number;
  readonly lagUrl: string;
  readonly showsChanges: boolean;
}

/** Shows what arrives in a log, and how far behind it is. */
export class LogView {
  readonly #reader: CommitOrderReader;
  readonly #options: LogViewOptions;
  readonly #looks: { readonly ms: number; readonly count: number }[] = [];
  readonly #snapshotTopics = new Set<string>();
  #count = 0;

  constructor(log: SqliteLog, options: LogViewOptions) {
    this.#reader = new CommitOrderReader(log);
    this.#options = options;
  }

  /** Changes in the log, tombstones not counted. */
  get count(): number {
    return this.#count;
  }

  /** Shows changes until the signal aborts. */
  async runChanges(signal: AbortSignal): Promise<void> {
    const { screen, clock, showsChanges } = this.#options;
    for (;;) {
      const records = (await this.#reader.read()).filter(({ value }) => value !== null);
      this.#count += records.length;
      this.#looks.push({ ms: clock(), count: this.#count });
      if (showsChanges) await screen.changes(records.filter((record) => this.#isShown(record)));
      // What was acked before the signal is in the log, and seen by the look after it.
      if (signal.aborted) return;
      await pause(LOOK_MS, signal);
    }
  }

  /** Shows figures until the signal aborts. */
  async runStatus(signal: AbortSignal): Promise<void> {
    const { screen, lagUrl } = this.#options;
    while (!signal.aborted) {
      const lag = await askLag(lagUrl, signal);
      screen.status({ changesPerSecond: this.#rate(), delivered: this.#count, ...lag }, lagUrl);
      await pause(STATUS_MS, signal);
    }
  }

  /** Of a snapshot one row of each table: the rest looks like it. */
  #isShown(record: LogRecord): boolean {
    if (deliveredOf(record).op !== 'r') return true;
    if (this.#snapshotTopics.has(record.topic)) return false;
    this.#snapshotTopics.add(record.topic);
    return true;
  }

  #rate(): number {
    const nowMs = this.#options.clock();
    while (this.#looks.length > 1 && this.#looks[0]!.ms < nowMs - RATE_WINDOW_MS) this.#looks.shift();
    const [first] = this.#looks;
    if (first === undefined || nowMs === first.ms) return 0;
    return ((this.#count - first.count) / (nowMs - first.ms)) * 1000;
  }
}

interface Lag {
  readonly retainedBytes: number | null;
  readonly lagMs: number | null;
}

/** What `/lag` says; nothing while nobody listens, as between two runs of the connector. */
async function askLag(url: string, signal: AbortSignal): Promise<Lag> {
  try {
    const { slots } = (await (await fetch(url, { signal })).json()) as { readonly slots: readonly Lag[] };
    return { retainedBytes: slots[0]?.retainedBytes ?? null, lagMs: slots[0]?.lagMs ?? null };
  } catch (error) {
    if (signal.aborted || error instanceof TypeError) return { retainedBytes: null, lagMs: null };
    throw error;
  }
}
