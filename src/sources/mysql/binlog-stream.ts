import type { BinlogTx } from '../../../decoders/binlog/binlog-tx.ts';
import type { TransactionPosition } from '../../../decoders/binlog/transaction-position.ts';
import { TransactionReducer } from '../../../decoders/binlog/transaction-reducer.ts';
import type {
  LoggedStatement,
  PreparedChange,
  TransactionReducerOptions,
} from '../../../decoders/binlog/transaction-reducer-options.ts';
import type { Change } from '../../../decoders/change.ts';
import type { TailraceError } from '../../model/errors.ts';
import type { StateRecord } from '../../model/plugin.ts';

/** Changes in commit order; without any, the position alone has moved on. */
export interface StreamBatch {
  readonly changes: readonly Change<BinlogTx>[];
  readonly position: TransactionPosition;
  readonly state: readonly StateRecord[];
  readonly bytes: number;
  /** Server that the last event comes from; 0 when none has come. */
  readonly serverId: number;
}

/** What a statement came to. */
export interface CarriedOut {
  readonly changes: readonly Change<BinlogTx>[];
  readonly state: readonly StateRecord[];
  /** What tables are must be asked again. */
  readonly isSchemaChanged: boolean;
}

/** The dump, as far as the stream steers it. */
export interface Dump {
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export interface BinlogStreamOptions {
  readonly reducer: TransactionReducerOptions;
  /** Carries out DDL. Nothing is read meanwhile; what it throws ends the stream. `position`: before the statement. */
  readonly carryOut: (statement: LoggedStatement, position: TransactionPosition) => CarriedOut | Promise<CarriedOut>;
  readonly recordPrepared: (change: PreparedChange) => readonly StateRecord[];
  /** Bytes of rows that close a batch inside a transaction, and pause the dump until it is taken. */
  readonly batchBytes: number;
  /** Turns what the server reported, or what could not be decoded, into an error of ours; `place`: how far the stream had come. */
  readonly explain: (error: unknown, place: string) => TailraceError;
}

/** An idle position is stored at most this often: it costs an append. */
const IDLE_INTERVAL_MS = 1_000;

/**
 * Events of a dump to batches. Packets are reduced as they arrive, into one pending batch; when that is full, or a
 * statement waits to be carried out, the dump is paused and what still comes is kept until then.
 */
export class BinlogStream {
  readonly #options: BinlogStreamOptions;
  readonly #reducer: TransactionReducer;
  #dump: Dump | null = null;
  readonly #kept: Buffer[] = [];
  #state: StateRecord[] = [];
  #isCarryingOut = false;
  #isFull = false;
  #isPaused = false;
  #wake: (() => void) | null = null;
  #error: TailraceError | null = null;
  #stopped = false;
  #closing: Promise<void> | null = null;
  /** What was handed out last. */
  #delivered: string;
  #lastIdleMs = Number.NEGATIVE_INFINITY;
  #idleTimer: NodeJS.Timeout | null = null;
  #beatDue = false;

  constructor(options: BinlogStreamOptions) {
    this.#options = options;
    this.#reducer = new TransactionReducer(options.reducer);
    this.#delivered = placeOf(this.#reducer.position);
  }

  /** From here on its packets come to {@link onPacket}. */
  start(dump: Dump): void {
    this.#dump = dump;
  }

  /** The next batch, as soon as there is one that ends with a transaction or is full. Null after {@link stop}. */
  async next(): Promise<StreamBatch | null> {
    for (;;) {
      if (this.#stopped) return null;
      // What was read before an error is sound, and given first.
      if (this.#isReady()) return this.#take();
      if (this.#error !== null) throw this.#error;
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  /** How far the events go that were worked off. */
  get place(): TransactionPosition {
    return this.#reducer.position;
  }

  /** Gives no more batches. */
  stop(): void {
    this.#stopped = true;
    this.#pause();
    this.#notify();
  }

  /** Asks for a batch even if there is no change and no other position: what a heartbeat record travels with. */
  beat(): void {
    this.#beatDue = true;
    this.#notify();
  }

  close(): Promise<void> {
    this.stop();
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#closing ??= this.#dump?.close() ?? Promise.resolve();
    return this.#closing;
  }

  /** The event `bytes[start, end)`, valid during the call alone. */
  onPacket(bytes: Buffer, start: number, end: number): void {
    if (this.#stopped || this.#error !== null) return;
    if (this.#isBlocked() || this.#reducer.isInside || this.#kept.length > 0) {
      this.#kept.push(Buffer.from(bytes.subarray(start, end)));
      this.#pause();
      return;
    }
    try {
      this.#reducer.apply(bytes, start, end);
      this.#work();
    } catch (error) {
      this.#fail(error);
    }
  }

  onError(error: unknown): void {
    this.#fail(error);
  }

  #isBlocked(): boolean {
    return this.#isFull || this.#isCarryingOut;
  }

  /** Works off what there is: a statement, events inside of the last one, and those that were kept. */
  #work(): void {
    this.#carryOut();
    while (!this.#isBlocked() && this.#error === null && !this.#stopped) {
      if (this.#reducer.isInside) this.#reducer.step();
      else {
        const event = this.#kept.shift();
        if (event === undefined) break;
        this.#reducer.apply(event, 0, event.length);
      }
      this.#carryOut();
    }
    if (this.#isReady()) this.#notify();
    else this.#considerIdle();
    if (this.#isBlocked()) this.#pause();
    else this.#resume();
  }

  /** From another turn of the event loop. */
  #workOn(): void {
    if (this.#stopped || this.#error !== null) return;
    try {
      this.#work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #carryOut(): void {
    const reducer = this.#reducer;
    const { statement } = reducer;
    if (reducer.length > 0 && reducer.bytes >= this.#options.batchBytes) this.#isFull = true;
    if (statement === null || this.#isCarryingOut) return;
    const result = this.#options.carryOut(statement, reducer.position);
    if (!(result instanceof Promise)) {
      this.#carriedOut(result);
      return;
    }
    this.#isCarryingOut = true;
    result
      .then((carriedOut) => {
        this.#isCarryingOut = false;
        this.#carriedOut(carriedOut);
        this.#workOn();
      })
      .catch((error: unknown) => this.#fail(error));
  }

  #carriedOut({ changes, state, isSchemaChanged }: CarriedOut): void {
    this.#state.push(...state);
    this.#reducer.completeStatement(changes);
    if (isSchemaChanged) this.#reducer.forgetTables();
  }

  #isReady(): boolean {
    const { length, isOpen } = this.#reducer;
    // A stream that has failed gives what came before, also a part of a transaction: the next start stops at the same event.
    if (length > 0 || this.#state.length > 0) return !isOpen || this.#isFull || this.#error !== null;
    if (isOpen || this.#error !== null) return false;
    return this.#beatDue || (this.#idleDueMs() <= 0 && this.#hasMoved());
  }

  #hasMoved(): boolean {
    return placeOf(this.#reducer.position) !== this.#delivered;
  }

  #idleDueMs(): number {
    return this.#lastIdleMs + IDLE_INTERVAL_MS - performance.now();
  }

  #considerIdle(): void {
    if (this.#idleTimer !== null || this.#stopped || this.#reducer.isOpen) return;
    // Timers cut fractions of a millisecond off, and fire early: then it is not due yet.
    this.#idleTimer = setTimeout(
      () => {
        this.#idleTimer = null;
        if (this.#isReady()) this.#notify();
        else if (!this.#reducer.isOpen && this.#hasMoved()) this.#considerIdle();
      },
      Math.max(1, Math.ceil(this.#idleDueMs())),
    );
  }

  #take(): StreamBatch {
    const reducer = this.#reducer;
    const { bytes, position, serverId } = reducer;
    const { changes, prepared } = reducer.take();
    const state = [...this.#state, ...prepared.flatMap(this.#options.recordPrepared)];
    this.#state = [];
    this.#delivered = placeOf(position);
    this.#lastIdleMs = performance.now();
    this.#beatDue = false;
    if (this.#isFull) {
      this.#isFull = false;
      // After the batch was worked off, and while it is appended.
      setImmediate(() => this.#workOn());
    }
    return { changes, position, state, bytes, serverId };
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#dump?.pause();
  }

  #resume(): void {
    if (!this.#isPaused || this.#stopped || this.#kept.length > 0) return;
    this.#isPaused = false;
    this.#dump?.resume();
  }

  #fail(cause: unknown): void {
    if (this.#error !== null || this.#stopped) return;
    const { file, position } = this.#reducer.position;
    this.#error = this.#options.explain(cause, `${file}:${position}`);
    this.#pause();
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

function placeOf({ file, position, gtids, fileBegan }: TransactionPosition): string {
  return `${file}:${position} ${fileBegan} ${gtids ?? ''}`;
}
