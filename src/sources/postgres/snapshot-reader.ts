import type { Client } from 'pg';
import type { Row, RowChange, SnapshotMarker, Table } from '../../../decoders/change.ts';
import { CopyTextReader } from '../../../decoders/pgoutput/copy-text.ts';
import type { PgTx } from '../../../decoders/pgoutput/tx.ts';
import type { TailraceError } from '../../model/errors.ts';
import type { TableProgress } from '../../model/plugin.ts';
import type { PublishedTable } from './catalog.ts';
import { type CopyListener, CopyStream } from './copy-stream.ts';
import { goneSince, outdatedView, viewCheck } from './outdated-view.ts';
import { takeOver } from './wire.ts';

/** A table to read, and how. */
export interface SnapshotTable {
  /** `schema.table` */
  readonly id: string;
  readonly table: Table;
  readonly published: PublishedTable;
  /** Its rows are read by a statement of the user's. */
  readonly overridden: boolean;
  /** The COPY statement; its columns are the table's, in their order. */
  readonly sql: string;
  readonly estimatedRows: number | null;
}

export interface SnapshotReaderOptions {
  readonly tables: readonly SnapshotTable[];
  /** LSN and transaction id that the rows are given. */
  readonly lsn: number;
  readonly xid: number;
  /** Bytes of rows that make a batch. */
  readonly batchBytes: number;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  readonly explain: (error: unknown, table: string) => TailraceError;
}

export interface SnapshotBatch {
  readonly changes: readonly RowChange<PgTx>[];
  readonly bytes: number;
  /** When its rows were read, microseconds since 1970 UTC. */
  readonly readTimeMicros: number;
  readonly isLast: boolean;
}

type Progress = { -readonly [K in keyof TableProgress]: TableProgress[K] };

/**
 * Reads tables over one or more sessions, each table over one of them, into one pending batch that all of them fill:
 * when it is full every socket is paused until it is taken. The last row of a table is held back until something follows
 * it, because the very last one of all is marked as such.
 */
export class SnapshotReader {
  readonly progress: readonly Progress[];
  readonly #options: SnapshotReaderOptions;
  readonly #workers: Worker[] = [];
  #nextTable = 0;
  #reading = 0;
  #changes: RowChange<PgTx>[] = [];
  #bytes = 0;
  #full = false;
  #ordinal = 0;
  #tx: PgTx;
  #held: { readonly row: Row; readonly table: Table; readonly marker: SnapshotMarker } | null = null;
  #ended = false;
  #error: TailraceError | null = null;
  #wake: (() => void) | null = null;

  constructor(options: SnapshotReaderOptions) {
    this.#options = options;
    this.progress = options.tables.map(({ id, estimatedRows }) => ({
      table: id,
      rows: 0,
      estimatedRows,
      state: 'waiting',
    }));
    this.#tx = this.#newTx();
  }

  /** Begins to read over these sessions, whose transactions see the snapshot. They are closed in the end. */
  start(sessions: readonly Client[]): void {
    for (const session of sessions) {
      const worker = new Worker(this);
      worker.stream.attach(takeOver(session, worker.stream));
      this.#workers.push(worker);
    }
    for (const worker of this.#workers) this.#assign(worker);
  }

  /** The next batch; null after the one that is last, and after {@link stop}. */
  async next(): Promise<SnapshotBatch | null> {
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

  /** A row that another one of the same table follows. */
  row(worker: Worker, row: Row, isFirst: boolean): void {
    this.#push(row, worker.table, isFirst ? this.#firstMarker(worker) : 'true');
  }

  received(worker: Worker, bytes: number): void {
    this.#bytes += bytes;
    this.progress[worker.index]!.rows++;
  }

  drained(): void {
    if (this.#bytes < this.#options.batchBytes || this.#full || this.#changes.length === 0) return;
    this.#full = true;
    for (const worker of this.#workers) worker.stream.pause();
    this.#notify();
  }

  tableDone(worker: Worker, last: Row | null, isOnlyRow: boolean): void {
    if (last !== null) {
      if (this.#held !== null) this.#push(this.#held.row, this.#held.table, this.#held.marker);
      const isFirstOfAll = isOnlyRow && worker.index === 0;
      this.#held = { row: last, table: worker.table, marker: isFirstOfAll ? 'first' : 'last_in_data_collection' };
    }
    this.progress[worker.index]!.state = 'done';
    this.#reading--;
    this.#assign(worker);
  }

  failed(worker: Worker, error: unknown): void {
    this.#error ??= this.#options.explain(error, this.#options.tables[worker.index]!.id);
    this.#notify();
  }

  #assign(worker: Worker): void {
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
  #firstMarker(worker: Worker): SnapshotMarker {
    return worker.index === 0 ? 'first' : 'first_in_data_collection';
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
      at: this.#options.lsn,
      snapshot: marker,
    });
  }

  #take(): SnapshotBatch {
    const isLast = this.#isDone();
    const batch: SnapshotBatch = {
      changes: this.#changes,
      bytes: this.#bytes,
      readTimeMicros: this.#tx.commitTimeMicros,
      isLast,
    };
    this.#ended = isLast;
    this.#changes = [];
    this.#bytes = 0;
    this.#tx = this.#newTx();
    if (this.#full) {
      this.#full = false;
      for (const worker of this.#workers) worker.stream.resume();
    }
    return batch;
  }

  #newTx(): PgTx {
    const { xid, lsn, clock } = this.#options;
    return {
      commitTimeMicros: clock() * 1000,
      xid,
      commitLsn: lsn,
      previousEndLsn: null,
      origin: null,
      originLsn: null,
    };
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

/** One session, reading one table after another, each of them and then whether that was the table which its view has. */
class Worker implements CopyListener {
  readonly stream = new CopyStream(this);
  readonly #reader: SnapshotReader;
  #rows = new CopyTextReader(0);
  #plan: SnapshotTable | null = null;
  #ahead: Row | null = null;
  #count = 0;
  #isChecking = false;
  index = 0;

  constructor(reader: SnapshotReader) {
    this.#reader = reader;
  }

  get table(): Table {
    return this.#plan!.table;
  }

  read(index: number, plan: SnapshotTable): void {
    this.index = index;
    this.#plan = plan;
    this.#rows = new CopyTextReader(plan.table.columns.length);
    this.#ahead = null;
    this.#count = 0;
    this.#isChecking = false;
    this.stream.copy(plan.sql);
  }

  onRow(bytes: Buffer, start: number, end: number): void {
    if (this.#isChecking) throw outdatedView(this.#plan!.published, bytes.toString('utf8', start, end).trimEnd());
    const row = this.#rows.row(bytes, start, end);
    if (this.#ahead !== null) this.#reader.row(this, this.#ahead, this.#count === 1);
    this.#ahead = row;
    this.#count++;
    this.#reader.received(this, end - start);
  }

  onDrained(): void {
    this.#reader.drained();
  }

  onDone(): void {
    if (!this.#isChecking) {
      this.#isChecking = true;
      const { published, overridden } = this.#plan!;
      this.stream.copy(viewCheck({ table: published, overridden, rows: this.#count }));
      return;
    }
    this.#reader.tableDone(this, this.#ahead, this.#count === 1);
  }

  onError(error: unknown): void {
    const reason = goneSince(error);
    this.#reader.failed(this, reason === null ? error : outdatedView(this.#plan!.published, reason));
  }
}
