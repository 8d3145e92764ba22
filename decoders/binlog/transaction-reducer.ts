import type { Change } from '../change.ts';
import { DecodeError } from '../decode-error.ts';
import { PositionLostError } from '../position-lost-error.ts';
import type { BinlogTx } from './binlog-tx.ts';
import { classifyStatement } from './ddl/classify.ts';
import type { Statement } from './ddl/statement.ts';
import { dialectOf } from './ddl/tokens.ts';
import type {
  BinlogEvent,
  GtidEvent,
  MariadbGtidEvent,
  MariadbGtidListEvent,
  PreviousGtidsEvent,
  QueryEvent,
  XaPrepareEvent,
} from './event.ts';
import { EVENT_FLAG, type EventHeader } from './event-header.ts';
import {
  type ExecutedGtids,
  formatExecutedGtids,
  gtidOf,
  gtidsBefore,
  type TransactionGtid,
} from './executed-gtids.ts';
import { OpenTransaction } from './open-transaction.ts';
import { EventParser } from './parse-event.ts';
import { formatXid, PreparedTransaction } from './prepared-transaction.ts';
import { RowChanges } from './row-changes.ts';
import type { RowsEvent } from './rows-event.ts';
import { parseStatementText } from './statement-text.ts';
import type { TableMap } from './table-map.ts';
import { EventPlace, type TransactionPosition, type TransactionSkip } from './transaction-position.ts';
import type {
  LoggedStatement,
  PreparedChange,
  Target,
  TransactionReducerOptions,
} from './transaction-reducer-options.ts';
import { UnreadableChangeError } from './unreadable-change-error.ts';

/** What a GTID event said of the transaction that begins next. */
interface Announcement {
  readonly gtid: TransactionGtid | null;
  readonly position: number;
  /** MariaDB: a two-phase ALTER TABLE, of which only the commit changes the table. */
  readonly isUnfinishedAlter: boolean;
}

const BEGIN = Buffer.from('BEGIN');
const COMMIT = Buffer.from('COMMIT');
/** Borders without rows between them have to fill a batch, too. */
const BOUNDARY_BYTES = 64;
const MICROS_PER_SECOND = 1_000_000;
const ROW_FORMAT_REMEDY =
  'SET GLOBAL binlog_format = ROW, and see that no session sets its own; then read the tables again: snapshot.mode=when_needed or always.';

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
  readonly #rows = new RowChanges();
  readonly #prepared: Map<string, PreparedTransaction>;
  readonly #place: EventPlace;
  #targets = new WeakMap<TableMap, { readonly target: Target | null }>();
  #changes: Change<BinlogTx>[] = [];
  #bytes = 0;
  #preparedChanges: PreparedChange[] = [];
  #statement: LoggedStatement | null = null;
  #inside: Iterator<BinlogEvent, void, undefined> | null = null;
  #afterInside: (() => void) | null = null;
  /** The current file's, by which kept events are read. */
  #format: Buffer | null = null;
  /** A transaction payload that begins an XA transaction. */
  #xaPayload: Buffer | null = null;
  #announced: Announcement | null = null;
  #open: OpenTransaction | null = null;
  #skip: TransactionSkip | null;
  #executed: ExecutedGtids | null;
  /** Debezium's clock: the time of the event before the one at hand, or the commit time that the GTID told. */
  #timeMicros: number | null = null;
  #serverId = 0;

  constructor(options: TransactionReducerOptions) {
    const { position, prepared } = options;
    this.#options = options;
    this.#place = new EventPlace(position.file, position.position);
    this.#skip = position.skip;
    this.#executed = options.executed;
    this.#prepared = new Map(prepared ?? []);
  }

  /** Changes waiting to be taken. */
  get length(): number {
    return this.#changes.length;
  }

  /** Their size, as they were logged. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is taken now ends inside of a transaction. */
  get isOpen(): boolean {
    return this.#open !== null || (this.#announced !== null && this.#statement === null);
  }

  /** The last event holds others, to be taken by {@link step}. */
  get isInside(): boolean {
    return this.#inside !== null;
  }

  get statement(): LoggedStatement | null {
    return this.#statement;
  }

  /** Server that the last event comes from. */
  get serverId(): number {
    return this.#serverId;
  }

  /** Where a restart goes on when everything so far was delivered; a {@link statement} is not carried out yet. */
  get position(): TransactionPosition {
    const gtids = this.#executed === null ? null : formatExecutedGtids(this.#executed);
    const { file, begin, end } = this.#place;
    const open = this.#open;
    if (open === null) {
      const position = this.#announced?.position ?? (this.#statement === null ? end : begin);
      return { file, position, gtids, skip: this.#skip };
    }
    return { file, position: open.position, gtids, skip: open.held === null ? open.progress : this.#skip };
  }

  /** Hands over what came since the last take; an open transaction goes on. Rows are valid until the next take. */
  take(): { readonly changes: Change<BinlogTx>[]; readonly prepared: readonly PreparedChange[] } {
    const changes = this.#changes;
    const prepared = this.#preparedChanges;
    this.#changes = [];
    this.#preparedChanges = [];
    this.#bytes = 0;
    this.#rows.turn();
    this.#open?.deliver();
    return { changes, prepared };
  }

  /** The schema has changed: what a table is will be asked again. */
  forgetTables(): void {
    this.#targets = new WeakMap();
  }

  /** The statement was carried out and gave these changes. */
  completeStatement(changes: readonly Change<BinlogTx>[]): void {
    this.#statement = null;
    for (const change of changes) this.#changes.push(change);
    if (this.#open === null) this.#complete();
    else {
      this.#open.ordinal++;
      this.#open.events++;
    }
  }

  /** Takes the event `bytes[start, end)`, which may be gone after the call. */
  apply(bytes: Buffer, start: number, end: number): void {
    if (this.#inside !== null || this.#statement !== null) throw new Error('the event before is not worked off');
    const event = this.#parser.parse(bytes, start, end);
    if (event.kind !== 'heartbeat') {
      this.#serverId = event.header.serverId;
      this.#place.pass(event.header);
    }
    if (event.kind === 'format-description') this.#format = Buffer.from(bytes.subarray(start, end));
    if (event.kind === 'transaction-payload') {
      const events = event.events.buffer === bytes.buffer ? Buffer.from(event.events) : event.events;
      this.#xaPayload = beginsXa(events) ? Buffer.from(bytes.subarray(start, end)) : null;
      this.#inside = this.#parser.payload({ ...event, events });
      this.#afterInside = () => this.#passTime(event);
      return;
    }
    const held = this.#open?.held ?? null;
    if (held !== null && this.#isKept(event)) held.add(bytes, start, end, this.#parser.format!);
    this.#event(event, bytes);
    this.#passTime(event);
  }

  /** Takes the next event inside of the last one. */
  step(): void {
    if (this.#inside === null || this.#statement !== null) throw new Error('there is no event to step to');
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
        this.#query(event);
        break;
      case 'xid':
        this.#commit(event.header);
        break;
      case 'xa-prepare':
        this.#xaPrepare(event);
        return;
      case 'rows-query':
        if (!this.#rowsQuery(event.query)) return;
        break;
      case 'rotate':
        this.#place.rotate(event);
        return;
      case 'format-description':
        // No transaction goes on in another file: the server went down in the middle of it.
        if (this.#open !== null) this.#undo(this.#open, 0);
        this.#open = null;
        this.#announced = null;
        return;
      case 'incident':
        throw new UnreadableChangeError(
          `the server says at ${this.#place} that events are missing from its binlog: ${event.message || `incident ${event.incident}`}`,
          'Read the tables again: snapshot.mode=when_needed or always.',
        );
      case 'heartbeat':
        if (!this.isOpen) this.#place.hear(event);
        return;
      case 'transaction-payload':
        throw this.#error('a transaction payload inside of another');
      case 'previous-gtids':
      case 'mariadb-gtid-list':
        this.#learnExecuted(event);
        return;
      case 'table-map':
      case 'statement-context':
      case 'ignored':
        break;
      default:
        event satisfies never;
    }
    // A statement counts once it was carried out.
    if (this.#open !== null && this.#statement === null) this.#open.events++;
  }

  /** What a file's begin says was executed before it. */
  #learnExecuted(event: PreviousGtidsEvent | MariadbGtidListEvent): void {
    const isOfFile = (event.header.flags & EVENT_FLAG.artificial) === 0 && event.header.nextPosition !== 0;
    if (this.#executed === null && this.#options.hasGtids && isOfFile) this.#executed = gtidsBefore(event);
  }

  #gtid(event: GtidEvent | MariadbGtidEvent): void {
    if (this.#open !== null) throw this.#error('a GTID inside of a transaction');
    this.#complete();
    const isMariadb = event.kind === 'mariadb-gtid';
    this.#announced = {
      gtid: this.#options.hasGtids ? gtidOf(event) : null,
      position: this.#place.begin,
      isUnfinishedAlter: isMariadb && event.alter !== null && event.alter.phase !== 'commit',
    };
    if (!isMariadb || event.standalone || event.xa?.phase === 'completed') return;
    const open = this.#begin(null);
    if (event.xa !== null) this.#hold(open);
    else this.#beginRows(open, event.header, false);
  }

  #begin(threadId: number | null): OpenTransaction {
    if (this.#open !== null) throw this.#error('the begin of a transaction inside of another');
    const gtid = this.#announced?.gtid ?? null;
    const open = new OpenTransaction({
      gtid,
      id: gtid?.text ?? `file=${this.#place.file},pos=${this.#place.begin}`,
      position: this.#announced?.position ?? this.#place.begin,
      threadId,
      isCaptured: gtid === null || (this.#options.capturesSource?.(gtid.source) ?? true),
    });
    this.#announced = null;
    this.#open = open;
    return open;
  }

  /** From here on its rows are changes. */
  #beginRows(open: OpenTransaction, header: EventHeader, isReplay: boolean): void {
    const skip = this.#skip;
    if (skip !== null && skip.prepared === isReplay && (skip.gtid === null || skip.gtid === open.gtid?.text)) {
      open.skip = skip;
      this.#skip = null;
    }
    open.isReplay = isReplay;
    if (this.#options.boundaries === true && !open.isResumed) this.#boundary('begin', open, header);
  }

  #commit(header: EventHeader): void {
    const open = this.#open;
    if (open === null) throw this.#error('a commit outside of a transaction');
    if (open.held !== null) throw this.#error('a commit inside of an XA transaction');
    if (open.isPast || open.pastRows > 0) {
      const counts = `ends after ${open.events} events, ${open.skip?.events} and ${open.skip?.rows} rows were delivered`;
      throw new PositionLostError(`transaction ${open.id} at ${this.#place} ${counts}`);
    }
    if (this.#options.boundaries === true) this.#boundary('commit', open, header);
    this.#end(open);
  }

  #rollback(): void {
    const open = this.#open;
    if (open === null) this.#complete();
    else {
      this.#undo(open, 0);
      this.#end(open);
    }
  }

  #end(open: OpenTransaction): void {
    if (this.#executed !== null) open.gtid?.addTo(this.#executed);
    this.#open = null;
  }

  /** The group of events that a GTID announced is over, without ever having been a transaction of several. */
  #complete(): void {
    if (this.#executed !== null) this.#announced?.gtid?.addTo(this.#executed);
    this.#announced = null;
  }

  /** Takes back the changes of the open transaction from an ordinal on: they have been rolled back. */
  #undo(open: OpenTransaction, ordinal: number): void {
    if (!open.undo(ordinal)) {
      throw new UnreadableChangeError(
        `transaction ${open.id} was rolled back at ${this.#place}, after rows of it were delivered`,
        'Set tailrace.batch.bytes above the size of such transactions, so that they are delivered whole or not at all; then read the tables again: snapshot.mode=when_needed or always.',
      );
    }
    const changes = this.#changes;
    for (let last = changes.at(-1); last?.tx.transactionId === open.id; last = changes.at(-1)) {
      if ('ordinal' in last ? last.ordinal < ordinal : ordinal > 0) break;
      changes.pop();
    }
  }

  #query(event: QueryEvent): void {
    const { query, header } = event;
    if (query.equals(BEGIN)) {
      this.#beginRows(this.#begin(event.threadId), header, false);
      return;
    }
    if (query.equals(COMMIT)) {
      this.#commit(header);
      return;
    }
    const text = parseStatementText(event);
    const dialect = dialectOf(this.#options.family, event.status.sqlMode ?? 0n);
    const statement = classifyStatement(text, dialect, event.database);
    const open = this.#open;
    switch (statement.kind) {
      case 'begin':
        this.#beginRows(this.#begin(event.threadId), header, false);
        return;
      case 'commit':
        this.#commit(header);
        return;
      case 'rollback':
        this.#rollback();
        return;
      case 'savepoint':
        if (statement.action === 'set') open?.save(statement.savepoint);
        break;
      case 'rollback-to':
        if (open !== null) this.#undo(open, open.ordinalAt(statement.savepoint));
        break;
      case 'xa':
        this.#xa(statement, event);
        return;
      case 'dml':
        this.#refuseDml(statement);
        break;
      case 'unknown':
        // A statement that calls a routine, logged in place of the rows that this changed.
        if (statement.tables === null && / can change any table$/.test(statement.reason)) this.#refuseCall(text);
        else this.#logged(statement, text, event);
        break;
      default:
        this.#logged(statement, text, event);
    }
    if (open === null && this.#statement === null) this.#complete();
  }

  #logged(statement: Statement, text: string, { header, database, status, errorCode }: QueryEvent): void {
    const open = this.#open;
    if (open?.isPast === true) {
      open.pass(1);
      return;
    }
    if (this.#announced?.isUnfinishedAlter === true) return;
    this.#statement = {
      statement,
      text,
      database,
      dialect: dialectOf(this.#options.family, status.sqlMode ?? 0n),
      status,
      errorCode,
      tx: this.#tx(header, open),
      ordinal: open?.ordinal ?? 0,
    };
  }

  /** Rows of captured tables that no event tells. */
  #refuseDml(statement: Statement & { readonly kind: 'dml' }): void {
    const { mayTouch } = this.#options;
    if (!mayTouch(statement)) return;
    const touched = statement.tables.filter((table) => mayTouch({ ...statement, tables: [table] }));
    const names = touched.map(({ database, name }) => `${database}.${name}`).join(', ');
    throw new UnreadableChangeError(
      `${statement.verb} on ${names} is in the binlog at ${this.#place} as a statement, which does not tell the rows that it changed`,
      ROW_FORMAT_REMEDY,
    );
  }

  #refuseCall(text: string): void {
    // What ends a session's locks is logged where statements are, and changes nothing.
    if (/^DO RELEASE_LOCK\(/i.test(text)) return;
    const verb = /^\w+/.exec(text)?.[0].toUpperCase() ?? 'a statement';
    throw new UnreadableChangeError(
      `${verb} is in the binlog at ${this.#place} as a statement, which does not tell the rows that it changed`,
      ROW_FORMAT_REMEDY,
    );
  }

  #xa(statement: Statement & { readonly kind: 'xa' }, { header, threadId }: QueryEvent): void {
    const { action } = statement;
    if (action === 'end' || action === 'prepare') return;
    if (action === 'start') {
      this.#hold(this.#begin(threadId));
      return;
    }
    if (this.#open !== null) throw this.#error('the end of a prepared transaction inside of another');
    const xid = formatXid(statement.xid);
    const prepared = this.#prepared.get(xid);
    if (action === 'rollback' || prepared === undefined) {
      if (prepared === undefined && action === 'commit') this.#options.onUnknownXa?.(xid, String(this.#place));
      else this.#forget(xid);
      this.#complete();
      return;
    }
    const open = this.#begin(threadId);
    this.#beginRows(open, header, true);
    this.#replay(prepared, () => {
      this.#commit(header);
      this.#forget(xid);
    });
  }

  #xaPrepare({ header, onePhase, xid }: XaPrepareEvent): void {
    const open = this.#open;
    const held = open?.held ?? null;
    if (open === null || held === null) throw this.#error('XA PREPARE without the begin of its transaction');
    open.held = null;
    if (onePhase) {
      // This event stands for the begin: there is no XA COMMIT.
      open.events = 1;
      this.#beginRows(open, header, true);
      this.#replay(held, () => this.#commit(header));
      return;
    }
    const key = formatXid(xid);
    this.#prepared.set(key, held);
    this.#preparedChanges.push({ xid: key, parts: held.parts() });
    this.#end(open);
  }

  /** Its rows are kept until it is known what becomes of them. */
  #hold(open: OpenTransaction): void {
    open.held = new PreparedTransaction();
    open.held.begin(this.#format!);
    if (this.#xaPayload !== null) {
      open.held.add(this.#xaPayload, 0, this.#xaPayload.length, this.#parser.format!);
      this.#xaPayload = null;
    }
    // Debezium has delivered these rows already, and counts where it is in them as nobody else can: they come once more.
    if (this.#skip !== null && this.#skip.gtid === null && !this.#skip.prepared) this.#skip = null;
  }

  #isKept(event: BinlogEvent): boolean {
    if (this.#open?.isCaptured !== true) return false;
    if (event.kind === 'table-map' || event.kind === 'rows') return this.#target(event.table) !== null;
    return event.kind === 'rows-query' && this.#options.keepsQuery === true;
  }

  /** Its rows come next, in front of what is left of the event at hand. */
  #replay(prepared: PreparedTransaction, atEnd: () => void): void {
    const inside = this.#inside;
    const afterInside = this.#afterInside;
    this.#inside = prepared.events();
    this.#afterInside = () => {
      atEnd();
      this.#inside = inside;
      this.#afterInside = afterInside;
    };
  }

  #forget(xid: string): void {
    if (this.#prepared.delete(xid)) this.#preparedChanges.push({ xid, parts: null });
  }

  /** False: an event that is sent for us alone, and is no part of Debezium's count. */
  #rowsQuery(query: Buffer): boolean {
    const { family, keepsQuery = false } = this.#options;
    if (keepsQuery && this.#open !== null) this.#open.query = query.toString('utf8');
    return keepsQuery || family === 'mysql';
  }

  #rowsEvent(event: RowsEvent, bytes: Buffer | null): void {
    const open = this.#open;
    if (open === null) throw this.#error('rows outside of a transaction');
    if (open.held !== null || !open.isCaptured) return;
    const target = this.#target(event.table);
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
      tx: this.#tx(event.header, open),
      ordinal: open.ordinal,
      firstRow,
      isBorrowed: bytes !== null && event.bytes.buffer === bytes.buffer,
    };
    const before = this.#changes.length;
    let rows: number;
    try {
      rows = this.#rows.read(event, options, this.#changes);
    } catch (error) {
      // An event is delivered whole or not at all.
      this.#changes.length = before;
      throw error;
    }
    this.#bytes += event.end - event.start;
    if (rows < firstRow) {
      throw new PositionLostError(`${rows} rows at ${this.#place}, of which ${firstRow} were delivered before`);
    }
    if (firstRow > 0) open.pass(firstRow);
    open.ordinal += rows - firstRow;
  }

  #target(map: TableMap): Target | null {
    let known = this.#targets.get(map);
    if (known === undefined) {
      known = { target: this.#options.tableOf(map) };
      this.#targets.set(map, known);
    }
    return known.target;
  }

  #boundary(kind: 'begin' | 'commit', open: OpenTransaction, header: EventHeader): void {
    this.#changes.push({ kind, tx: this.#tx(header, open), at: 0 });
    this.#bytes += BOUNDARY_BYTES;
  }

  #tx({ serverId, timestamp }: EventHeader, open: OpenTransaction | null): BinlogTx {
    const { file, begin } = this.#place;
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

  #passTime(event: BinlogEvent): void {
    const { timestamp } = event.header;
    if (timestamp === 0 || event.kind === 'heartbeat') return;
    const { family, hasGtids } = this.#options;
    const headerMicros = timestamp * MICROS_PER_SECOND;
    if (family === 'mariadb' || !hasGtids) this.#timeMicros = headerMicros;
    else if (event.kind === 'gtid') this.#timeMicros = event.originalCommitMicros ?? headerMicros;
    else this.#timeMicros ??= headerMicros;
  }

  #error(message: string): DecodeError {
    return new DecodeError(`${message}, at ${this.#place}`, 0);
  }
}

/** An XA START comes first; it is plain ASCII. */
function beginsXa(events: Buffer): boolean {
  const first = events.length < 13 ? 0 : events.readUInt32LE(9);
  return events.subarray(0, first).includes('XA START');
}
