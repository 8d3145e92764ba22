import type { SourceOffset } from '../../src/model/log.ts';
import type { LogRecord } from '../../src/model/record.ts';
import type { LogFault } from './plan.ts';

/** Where the last durable batch left the task: what a start from here on has to continue. */
export type LogState = 'nothing yet' | 'in the snapshot' | 'inside a transaction' | 'between transactions';

export interface LogPosition {
  readonly state: LogState;
  /** The stored source offset as text: another text is progress. */
  readonly offset: string;
  readonly stored: SourceOffset | null;
}

/** What the crash regime needs of a kind of log: a place for each round's records, and ways to break it. */
export interface LogServer extends AsyncDisposable {
  /** What can happen to it while it is written. */
  readonly faults: readonly LogFault[];
  createLog(options: CrashLogOptions): Promise<CrashLog>;
}

export interface CrashLogOptions {
  readonly round: number;
  /** A folder of the round, for files. */
  readonly dir: string;
  readonly connector: string;
  readonly topicPrefix: string;
}

/** Where the records of one round go. */
export interface CrashLog {
  /** What a connector's configuration says of it. */
  readonly config: Readonly<Record<string, string>>;
  /** Files that `tailrace run` is given before the connector's own. */
  readonly workerFiles: readonly string[];
  /** Throws a TailraceError when it cannot be read. */
  position(): Promise<LogPosition>;
  /** For a line of the report. */
  describe(): string;
  /** Resolves when the log is as it was, or can be written again. `freeze`: stops the child for so long. */
  strike(fault: LogFault, freeze: (ms: number) => Promise<void>): Promise<void>;
  /** All that was written, for a judge; null: nothing ever was. Throws a TailraceError when it cannot be read. */
  open(): Promise<WrittenLog | null>;
  drop(): Promise<void>;
}

export interface WrittenLog extends AsyncDisposable {
  /** Name to number of partitions. */
  readonly topics: ReadonlyMap<string, number>;
  /** Without what was delivered twice, where the log says so of itself in {@link repetitions}. */
  read(topic: string, partition: number): AsyncIterable<LogRecord> | Iterable<LogRecord>;
  readonly repetitions: Repetitions;
}

/** What a log of at least once has more than once. */
export interface Repetitions {
  readonly records: number;
  /** In which run of the task, and how many. */
  readonly perRun: readonly number[];
  /** Whether it keeps the rows of snapshots that were interrupted. */
  readonly keepsInterruptedSnapshots: boolean;
  /** More than the log's guarantee allows. */
  readonly excesses: readonly string[];
}

export const NO_REPETITIONS: Repetitions = {
  records: 0,
  perRun: [],
  keepsInterruptedSnapshots: false,
  excesses: [],
};

export const NO_POSITION: LogPosition = { state: 'nothing yet', offset: '', stored: null };

/** Postgres counts the changes that were delivered of an open transaction, MySQL its events and rows. */
const PROGRESS_KEYS = ['skip', 'event', 'row', 'xa_event'] as const;

export function positionOf(stored: SourceOffset): LogPosition {
  return { state: stateOf(stored), offset: JSON.stringify(stored), stored };
}

function stateOf(offset: SourceOffset): LogState {
  if (offset.snapshot !== undefined && offset.snapshot_completed !== true) return 'in the snapshot';
  const isInside = PROGRESS_KEYS.some((key) => typeof offset[key] === 'number' && offset[key] > 0);
  return isInside ? 'inside a transaction' : 'between transactions';
}
