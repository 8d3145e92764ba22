import { widenPosition } from './binlog-position.ts';
import type { HeartbeatEvent, RotateEvent } from './event.ts';
import { EVENT_FLAG, EVENT_TYPE, type EventHeader } from './event-header.ts';

/** What was delivered of a transaction that was not complete then, counted as Debezium counts it. */
export interface TransactionSkip {
  /** Events from its BEGIN (MariaDB: its GTID) on, these included. */
  readonly events: number;
  /** Rows of the rows event that follows. */
  readonly rows: number;
  /**
   * Rows and statements of captured tables in these; null: not told. Without events and rows they alone count: another
   * server may log the transaction in other events.
   */
  readonly changes: number | null;
  /** The transaction it is; null: the first that comes. */
  readonly gtid: string | null;
  /** It is an XA COMMIT: the events are those that were kept since its PREPARE. */
  readonly prepared: boolean;
}

/** Where a stream goes on. */
export interface TransactionPosition {
  readonly file: string;
  /** Begin of the open transaction, else the end of the last event. */
  readonly position: number;
  /** Transactions executed before; null: the server has no GTIDs. */
  readonly gtids: string | null;
  /** Of the transaction at `position`. */
  readonly skip: TransactionSkip | null;
  /** When the server began `file`, in seconds since 1970 UTC; null: not known yet. */
  readonly fileBegan: number | null;
}

/** Where the event at hand lies in its file. */
export class EventPlace {
  file: string;
  begin: number;
  end: number;
  /** See {@link TransactionPosition.fileBegan}. */
  began: number | null;

  constructor(file: string, position: number, began: number | null = null) {
    this.file = file;
    this.begin = this.end = position;
    this.began = began;
  }

  /** Events that the dump thread made have no place; the format description comes first wherever a dump begins. */
  pass({ type, nextPosition, size, flags }: EventHeader): void {
    if (nextPosition === 0 || (flags & EVENT_FLAG.artificial) !== 0) return;
    if (type === EVENT_TYPE.formatDescription && this.end > nextPosition) return;
    this.end = widenPosition(this.end, nextPosition);
    this.begin = this.end - size;
  }

  /** The time of a format description is that of its file's beginning, also where a dump begins behind it. */
  beginFile({ timestamp }: EventHeader): void {
    this.began = timestamp === 0 ? null : timestamp;
  }

  rotate({ file, position }: RotateEvent): void {
    if (file !== this.file) this.began = null;
    this.file = file;
    this.begin = this.end = position;
  }

  /** The dump thread tells how far it has passed by what we have: positions beyond 4 GB are known from here. */
  hear({ file, position, version }: HeartbeatEvent): void {
    if (file !== this.file) return;
    const at = version === 1 ? widenPosition(this.end, position) : position;
    this.begin = this.end = Math.max(this.end, at);
  }

  toString(): string {
    return `${this.file}:${this.begin}`;
  }
}
