import type { Change } from '../change.ts';
import { DecodeError } from '../decode-error.ts';
import { PositionLostError } from '../position-lost-error.ts';
import type { BinlogTx } from './binlog-tx.ts';
import type { BinlogEvent, GtidEvent, MariadbGtidEvent, MariadbGtidListEvent, PreviousGtidsEvent } from './event.ts';
import { EVENT_FLAG, type EventHeader } from './event-header.ts';
import {
  type ExecutedGtids,
  formatExecutedGtids,
  gtidOf,
  gtidsBefore,
  type TransactionGtid,
} from './executed-gtids.ts';
import { OpenTransaction } from './open-transaction.ts';
import { EventPlace, type TransactionPosition, type TransactionSkip } from './transaction-position.ts';
import type { TransactionReducerOptions } from './transaction-reducer-options.ts';
import { UnreadableChangeError } from './unreadable-change-error.ts';

/** What a GTID event said of the transaction that begins next. */
interface Announcement {
  readonly gtid: TransactionGtid | null;
  readonly position: number;
  /** MariaDB: a two-phase ALTER TABLE, of which only the commit changes the table. */
  readonly isUnfinishedAlter: boolean;
}

/** Borders without rows between them have to fill a batch, too. */
const BOUNDARY_BYTES = 64;
const MICROS_PER_SECOND = 1_000_000;

/** Where transactions begin and end, what was executed so far, and the changes between: the half of a reducer that is not of rows. */
export class TransactionBorders {
  readonly #options: TransactionReducerOptions;
  readonly place: EventPlace;
  /** Changes waiting to be taken, and about their size in memory. */
  changes: Change<BinlogTx>[] = [];
  bytes = 0;
  #announced: Announcement | null = null;
  #open: OpenTransaction | null = null;
  #skip: TransactionSkip | null;
  #executed: ExecutedGtids | null;
  /** Debezium's clock: the time of the event before the one at hand, or the commit time that the GTID told. */
  #timeMicros: number | null = null;

  constructor(options: TransactionReducerOptions) {
    const { position, executed } = options;
    this.#options = options;
    this.place = new EventPlace(position.file, position.position, position.fileBegan);
    this.#skip = position.skip;
    this.#executed = executed;
  }

  get open(): OpenTransaction | null {
    return this.#open;
  }

  /** A GTID came, and nothing of its transaction yet. */
  get isAnnounced(): boolean {
    return this.#announced !== null;
  }

  get isUnfinishedAlter(): boolean {
    return this.#announced?.isUnfinishedAlter === true;
  }

  /** Where a restart goes on when everything so far was delivered; `isPending`: but for the event at hand. */
  position(isPending: boolean): TransactionPosition {
    const gtids = this.#executed === null ? null : formatExecutedGtids(this.#executed);
    const { file, begin, end, began: fileBegan } = this.place;
    const open = this.#open;
    if (open === null) {
      const position = this.#announced?.position ?? (isPending ? begin : end);
      return { file, position, gtids, skip: this.#skip, fileBegan };
    }
    const skip = open.held === null ? open.progress : this.#skip;
    return { file, position: open.position, gtids, skip, fileBegan };
  }

  take(): Change<BinlogTx>[] {
    const { changes } = this;
    this.changes = [];
    this.bytes = 0;
    this.#open?.deliver();
    return changes;
  }

  /** What a file's begin says was executed before it. */
  learnExecuted(event: PreviousGtidsEvent | MariadbGtidListEvent): void {
    const isOfFile = (event.header.flags & EVENT_FLAG.artificial) === 0 && event.header.nextPosition !== 0;
    if (this.#executed === null && this.#options.hasGtids && isOfFile) this.#executed = gtidsBefore(event);
  }

  announce(event: GtidEvent | MariadbGtidEvent): void {
    if (this.#open !== null) throw this.error('a GTID inside of a transaction');
    this.complete();
    this.#announced = {
      gtid: this.#options.hasGtids ? gtidOf(event) : null,
      position: this.place.begin,
      isUnfinishedAlter: event.kind === 'mariadb-gtid' && event.alter !== null && event.alter.phase !== 'commit',
    };
  }

  begin(threadId: number | null): OpenTransaction {
    if (this.#open !== null) throw this.error('the begin of a transaction inside of another');
    const { file, begin } = this.place;
    const gtid = this.#announced?.gtid ?? null;
    const open = new OpenTransaction({
      gtid,
      id: gtid?.text ?? `file=${file},pos=${begin}`,
      position: this.#announced?.position ?? begin,
      threadId,
      isCaptured: gtid === null || (this.#options.capturesSource?.(gtid.source) ?? true),
    });
    this.#announced = null;
    this.#open = open;
    return open;
  }

  /** From here on its rows are changes. */
  beginRows(open: OpenTransaction, header: EventHeader, isReplay: boolean): void {
    const skip = this.#skip;
    if (skip !== null && skip.prepared === isReplay && (skip.gtid === null || skip.gtid === open.gtid?.text)) {
      this.#checkPlace(open, skip);
      open.skip = skip;
      this.#skip = null;
    }
    open.isReplay = isReplay;
    if (!open.isResumed) this.#boundary('begin', header);
  }

  /** Without a GTID our own are known by their place alone: after a crash another one may come first. */
  #checkPlace(open: OpenTransaction, skip: TransactionSkip): void {
    const { hasGtids, position } = this.#options;
    if (hasGtids || skip.gtid !== null || skip.changes === null) return;
    if (this.place.file === position.file && open.position === position.position) return;
    const place = `${position.file}:${position.position}`;
    throw new PositionLostError(`the transaction at ${place}, a part of which was delivered, is gone`);
  }

  /** What Debezium has delivered of an XA transaction that comes first: at its PREPARE, and counted as nobody else can. */
  forgetSkipOfXa(): void {
    if (this.#skip !== null && this.#skip.gtid === null && !this.#skip.prepared) this.#skip = null;
  }

  commit(header: EventHeader): void {
    const open = this.#open;
    if (open === null) throw this.error('a commit outside of a transaction');
    if (open.held !== null) throw this.error('a commit inside of an XA transaction');
    if (open.isPast || open.pastRows > 0) {
      const { events, rows, changes } = open.skip!;
      const delivered = open.skipsChanges ? `${changes} changes` : `${events} events and ${rows} rows`;
      const counts = `ends after ${open.events} events and ${open.ordinal} changes, ${delivered} were delivered before`;
      throw new PositionLostError(`transaction ${open.id} at ${this.place} ${counts}`);
    }
    this.#boundary('commit', header);
    this.end(open);
  }

  rollback(): void {
    const open = this.#open;
    if (open === null) this.complete();
    else {
      this.undo(open, 0);
      this.end(open);
    }
  }

  /** Without a word about its changes: they were emitted, or will be with another. */
  end(open: OpenTransaction): void {
    if (this.#executed !== null) open.gtid?.addTo(this.#executed);
    this.#open = null;
  }

  /** The group of events that a GTID announced is over, without ever having been a transaction of several. */
  complete(): void {
    if (this.#executed !== null) this.#announced?.gtid?.addTo(this.#executed);
    this.#announced = null;
  }

  /** The server went down before its end. */
  giveUp(): void {
    if (this.#open !== null) this.undo(this.#open, 0);
    this.#open = null;
    this.#announced = null;
  }

  /** Takes back the changes of the open transaction from an ordinal on: they have been rolled back. */
  undo(open: OpenTransaction, ordinal: number): void {
    if (!open.undo(ordinal)) {
      throw new UnreadableChangeError(
        `transaction ${open.id} was rolled back at ${this.place}, after rows of it were delivered`,
        'Set tailrace.batch.bytes above the size of such transactions, so that they are delivered whole or not at all; then read the tables again: snapshot.mode=when_needed or always.',
      );
    }
    const { changes } = this;
    for (let last = changes.at(-1); last?.tx.transactionId === open.id; last = changes.at(-1)) {
      if ('ordinal' in last ? last.ordinal < ordinal : ordinal > 0) break;
      changes.pop();
    }
    if (changes.length === 0) this.bytes = 0;
  }

  /** What a change at the event at hand says of its transaction. */
  tx({ serverId, timestamp }: EventHeader): BinlogTx {
    const { file, begin } = this.place;
    const open = this.#open;
    const gtid = open === null ? (this.#announced?.gtid ?? null) : open.gtid;
    return {
      commitTimeMicros: this.#timeMicros ?? timestamp * MICROS_PER_SECOND,
      serverId,
      gtid: gtid?.text ?? null,
      file,
      position: begin,
      threadId: open?.threadId ?? null,
      query: open?.query ?? null,
      transactionId: open?.id ?? gtid?.text ?? `file=${file},pos=${begin}`,
    };
  }

  /** An event, with all that is inside of it, is over. */
  passTime(event: BinlogEvent): void {
    const { timestamp } = event.header;
    if (timestamp === 0 || event.kind === 'heartbeat') return;
    const { family, hasGtids } = this.#options;
    const headerMicros = timestamp * MICROS_PER_SECOND;
    if (family === 'mariadb' || !hasGtids) this.#timeMicros = headerMicros;
    else if (event.kind === 'gtid') this.#timeMicros = event.originalCommitMicros ?? headerMicros;
    else this.#timeMicros ??= headerMicros;
  }

  error(message: string): DecodeError {
    return new DecodeError(`${message}, at ${this.place}`, 0);
  }

  #boundary(kind: 'begin' | 'commit', header: EventHeader): void {
    if (this.#options.boundaries !== true) return;
    this.changes.push({ kind, tx: this.tx(header), at: 0 });
    this.bytes += BOUNDARY_BYTES;
  }
}
