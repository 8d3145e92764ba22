import type { Change } from '../change.ts';
import { PositionLostError } from '../position-lost-error.ts';
import type { BinlogTx } from './binlog-tx.ts';
import type { BinlogEvent, GtidEvent, MariadbGtidEvent, QueryEvent, XaPrepareEvent } from './event.ts';
import { EVENT_TYPE } from './event-header.ts';
import type { OpenTransaction } from './open-transaction.ts';
import { EventParser } from './parse-event.ts';
import { formatXid, type PreparedTransaction } from './prepared-transaction.ts';
import { RowChanges } from './row-changes.ts';
import type { RowsEvent } from './rows-event.ts';
import { TableTargets } from './table-targets.ts';
import { TransactionBorders } from './transaction-borders.ts';
import type { TransactionPosition } from './transaction-position.ts';
import { TransactionQueries, type XaStatement } from './transaction-queries.ts';
import type { LoggedStatement, PreparedChange, TransactionReducerOptions } from './transaction-reducer-options.ts';
import { UnreadableChangeError } from './unreadable-change-error.ts';
import { XaTransactions } from './xa-transactions.ts';

/** Of an event's header, behind its time. */
const TYPE_OFFSET = 4;
/** What a change takes beside its row, in objects and in its record: a batch of short rows is small, too. */
const CHANGE_BYTES = 128;

/**
 * Binlog events to changes of whole transactions, in the order in which they committed.
 *
 * `apply` takes an event; while {@link isInside} holds, `step` takes the next of those that it contained, and a
 * {@link statement} must be completed before anything else. Throws {@link DecodeError} for bytes or sequences that cannot
 * be, {@link PositionLostError} when the stream is not the continuation of the position, {@link UnreadableChangeError}
 * where the log does not hold what a change was. After any of them it must not be used again.
 */
export class TransactionReducer {
  readonly #options: TransactionReducerOptions;
  readonly #parser = new EventParser();
  /** Knows the tables of kept events from one transaction to the next. */
  readonly #replayParser = new EventParser();
  readonly #rows = new RowChanges();
  readonly #xaTransactions: XaTransactions;
  readonly #borders: TransactionBorders;
  readonly #queries: TransactionQueries;
  readonly #targets: TableTargets;
  #inside: Iterator<BinlogEvent, void, undefined> | null = null;
  #afterInside: (() => void) | null = null;
  #serverId = 0;

  constructor(options: TransactionReducerOptions) {
    this.#options = options;
    this.#borders = new TransactionBorders(options);
    this.#xaTransactions = new XaTransactions(options.prepared ?? new Map());
    this.#queries = new TransactionQueries(options, this.#borders, (statement, event) => this.#xa(statement, event));
    this.#targets = new TableTargets(options.tableOf);
  }

  /** Changes waiting to be taken. */
  get length(): number {
    return this.#borders.changes.length;
  }

  /** Their size in memory, about. */
  get bytes(): number {
    return this.#borders.bytes;
  }

  /** What is taken now ends inside of a transaction. */
  get isOpen(): boolean {
    return this.#borders.open !== null || (this.#borders.isAnnounced && this.statement === null);
  }

  /** The last event holds others, to be taken by {@link step}. */
  get isInside(): boolean {
    return this.#inside !== null;
  }

  get statement(): LoggedStatement | null {
    return this.#queries.statement;
  }

  /** Server that the last event comes from. */
  get serverId(): number {
    return this.#serverId;
  }

  /** Where a restart goes on when everything so far was delivered; a {@link statement} is not carried out yet. */
  get position(): TransactionPosition {
    return this.#borders.position(this.statement !== null);
  }

  /** Hands over what came since the last take; an open transaction goes on. Rows are valid until the next take. */
  take(): { readonly changes: Change<BinlogTx>[]; readonly prepared: readonly PreparedChange[] } {
    this.#rows.turn();
    return { changes: this.#borders.take(), prepared: this.#xaTransactions.take() };
  }

  /** The schema has changed: what a table is will be asked again. */
  forgetTables(): void {
    this.#targets.forget();
  }

  /** The statement was carried out and gave these changes. */
  completeStatement(changes: readonly Change<BinlogTx>[]): void {
    this.#queries.complete(changes);
  }

  /** Takes the event `bytes[start, end)`, which may be gone after the call. */
  apply(bytes: Buffer, start: number, end: number): void {
    if (this.#inside !== null || this.statement !== null) throw new Error('the event before is not worked off');
    // The events inside of a payload are taken one by one, when these bytes are gone.
    const isPayload = bytes[start + TYPE_OFFSET] === EVENT_TYPE.transactionPayload;
    const payload = isPayload ? Buffer.from(bytes.subarray(start, end)) : null;
    const event =
      payload === null ? this.#parser.parse(bytes, start, end) : this.#parser.parse(payload, 0, payload.length);
    if (event.kind !== 'heartbeat') {
      this.#serverId = event.header.serverId;
      this.#borders.place.pass(event.header);
    }
    if (event.kind === 'format-description') this.#xaTransactions.beginFile(bytes, start, end);
    if (event.kind === 'transaction-payload') {
      this.#xaTransactions.beginPayload(payload!);
      this.#inside = this.#parser.payload(event);
      this.#afterInside = () => {
        this.#xaTransactions.endPayload();
        this.#borders.passTime(event);
      };
      return;
    }
    const held = this.#borders.open?.held ?? null;
    if (held !== null && this.#isKept(event)) held.add(bytes, start, end, this.#parser.format!);
    this.#event(event, bytes);
    this.#borders.passTime(event);
  }

  /** Takes the next event inside of the last one. */
  step(): void {
    if (this.#inside === null || this.statement !== null) throw new Error('there is no event to step to');
    const { value, done } = this.#inside.next();
    if (done !== true) {
      this.#event(value, null);
      return;
    }
    const after = this.#afterInside;
    this.#inside = null;
    this.#afterInside = null;
    after?.();
  }

  /** `bytes`: views of these do not outlive the call. */
  #event(event: BinlogEvent, bytes: Buffer | null): void {
    switch (event.kind) {
      case 'rows':
        this.#rowsEvent(event, bytes);
        break;
      case 'gtid':
      case 'mariadb-gtid':
        this.#gtid(event);
        break;
      case 'query':
        this.#queries.apply(event);
        break;
      case 'xid':
        this.#borders.commit(event.header);
        break;
      case 'xa-prepare':
        this.#xaPrepare(event);
        return;
      case 'rows-query':
        if (!this.#rowsQuery(event.query)) return;
        break;
      case 'rotate':
        this.#borders.place.rotate(event);
        return;
      case 'format-description':
        // No transaction goes on in another file.
        this.#borders.giveUp();
        this.#borders.place.beginFile(event.header);
        return;
      case 'incident':
        throw new UnreadableChangeError(
          `the server says at ${this.#borders.place} that events are missing from its binlog: ${event.message || `incident ${event.incident}`}`,
          'Read the tables again: snapshot.mode=when_needed or always.',
        );
      case 'heartbeat':
        if (!this.isOpen) this.#borders.place.hear(event);
        return;
      case 'transaction-payload':
        throw this.#borders.error('a transaction payload inside of another');
      case 'previous-gtids':
      case 'mariadb-gtid-list':
        this.#borders.learnExecuted(event);
        return;
      case 'table-map':
      case 'statement-context':
      case 'ignored':
        break;
      default:
        event satisfies never;
    }
    // A statement counts once it was carried out.
    if (this.#borders.open !== null && this.statement === null) this.#borders.open.events++;
  }

  #gtid(event: GtidEvent | MariadbGtidEvent): void {
    this.#borders.announce(event);
    // MySQL's transactions begin with a statement of their own.
    if (event.kind === 'gtid' || event.standalone || event.xa?.phase === 'completed') return;
    const open = this.#borders.begin(null);
    if (event.xa !== null) this.#hold(open);
    else this.#borders.beginRows(open, event.header, false);
  }

  #xa(statement: XaStatement, { header, threadId }: QueryEvent): void {
    const { action } = statement;
    if (action === 'end' || action === 'prepare') return;
    if (action === 'start') {
      this.#hold(this.#borders.begin(threadId));
      return;
    }
    if (this.#borders.open !== null) throw this.#borders.error('the end of a prepared transaction inside of another');
    const { xid } = statement;
    const prepared = this.#xaTransactions.get(xid);
    if (action === 'rollback' || prepared === null) {
      if (action === 'commit') this.#options.onUnknownXa?.(formatXid(xid), String(this.#borders.place));
      this.#xaTransactions.complete(xid);
      this.#borders.complete();
      return;
    }
    const open = this.#borders.begin(threadId);
    this.#borders.beginRows(open, header, true);
    this.#replay(prepared, () => {
      this.#borders.commit(header);
      this.#xaTransactions.complete(xid);
    });
  }

  #xaPrepare({ header, onePhase, xid }: XaPrepareEvent): void {
    const open = this.#borders.open;
    const held = open?.held ?? null;
    if (open === null || held === null) throw this.#borders.error('XA PREPARE without the begin of its transaction');
    open.held = null;
    if (onePhase) {
      // This event stands for the begin: there is no XA COMMIT.
      open.events = 1;
      this.#borders.beginRows(open, header, true);
      this.#replay(held, () => this.#borders.commit(header));
      return;
    }
    this.#xaTransactions.prepare(xid, held);
    this.#borders.end(open);
  }

  /** Its rows are kept until it is known what becomes of them. */
  #hold(open: OpenTransaction): void {
    open.held = this.#xaTransactions.hold(this.#parser.format!);
    this.#borders.forgetSkipOfXa();
  }

  #isKept(event: BinlogEvent): boolean {
    if (this.#borders.open?.isCaptured !== true) return false;
    if (event.kind === 'table-map' || event.kind === 'rows') return this.#targets.get(event.table) !== null;
    return event.kind === 'rows-query' && this.#options.keepsQuery === true;
  }

  /** Its rows come next, in front of what is left of the event at hand. */
  #replay(prepared: PreparedTransaction, atEnd: () => void): void {
    const inside = this.#inside;
    const afterInside = this.#afterInside;
    this.#inside = prepared.events(this.#replayParser);
    this.#afterInside = () => {
      atEnd();
      this.#inside = inside;
      this.#afterInside = afterInside;
    };
  }

  /** False: an event that is sent for us alone, and is no part of Debezium's count. */
  #rowsQuery(query: Buffer): boolean {
    const { family, keepsQuery = false } = this.#options;
    if (keepsQuery && this.#borders.open !== null) this.#borders.open.query = query.toString('utf8');
    return keepsQuery || family === 'mysql';
  }

  #rowsEvent(event: RowsEvent, bytes: Buffer | null): void {
    const open = this.#borders.open;
    if (open === null) throw this.#borders.error('rows outside of a transaction');
    if (open.held !== null || !open.isCaptured) return;
    const target = this.#targets.get(event.table);
    if (target === null || this.#options.skippedOperations?.has(event.op) === true) return;
    if (open.isPast) {
      open.pass(this.#rows.count(event, target.layout));
      return;
    }
    const firstRow = open.pastRows;
    const { table, layout } = target;
    const options = {
      table,
      layout,
      tx: this.#borders.tx(event.header),
      ordinal: open.ordinal,
      firstRow,
      isBorrowed: bytes !== null && event.bytes.buffer === bytes.buffer,
    };
    const before = this.#borders.changes.length;
    let rows: number;
    try {
      rows = this.#rows.read(event, options, this.#borders.changes);
    } catch (error) {
      // An event is delivered whole or not at all.
      this.#borders.changes.length = before;
      throw error;
    }
    if (rows > firstRow) this.#borders.bytes += event.end - event.start + (rows - firstRow) * CHANGE_BYTES;
    if (rows < firstRow && !open.skipsChanges) {
      throw new PositionLostError(`${rows} rows at ${this.#borders.place}, of which ${firstRow} were delivered before`);
    }
    const passed = Math.min(rows, firstRow);
    if (passed > 0) open.pass(passed);
    open.ordinal += rows - passed;
  }
}
