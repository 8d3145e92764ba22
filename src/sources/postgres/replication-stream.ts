import type { Change, Table } from '../../../decoders/change.ts';
import { CopyDataReader } from '../../../decoders/pgoutput/copy-data.ts';
import { FrameReader } from '../../../decoders/pgoutput/frame.ts';
import { parseServerReport } from '../../../decoders/pgoutput/server-report.ts';
import { type Skip, TransactionReducer } from '../../../decoders/pgoutput/transaction.ts';
import type { PgTx } from '../../../decoders/pgoutput/tx.ts';
import type { TailraceError } from '../../model/errors.ts';
import { ReadPacer } from './read-pacer.ts';
import { SeenFilter } from './seen-filter.ts';
import type { SeenTransactions } from './seen-transactions.ts';
import { StatusUpdates } from './status-updates.ts';
import type { Wire, WireListener } from './wire.ts';

/** What the stream goes on from, and what it has delivered. */
export interface StreamPosition {
  /** Everything that committed before this was delivered. */
  readonly endLsn: number;
  readonly skip: Skip | null;
  readonly messageLsn: number | null;
  readonly seen: SeenTransactions | null;
  /** End of the last commit that was delivered; null before the first one after a snapshot. */
  readonly previousEndLsn: number | null;
  /** Its time, microseconds since 1970 UTC. */
  readonly lastCommitTimeMicros: number | null;
}

/** Changes in commit order; without any, the position alone has moved on. */
export interface StreamBatch {
  readonly changes: readonly Change<PgTx>[];
  /** Table versions that the changes mention for the first time. */
  readonly newTables: readonly Table[];
  readonly position: StreamPosition;
  readonly bytes: number;
}

export interface StreamOptions {
  readonly from: StreamPosition;
  readonly captures: (table: Table) => boolean;
  /** Prefixes of logical messages; null: all are wanted. */
  readonly capturesPrefix: ((prefix: string) => boolean) | null;
  /** Of c, u, d and t. */
  readonly skippedOperations: ReadonlySet<string>;
  readonly boundaries: boolean;
  /** Bytes received that close a batch inside a transaction, and pause the socket until it is taken. */
  readonly batchBytes: number;
  readonly statusIntervalMs: number;
  /** Turns what the server reported, or what could not be decoded, into an error of ours; `atLsn`: how far the stream had come. */
  readonly explain: (error: unknown, atLsn: number) => TailraceError;
}

/** An idle position is stored at most this often: it costs an append. */
const IDLE_INTERVAL_MS = 1_000;

const COPY_DATA = 0x64; // d
const COPY_BOTH = 0x57; // W
const COPY_DONE = 0x63; // c
const ERROR = 0x45; // E

/**
 * The reader's half of the replication protocol. Chunks are decoded as they arrive, so keepalives are answered at once,
 * into one pending batch; when that is full the socket is paused until it is taken. Status updates repeat the last *acked*
 * LSN by timer, paused or not, which is all that the server asks of a living reader.
 */
export class ReplicationStream implements WireListener {
  readonly #options: StreamOptions;
  readonly #frames = new FrameReader();
  readonly #data = new CopyDataReader();
  readonly #reducer: TransactionReducer;
  readonly #pacer: ReadPacer;
  readonly #status: StatusUpdates;
  readonly #seen: SeenFilter;
  #wire: Wire | null = null;
  #started: { resolve: () => void; reject: (error: TailraceError) => void } | null = null;
  #wake: (() => void) | null = null;
  #error: TailraceError | null = null;
  #stopped = false;
  #closed = false;

  /** Bytes received since the last batch was taken. */
  #pendingBytes = 0;
  #full = false;
  /** Where a keepalive said that the server has read up to, while no transaction was open. */
  #idleLsn: number;
  #deliveredLsn: number;
  #lastIdleMs = Number.NEGATIVE_INFINITY;
  /** The server waits for us to move on, as it does when it shuts down. */
  #urgent = false;
  #beatDue = false;

  #idleTimer: NodeJS.Timeout | null = null;

  constructor(options: StreamOptions) {
    this.#options = options;
    const { endLsn, skip, messageLsn, seen, previousEndLsn, lastCommitTimeMicros } = options.from;
    const { captures, skippedOperations, boundaries } = options;
    this.#reducer = new TransactionReducer({
      captures,
      skippedOperations,
      boundaries,
      resume: { lastEndLsn: endLsn, skip, lastMessageLsn: messageLsn, previousEndLsn, lastCommitTimeMicros },
    });
    this.#idleLsn = this.#deliveredLsn = endLsn;
    this.#seen = new SeenFilter(seen);
    this.#status = new StatusUpdates({
      ackedLsn: endLsn,
      intervalMs: options.statusIntervalMs,
      isListening: () => !this.#full && !this.#stopped,
      onSilence: (silentMs) => this.#hangUp(silentMs),
    });
    this.#pacer = new ReadPacer(
      () => this.#wire?.pause(),
      () => this.#resume(),
    );
  }

  /** Sends START_REPLICATION; resolves when the server streams, rejects with what it said instead. */
  start(wire: Wire, sql: string): Promise<void> {
    this.#wire = wire;
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject };
      wire.query(sql);
    });
  }

  /** The next batch, as soon as there is one that ends with a transaction or is full. Null after {@link stop}. */
  async next(): Promise<StreamBatch | null> {
    for (;;) {
      if (this.#error !== null) throw this.#error;
      if (this.#stopped) return null;
      if (this.#isReady()) return this.#take();
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  /** Everything that committed before `endLsn` is durable. */
  ack(endLsn: number): void {
    this.#status.ack(endLsn);
    this.#considerIdle();
  }

  /** Gives no more batches; what was given can still be acked. */
  stop(): void {
    this.#stopped = true;
    this.#wire?.pause();
    this.#notify();
  }

  /** Asks for a batch even if there is no change and no other position: what a heartbeat record travels with. */
  beat(): void {
    this.#beatDue = true;
    if (this.#isReady()) this.#notify();
  }

  /** Tells the server what is durable and leaves. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.stop();
    if (this.#error === null && this.#started === null) this.#status.send(false);
    this.#closed = true;
    this.#stopTimers();
    await this.#wire?.close();
  }

  onChunk(chunk: Buffer): void {
    if (this.#stopped || this.#error !== null) return;
    this.#status.heard();
    this.#pendingBytes += chunk.length;
    try {
      const frames = this.#frames;
      frames.push(chunk);
      while (this.#error === null && frames.next()) this.#frame(frames.type, frames.bytes, frames.start, frames.end);
    } catch (error) {
      this.#fail(error);
    }
    if (this.#error !== null) return;
    if (this.#pendingBytes >= this.#options.batchBytes) {
      if (this.#reducer.length === 0) this.#pendingBytes = 0;
      else {
        this.#full = true;
        this.#wire?.pause();
      }
    }
    if (!this.#full) this.#pacer.received(chunk.length);
    if (this.#isReady()) this.#notify();
  }

  onClosed(error: Error | null): void {
    this.#fail(error ?? new Error('Connection terminated by the server'));
  }

  #frame(type: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case COPY_DATA:
        this.#data.read(bytes, start, end);
        if (this.#data.kind === 'keepalive') this.#keepalive();
        else this.#message(bytes, this.#data.payloadStart, end);
        return;
      case COPY_BOTH:
        if (this.#wire !== null) this.#status.start(this.#wire);
        this.#started?.resolve();
        this.#started = null;
        return;
      case COPY_DONE:
        this.#fail(new Error('Connection terminated: the server ended the stream'));
        return;
      case ERROR:
        this.#fail(parseServerReport(bytes, start, end));
        return;
      default:
        // Notices, parameter changes, and what follows CopyDone: they say nothing about changes.
        return;
    }
  }

  #message(bytes: Buffer, start: number, end: number): void {
    if (this.#seen.drops(bytes, start, end)) return;
    this.#reducer.apply(bytes, start, end, this.#data.walStart, this.#data.sendTimeMicros);
  }

  #keepalive(): void {
    const { walEnd, replyRequested } = this.#data;
    if (this.#reducer.open === null) this.#idleLsn = Math.max(this.#idleLsn, walEnd);
    if (replyRequested) {
      this.#urgent = true;
      this.#status.send(false);
    }
    this.#considerIdle();
  }

  #isReady(): boolean {
    if (this.#reducer.length > 0) return this.#reducer.open === null || this.#full;
    return (this.#beatDue && this.#isSettled()) || (this.#isIdle() && this.#idleDueMs() <= 0);
  }

  /** Nothing is in flight and the position has moved: it may be stored without a change. */
  #isIdle(): boolean {
    return this.#endLsn() > this.#deliveredLsn && this.#isSettled();
  }

  /** Nothing is in flight. */
  #isSettled(): boolean {
    const { length, open } = this.#reducer;
    return length === 0 && open === null && this.#status.ackedLsn >= this.#deliveredLsn;
  }

  #idleDueMs(): number {
    return this.#urgent ? 0 : this.#lastIdleMs + IDLE_INTERVAL_MS - performance.now();
  }

  #considerIdle(): void {
    if (this.#idleTimer !== null || !this.#isIdle()) return;
    const dueMs = this.#idleDueMs();
    if (dueMs <= 0) this.#notify();
    else {
      // Timers cut fractions of a millisecond off, and fire early: then it is not due yet.
      this.#idleTimer = setTimeout(() => {
        this.#idleTimer = null;
        this.#considerIdle();
      }, Math.ceil(dueMs));
    }
  }

  #endLsn(): number {
    return Math.max(this.#reducer.lastEndLsn ?? 0, this.#idleLsn);
  }

  #take(): StreamBatch {
    const reducer = this.#reducer;
    const newTables = reducer.newTables;
    const all = reducer.take();
    const { capturesPrefix } = this.#options;
    const changes =
      capturesPrefix === null
        ? all
        : all.filter((change) => change.kind !== 'message' || capturesPrefix(change.prefix));
    const { open, ordinal, lastMessageLsn } = reducer;
    const endLsn = this.#endLsn();
    if (open === null) this.#seen.passed(endLsn);
    const batch: StreamBatch = {
      changes,
      newTables,
      bytes: this.#pendingBytes,
      position: {
        endLsn,
        skip: open === null || ordinal === 0 ? null : { xid: open.xid, count: ordinal, commitLsn: open.commitLsn },
        messageLsn: lastMessageLsn,
        seen: this.#seen.seen,
        previousEndLsn: reducer.previousEndLsn,
        lastCommitTimeMicros: reducer.lastCommitTimeMicros,
      },
    };
    this.#deliveredLsn = endLsn;
    this.#pendingBytes = 0;
    this.#lastIdleMs = performance.now();
    this.#urgent = false;
    this.#beatDue = false;
    if (this.#full) {
      this.#full = false;
      this.#resume();
    }
    return batch;
  }

  #resume(): void {
    if (!this.#full && !this.#stopped) this.#wire?.resume();
  }

  #hangUp(silentMs: number): void {
    this.#fail(new Error(`Connection terminated: the server has been silent for ${silentMs} ms`));
    void this.#wire?.close();
  }

  #stopTimers(): void {
    this.#status.stop();
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#pacer.stop();
  }

  #fail(cause: unknown): void {
    if (this.#error !== null || this.#closed) return;
    const error = this.#options.explain(cause, this.#endLsn());
    this.#error = error;
    this.#stopTimers();
    this.#started?.reject(error);
    this.#started = null;
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
