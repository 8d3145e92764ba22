import { Cursor } from '../../../decoders/cursor.ts';
import { parseBegin } from '../../../decoders/pgoutput/transaction-messages.ts';
import { createVisibility, type SeenTransactions } from './seen-transactions.ts';

const BEGIN = 0x42; // B
/** Row changes and truncates. Relations must stay known, and messages are in no table. */
const TABLE_CHANGES = new Set([...'IUDT'].map((letter) => letter.charCodeAt(0)));

/** Drops the row changes of transactions that the snapshot before the stream has seen already. */
export class SeenFilter {
  #seen: SeenTransactions | null;
  readonly #isSeen: (xid: number, commitLsn: number) => boolean;
  #dropping = false;

  constructor(seen: SeenTransactions | null) {
    this.#seen = seen;
    this.#isSeen = seen === null ? () => false : createVisibility(seen);
  }

  /** Null once the stream is past all that the snapshot can have seen. */
  get seen(): SeenTransactions | null {
    return this.#seen;
  }

  /** Whether the pgoutput message `bytes[start, end)` is superfluous. */
  drops(bytes: Buffer, start: number, end: number): boolean {
    if (this.#seen === null) return false;
    const type = bytes[start]!;
    if (type === BEGIN) {
      const { xid, commitLsn } = parseBegin(new Cursor(bytes, start + 1, end));
      this.#dropping = this.#isSeen(xid, commitLsn);
      // Once one commits after the snapshot was taken, so do all that follow.
      this.passed(commitLsn);
      return false;
    }
    return this.#dropping && TABLE_CHANGES.has(type);
  }

  /** The stream has come to `lsn`. */
  passed(lsn: number): void {
    if (this.#seen !== null && lsn >= this.#seen.beforeLsn) this.#seen = null;
  }
}
