import type { Row, RowChange, SnapshotMarker, Table, Tx } from '../../decoders/change.ts';
import type { TailraceError } from '../model/errors.ts';
import type { TableProgress } from '../model/plugin.ts';

/** A table to read; sources extend it with how. */
export interface SnapshotTable {
  /** `schema.table` or `database.table` */
  readonly id: string;
  readonly table: Table;
  readonly estimatedRows: number | null;
}

/** A session that reads one table after another. */
export interface TableStream<P extends SnapshotTable> {
  /** Ends in `onEnd` or `onError` of the listener. */
  read(plan: P, listener: TableListener): void;
  /** What was received already may still be delivered. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export interface TableListener {
  /** `bytes`: its size as it was read. The row must stay valid for as long as it is referred to. */
  onRow(row: Row, bytes: number): void;
  /** The table is read, and was what the snapshot takes it for. */
  onEnd(): void;
  /** Nothing follows. */
  onError(error: unknown): void;
}

export interface SnapshotReaderOptions<P extends SnapshotTable, T extends Tx> {
  readonly tables: readonly P[];
  /** Bytes of rows that make a batch. */
  readonly batchBytes: number;
  /** {@link RowChange.at} of the rows. */
  readonly at: number;
  /** What the rows of one batch say of their transaction. */
  readonly newTx: () => T;
  readonly explain: (error: unknown, table: string) => TailraceError;
}

export interface SnapshotBatch<T extends Tx> {
  readonly changes: readonly RowChange<T>[];
  readonly bytes: number;
  /** When its rows were read, microseconds since 1970 UTC. */
  readonly readTimeMicros: number;
  readonly isLast: boolean;
}

type Progress = { -readonly [K in keyof TableProgress]: TableProgress[K] };

/**
 * Reads tables over one or more sessions, each table over one of them, into one pending batch that all of them fill:
 * when it is full all of them are paused until it is taken. The last row of a table is held back until something follows
 * it, because the very last one of all is marked as such.
 */
export class SnapshotReader<P extends SnapshotTable, T extends Tx> {
  readonly progress: readonly Progress[];
  readonly #options: SnapshotReaderOptions<P, T>;
  readonly #workers: Worker<P, T>[] = [];
  #nextTable = 0;
  #reading = 0;
  #changes: RowChange<T>[] = [];
  #bytes = 0;
  #full = false;
  #ordinal = 0;
  #tx: T;
  #held: { readonly row: Row; readonly table: Table; readonly marker: SnapshotMarker } | null = null;
  #ended = false;
  #error: TailraceError | null = null;
  #wake: (() => void) | null = null;

  constructor(options: SnapshotReaderOptions<P, T>) {
    this.#options = options;
    this.progress = options.tables.map(({ id, estimatedRows }) => ({
      table: id,
      rows: 0,
      estimatedRows,
      state: 'waiting',
    }));
    this.#tx = options.newTx();
  }

  /** Begins to read over these sessions, which all see the snapshot. They are closed in the end. */
  start(streams: readonly TableStream<P>[]): void {
    for (const stream of streams) this.#workers.push(new Worker(this, stream));
    for (const worker of this.#workers) this.#assign(worker);
  }

  /** The next batch; null after the one that is last, and after {@link stop}. */
  async next(): Promise<SnapshotBatch<T> | null> {
    while (this.#error === null && !this.#ended && !this.#full && !this.#isDone()) {
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    if (this.#error !== null) throw this.#error;
    if (this.#ended) return null;
    if (this.#isDone() && this.#held !== null) {
      this.#push(this.#held.row, this.#held.table, 'last');
      this.#held = null;
    }
    return this.#take();
  }

  /** Gives no more batches. */
  stop(): void {
    this.#ended = true;
    this.#notify();
  }

  async close(): Promise<void> {
    this.stop();
    await Promise.all(this.#workers.map((worker) => worker.stream.close()));
  }

  received(worker: Worker<P, T>, bytes: number): void {
    this.#bytes += bytes;
    this.progress[worker.index]!.rows++;
    if (this.#bytes < this.#options.batchBytes || this.#full || this.#changes.length === 0) return;
    this.#full = true;
    for (const { stream } of this.#workers) stream.pause();
    this.#notify();
  }

  /** A row that another one of the same table follows. */
  row(worker: Worker<P, T>, row: Row, isFirst: boolean): void {
    this.#pushHeld();
    this.#push(row, worker.table, isFirst ? this.#firstMarker(worker) : 'true');
  }

  tableDone(worker: Worker<P, T>, last: Row | null, isOnlyRow: boolean): void {
    if (last !== null) {
      this.#pushHeld();
      const isFirstOfAll = isOnlyRow && worker.index === 0;
      this.#held = { row: last, table: worker.table, marker: isFirstOfAll ? 'first' : 'last_in_data_collection' };
    }
    this.progress[worker.index]!.state = 'done';
    this.#reading--;
    this.#assign(worker);
  }

  failed(worker: Worker<P, T>, error: unknown): void {
    this.#error ??= this.#options.explain(error, this.#options.tables[worker.index]!.id);
    this.#notify();
  }

  #assign(worker: Worker<P, T>): void {
    const index = this.#nextTable;
    const next = this.#options.tables[index];
    if (next !== undefined) {
      this.#nextTable++;
      this.#reading++;
      this.progress[index]!.state = 'reading';
      worker.read(index, next);
    } else if (this.#isDone()) this.#notify();
  }

  #isDone(): boolean {
    return this.#reading === 0 && this.#nextTable === this.#options.tables.length;
  }

  /** Debezium gives `first` to a row of the first table only: when that is empty, no row is. */
  #firstMarker(worker: Worker<P, T>): SnapshotMarker {
    return worker.index === 0 ? 'first' : 'first_in_data_collection';
  }

  /** Something follows it. */
  #pushHeld(): void {
    if (this.#held === null) return;
    const { row, table, marker } = this.#held;
    this.#held = null;
    this.#push(row, table, marker);
  }

  #push(row: Row, table: Table, marker: SnapshotMarker): void {
    this.#changes.push({
      kind: 'row',
      op: 'r',
      table,
      before: null,
      after: row,
      tx: this.#tx,
      ordinal: this.#ordinal++,
      at: this.#options.at,
      snapshot: marker,
    });
  }

  #take(): SnapshotBatch<T> {
    const isLast = this.#isDone();
    const batch: SnapshotBatch<T> = {
      changes: this.#changes,
      bytes: this.#bytes,
      readTimeMicros: this.#tx.commitTimeMicros,
      isLast,
    };
    this.#ended = isLast;
    this.#changes = [];
    this.#bytes = 0;
    this.#tx = this.#options.newTx();
    if (this.#full) {
      this.#full = false;
      for (const { stream } of this.#workers) stream.resume();
    }
    return batch;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

/** One session, and the row that was read ahead: whether it is the last of its table shows when the next one comes. */
class Worker<P extends SnapshotTable, T extends Tx> implements TableListener {
  readonly stream: TableStream<P>;
  readonly #reader: SnapshotReader<P, T>;
  #table: Table | null = null;
  #ahead: Row | null = null;
  #count = 0;
  index = 0;

  constructor(reader: SnapshotReader<P, T>, stream: TableStream<P>) {
    this.#reader = reader;
    this.stream = stream;
  }

  get table(): Table {
    return this.#table!;
  }

  read(index: number, plan: P): void {
    this.index = index;
    this.#table = plan.table;
    this.#ahead = null;
    this.#count = 0;
    this.stream.read(plan, this);
  }

  onRow(row: Row, bytes: number): void {
    if (this.#ahead !== null) this.#reader.row(this, this.#ahead, this.#count === 1);
    this.#ahead = row;
    this.#count++;
    this.#reader.received(this, bytes);
  }

  onEnd(): void {
    this.#reader.tableDone(this, this.#ahead, this.#count === 1);
  }

  onError(error: unknown): void {
    this.#reader.failed(this, error);
  }
}
