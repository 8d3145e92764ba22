import type { TransactionGtid } from './executed-gtids.ts';
import type { PreparedTransaction } from './prepared-transaction.ts';
import type { TransactionSkip } from './transaction-position.ts';

export interface TransactionBegin {
  readonly gtid: TransactionGtid | null;
  readonly id: string;
  /** Where it must be read again from. */
  readonly position: number;
  readonly threadId: number | null;
  /** Its rows are wanted. */
  readonly isCaptured: boolean;
}

/** The transaction whose end has not come yet: how far it has come, and what of it was delivered. */
export class OpenTransaction {
  readonly gtid: TransactionGtid | null;
  readonly id: string;
  readonly position: number;
  readonly threadId: number | null;
  readonly isCaptured: boolean;
  /** The statement behind the rows that follow. */
  query: string | null = null;
  /** An XA transaction before its end, whose rows may never come to be; null: rows are changes. */
  held: PreparedTransaction | null = null;
  /** Its rows come out of what was kept since XA PREPARE. */
  isReplay = false;
  /** Those that are complete, as Debezium counts them. */
  events = 0;
  ordinal = 0;
  /** What an earlier run has delivered. */
  skip: TransactionSkip | null = null;
  /** Ordinals below it were delivered, in this run or an earlier one. */
  #delivered = 0;
  readonly #savepoints = new Map<string, number>();

  constructor(begin: TransactionBegin) {
    this.gtid = begin.gtid;
    this.id = begin.id;
    this.position = begin.position;
    this.threadId = begin.threadId;
    this.isCaptured = begin.isCaptured;
  }

  /** What was delivered when everything so far is. */
  get progress(): TransactionSkip | null {
    const { skip, events, ordinal, gtid, isReplay } = this;
    if (skip !== null && (this.isPast || this.pastRows > 0)) return skip;
    return events === 0 ? null : { events, rows: 0, changes: ordinal, gtid: gtid?.text ?? null, prepared: isReplay };
  }

  /** What was delivered is counted by changes: they are in other events now. */
  get skipsChanges(): boolean {
    return this.skip !== null && this.skip.events === 0 && this.skip.rows === 0;
  }

  /** The event at hand was delivered whole, by an earlier run. */
  get isPast(): boolean {
    return this.skip !== null && this.events < this.skip.events;
  }

  /** Rows of the event at hand that an earlier run has delivered; by changes: from it on. */
  get pastRows(): number {
    if (this.skip === null) return 0;
    if (this.skipsChanges) return Math.max(0, (this.skip.changes ?? 0) - this.ordinal);
    return this.events === this.skip.events ? this.skip.rows : 0;
  }

  /** An earlier run has begun it. */
  get isResumed(): boolean {
    return this.skip !== null;
  }

  /** Rows that an earlier run has delivered go by. */
  pass(rows: number): void {
    this.ordinal += rows;
    this.#delivered = this.ordinal;
  }

  deliver(): void {
    this.#delivered = Math.max(this.#delivered, this.ordinal);
  }

  save(name: string): void {
    this.#savepoints.set(name.toLowerCase(), this.ordinal);
  }

  /** The ordinal at the savepoint; at the begin if nothing was logged before it, and so not even the savepoint. */
  ordinalAt(name: string): number {
    return this.#savepoints.get(name.toLowerCase()) ?? 0;
  }

  /** Takes back what came from `ordinal` on; false when some of it was delivered. */
  undo(ordinal: number): boolean {
    if (this.#delivered > ordinal) return false;
    this.ordinal = ordinal;
    return true;
  }
}
