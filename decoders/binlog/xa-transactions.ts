import type { Xid } from './ddl/statement.ts';
import type { Xid as BinaryXid, FormatDescriptionEvent } from './event.ts';
import { formatXid, PreparedTransaction } from './prepared-transaction.ts';
import type { PreparedChange } from './transaction-reducer-options.ts';

/** XA transactions that are prepared, and what a new one is begun with. */
export class XaTransactions {
  readonly #prepared: Map<string, PreparedTransaction>;
  #changes: PreparedChange[] = [];
  /** The current file's format description, by which kept events are read. */
  #format: Buffer | null = null;
  /** The transaction payload at hand, where it begins an XA transaction. */
  #payload: Buffer | null = null;

  constructor(prepared: ReadonlyMap<string, PreparedTransaction>) {
    this.#prepared = new Map(prepared);
  }

  /** A file begins with the format description `bytes[start, end)`. */
  beginFile(bytes: Buffer, start: number, end: number): void {
    this.#format = Buffer.from(bytes.subarray(start, end));
  }

  /** A transaction payload came: one that begins an XA transaction is kept as a whole. Its bytes are valid until its end. */
  beginPayload(event: Buffer): void {
    this.#payload = event;
  }

  endPayload(): void {
    this.#payload = null;
  }

  /** Keeps the events from here on, which a parser with this format reads. */
  hold(format: FormatDescriptionEvent): PreparedTransaction {
    const held = new PreparedTransaction();
    if (this.#format !== null) held.begin(this.#format);
    if (this.#payload !== null) held.add(this.#payload, 0, this.#payload.length, format);
    return held;
  }

  prepare(xid: BinaryXid, held: PreparedTransaction): void {
    const key = formatXid(xid);
    this.#prepared.set(key, held);
    this.#changes.push({ xid: key, parts: held.parts() });
  }

  get(xid: Xid): PreparedTransaction | null {
    return this.#prepared.get(formatXid(xid)) ?? null;
  }

  /** It has come to its end. */
  complete(xid: Xid): void {
    const key = formatXid(xid);
    if (this.#prepared.delete(key)) this.#changes.push({ xid: key, parts: null });
  }

  /** What became prepared or was completed since the last take. */
  take(): readonly PreparedChange[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }
}
