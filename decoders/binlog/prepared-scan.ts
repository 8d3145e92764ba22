import { BinlogCursor } from './binlog-cursor.ts';
import type { BinlogPosition } from './binlog-position.ts';
import { classifyStatement } from './ddl/classify.ts';
import { dialectOf } from './ddl/tokens.ts';
import type { BinlogEvent, QueryEvent } from './event.ts';
import { EVENT_TYPE, parseEventHeader } from './event-header.ts';
import { EventParser } from './parse-event.ts';
import { formatXid, type PreparedTransaction } from './prepared-transaction.ts';
import { parseStatementText } from './statement-text.ts';
import { EventPlace } from './transaction-position.ts';
import { XaTransactions } from './xa-transactions.ts';

export interface PreparedScanOptions {
  /** Where the first event lies. */
  readonly from: BinlogPosition;
  /** By formatted xid. */
  readonly isWanted: (xid: string) => boolean;
  /** Rows of other tables are not kept. */
  readonly hasTable: (database: string, name: string) => boolean;
  /** The statements behind the rows are kept, where they are logged. */
  readonly keepsQuery: boolean;
}

/** What an XA transaction begins in, and what tells the place; all else is looked at inside of one alone. */
const ALWAYS_READ: ReadonlySet<number> = new Set([
  EVENT_TYPE.formatDescription,
  EVENT_TYPE.rotate,
  EVENT_TYPE.heartbeat,
  EVENT_TYPE.heartbeatV2,
  EVENT_TYPE.query,
  EVENT_TYPE.mariadbQueryCompressed,
  EVENT_TYPE.mariadbGtid,
  EVENT_TYPE.transactionPayload,
]);

const XA = Buffer.from('XA ');

/**
 * Looks for XA transactions that were prepared in a stretch of the binlog, and keeps them as a {@link TransactionReducer} that
 * had read it would; what became of them then is not looked at. Of several of one name the last counts. After a
 * {@link DecodeError} it must not be used again.
 */
export class PreparedScan {
  readonly found = new Map<string, PreparedTransaction>();
  readonly #options: PreparedScanOptions;
  readonly #parser = new EventParser();
  readonly #cursor = new BinlogCursor(Buffer.alloc(0));
  readonly #place: EventPlace;
  readonly #transactions = new XaTransactions(new Map());
  #held: PreparedTransaction | null = null;

  constructor(options: PreparedScanOptions) {
    this.#options = options;
    this.#place = new EventPlace(options.from.file, options.from.position);
  }

  /** Behind the last event. */
  get position(): BinlogPosition {
    return { file: this.#place.file, position: this.#place.end };
  }

  /** Takes the event `bytes[start, end)`, which may be gone after the call. */
  apply(bytes: Buffer, start: number, end: number): void {
    this.#cursor.reset(bytes, start, end);
    const header = parseEventHeader(this.#cursor);
    const isOfDump = header.type === EVENT_TYPE.heartbeat || header.type === EVENT_TYPE.heartbeatV2;
    if (!isOfDump) this.#place.pass(header);
    if (this.#held === null && !ALWAYS_READ.has(header.type)) return;
    const event = this.#parser.parse(bytes, start, end);
    if (event.kind === 'transaction-payload') {
      this.#transactions.beginPayload(bytes.subarray(start, end));
      for (const inner of this.#parser.payload(event)) {
        this.#event(inner);
        // One that does not begin with XA START is none.
        if (this.#held === null) break;
      }
      this.#transactions.endPayload();
      return;
    }
    if (event.kind === 'format-description') this.#transactions.beginFile(bytes, start, end);
    if (this.#held !== null && this.#isKept(event)) this.#held.add(bytes, start, end, this.#parser.format!);
    this.#event(event);
  }

  #event(event: BinlogEvent): void {
    switch (event.kind) {
      case 'rotate':
        this.#place.rotate(event);
        return;
      case 'heartbeat':
        this.#place.hear(event);
        return;
      case 'format-description':
        // No transaction goes on in another file.
        this.#held = null;
        return;
      case 'mariadb-gtid':
        if (event.xa?.phase === 'prepared') this.#begin(formatXid(event.xa.xid));
        return;
      case 'query':
        this.#query(event);
        return;
      case 'xa-prepare':
        if (this.#held !== null && !event.onePhase) this.found.set(formatXid(event.xid), this.#held);
        this.#held = null;
    }
  }

  #query(event: QueryEvent): void {
    if (!event.query.subarray(0, XA.length).equals(XA)) return;
    const dialect = dialectOf(this.#parser.format!.family, event.status.sqlMode ?? 0n);
    const statement = classifyStatement(parseStatementText(event), dialect, event.database);
    if (statement.kind === 'xa' && statement.action === 'start') this.#begin(formatXid(statement.xid));
  }

  #begin(xid: string): void {
    this.#held = this.#options.isWanted(xid) ? this.#transactions.hold(this.#parser.format!) : null;
  }

  #isKept(event: BinlogEvent): boolean {
    if (event.kind === 'rows-query') return this.#options.keepsQuery;
    if (event.kind !== 'table-map' && event.kind !== 'rows') return false;
    return this.#options.hasTable(event.table.database, event.table.name);
  }
}
