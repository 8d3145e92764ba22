import type { Change, Row, RowOp, Table } from '../change.ts';
import { Cursor } from '../cursor.ts';
import { DecodeError } from '../decode-error.ts';
import { PositionLostError } from '../position-lost-error.ts';
import { SpanArena } from '../span-arena.ts';
import { formatLsn } from './lsn.ts';
import type { LogicalMessage } from './message.ts';
import { parseTable, parseType } from './relation-messages.ts';
import { parseNewRow, parseOldRow, parseOptionalOldRow, parseTruncate } from './row-messages.ts';
import { parseBegin, parseCommit, parseLogicalMessage, parseOrigin } from './transaction-messages.ts';
import type { PgTx } from './tx.ts';

/** What was emitted of a transaction that was not complete then. */
export interface Skip {
  readonly xid: number;
  /** How many of its ordinals. */
  readonly count: number;
  /** Tells it from another one of the same xid, which a failover may bring. Null: not known. */
  readonly commitLsn: number | null;
  /**
   * Instead of counted ordinals: what lies before this LSN. Such a reader may have been done with the transaction, so that
   * another one may come, of which nothing was emitted.
   */
  readonly beforeLsn?: number;
}

/** Where a stream continues. All null: at its beginning. */
export interface ResumePosition {
  /** `end_lsn` of the last transaction that was emitted whole; the stream was asked for from here. */
  readonly lastEndLsn: number | null;
  /** Of the transaction that was open then. */
  readonly skip: Skip | null;
  /** LSN of the last non-transactional message emitted: those belong to no commit that could stand for them. */
  readonly lastMessageLsn?: number | null;
  /** End of a commit that was emitted before: what the first transaction has as `previousEndLsn`. */
  readonly previousEndLsn?: number | null;
  /** Commit time of that transaction, for messages that come before the next one. */
  readonly lastCommitTimeMicros?: number | null;
}

export interface TransactionReducerOptions {
  /** Whether changes of a table are wanted. Asked once per version of a table. */
  readonly captures: (table: Table) => boolean;
  /** Operations that are left out: of c, u, d and t. */
  readonly skippedOperations?: ReadonlySet<string>;
  /** Also emit the borders of transactions, as BoundaryChange. */
  readonly boundaries?: boolean;
  readonly resume?: ResumePosition;
}

type OpenTx = { -readonly [Field in keyof PgTx]: PgTx[Field] };

interface Target {
  readonly table: Table;
  readonly captured: boolean;
}

/** xid of the PgTx that stands for a non-transactional message. */
const NO_XID = 0;
/** Messages of streamed and prepared transactions, which a stream of whole transactions never has. */
const NOT_REQUESTED = 'SEcAbPKrp';

/**
 * pgoutput messages of whole transactions (protocol 1, or newer without streaming and two-phase) to changes.
 *
 * Every row change, every table of a truncate and every transactional message of a transaction takes an ordinal,
 * wanted or not: so `skip` of a stored position stays true when the capture filter changes.
 * Throws {@link DecodeError} for bytes or sequences that cannot be, {@link PositionLostError} when the stream is not
 * the continuation of `resume`. After either it must not be used again.
 */
export class TransactionReducer {
  readonly #captures: (table: Table) => boolean;
  readonly #boundaries: boolean;
  readonly #skipped: ReadonlySet<string> | null;
  readonly #targets = new Map<number, Target>();
  readonly #arena = new SpanArena();
  readonly #cursor = new Cursor(Buffer.alloc(0));
  #changes: Change<PgTx>[] = [];
  #newTables: Table[] = [];
  #tx: OpenTx | null = null;
  #ordinal = 0;
  #hasChanges = false;
  #lastCommitTimeMicros: number | null;
  #lastEndLsn: number | null;
  #lastMessageLsn: number | null;
  #previousEndLsn: number | null;
  #skip: Skip | null;
  /** Ordinals of the open transaction below this one were emitted before the restart. */
  #firstOrdinal = 0;
  /** Likewise, its row changes below this LSN. */
  #firstLsn = 0;

  constructor(options: TransactionReducerOptions) {
    this.#captures = options.captures;
    this.#boundaries = options.boundaries ?? false;
    this.#skipped =
      options.skippedOperations === undefined || options.skippedOperations.size === 0
        ? null
        : options.skippedOperations;
    this.#lastEndLsn = options.resume?.lastEndLsn ?? null;
    this.#lastMessageLsn = options.resume?.lastMessageLsn ?? null;
    this.#previousEndLsn = options.resume?.previousEndLsn ?? null;
    this.#lastCommitTimeMicros = options.resume?.lastCommitTimeMicros ?? null;
    this.#skip = options.resume?.skip ?? null;
  }

  /** The transaction whose commit has not come yet. */
  get open(): PgTx | null {
    return this.#tx;
  }

  /** Ordinals seen of the open transaction: the `skip.count` of a resume after everything taken so far. 0 without one. */
  get ordinal(): number {
    return this.#ordinal;
  }

  /** `end_lsn` of the last complete transaction. */
  get lastEndLsn(): number | null {
    return this.#lastEndLsn;
  }

  /** What the next transaction has as `previousEndLsn`. */
  get previousEndLsn(): number | null {
    return this.#previousEndLsn;
  }

  get lastCommitTimeMicros(): number | null {
    return this.#lastCommitTimeMicros;
  }

  /** LSN of the last non-transactional message. */
  get lastMessageLsn(): number | null {
    return this.#lastMessageLsn;
  }

  /** Captured tables (versions) announced since the last {@link take}: read it before that. */
  get newTables(): readonly Table[] {
    return this.#newTables;
  }

  /** Changes waiting to be taken. */
  get length(): number {
    return this.#changes.length;
  }

  /** Hands over the changes since the last take; the open transaction goes on. */
  take(): Change<PgTx>[] {
    const changes = this.#changes;
    this.#changes = [];
    this.#newTables = [];
    return changes;
  }

  /**
   * Takes the message `bytes[start, end)`. `walStart` and `sendTimeMicros` (since 1970) are its XLogData header's;
   * the latter is the only time that a non-transactional message has. Rows are views of `bytes`.
   */
  apply(bytes: Buffer, start: number, end: number, walStart: number, sendTimeMicros: number): void {
    const cursor = this.#cursor;
    cursor.reset(bytes, start, end);
    switch (cursor.uint8()) {
      case 0x49: // I
        this.#row('c', walStart);
        break;
      case 0x55: // U
        this.#row('u', walStart);
        break;
      case 0x44: // D
        this.#row('d', walStart);
        break;
      case 0x42: // B
        this.#begin(walStart);
        break;
      case 0x43: // C
        this.#commit(walStart);
        break;
      case 0x52: // R
        this.#announce();
        break;
      case 0x59: // Y
        // The catalog tells more about a type than this does; it is checked like everything else.
        parseType(cursor, null);
        break;
      case 0x4f: // O
        this.#origin();
        break;
      case 0x54: // T
        this.#truncate(walStart);
        break;
      case 0x4d: // M
        this.#message(walStart, sendTimeMicros);
        break;
      default: {
        const type = String.fromCharCode(bytes[start]!);
        const what = NOT_REQUESTED.includes(type) ? 'streaming and two-phase were not requested, yet a' : 'unknown';
        throw new DecodeError(`${what} pgoutput message of type ${JSON.stringify(type)} came`, start);
      }
    }
  }

  #row(op: RowOp, at: number): void {
    const cursor = this.#cursor;
    const tx = this.#expectOpen('row change');
    const id = cursor.uint32();
    const target = this.#target(id, cursor.position - 4);
    const ordinal = this.#ordinal++;
    if (!target.captured || ordinal < this.#firstOrdinal || at < this.#firstLsn) return;
    if (this.#skipped?.has(op) === true) return;
    this.#hasChanges = true;
    const { table } = target;
    let before: Row | null = null;
    let after: Row | null = null;
    if (op === 'd') {
      before = parseOldRow(cursor, table, this.#arena);
    } else {
      if (op === 'u') before = parseOptionalOldRow(cursor, table, this.#arena);
      after = parseNewRow(cursor, table, this.#arena);
    }
    this.#changes.push({ kind: 'row', op, table, before, after, tx, ordinal, at, snapshot: 'false' });
  }

  #begin(at: number): void {
    const { commitLsn, commitTimeMicros, xid } = parseBegin(this.#cursor);
    if (this.#tx !== null) throw this.#error(`begin of transaction ${xid} inside of transaction ${this.#tx.xid}`);
    const lastEndLsn = this.#lastEndLsn;
    if (lastEndLsn !== null && commitLsn < lastEndLsn) {
      const order = `${formatLsn(commitLsn)}, before ${formatLsn(lastEndLsn)} where the last one ended`;
      throw new PositionLostError(`transaction ${xid} commits at ${order}`);
    }
    const skip = this.#skip?.beforeLsn !== undefined && this.#skip.xid !== xid ? null : this.#skip;
    if (skip !== null && skip.xid !== xid) {
      throw new PositionLostError(`transaction ${skip.xid} expected, ${xid} came`);
    }
    if (skip !== null && skip.commitLsn !== null && skip.commitLsn !== commitLsn) {
      const lsns = `that commits at ${formatLsn(skip.commitLsn)} was delivered in part, and one that commits at ${formatLsn(commitLsn)} came`;
      throw new PositionLostError(`a transaction ${xid} ${lsns}`);
    }
    this.#firstOrdinal = skip?.count ?? 0;
    this.#firstLsn = skip?.beforeLsn ?? 0;
    this.#ordinal = 0;
    const tx = {
      commitTimeMicros,
      xid,
      commitLsn,
      previousEndLsn: this.#previousEndLsn,
      origin: null,
      originLsn: null,
    };
    this.#tx = tx;
    if (this.#boundaries && skip === null) this.#changes.push({ kind: 'begin', tx, at });
  }

  #commit(at: number): void {
    const { commitLsn, endLsn } = parseCommit(this.#cursor);
    const tx = this.#expectOpen('commit');
    if (commitLsn !== tx.commitLsn) {
      const lsns = `commits at ${formatLsn(commitLsn)}, its begin announced ${formatLsn(tx.commitLsn)}`;
      throw this.#error(`transaction ${tx.xid} ${lsns}`);
    }
    if (endLsn < commitLsn) throw this.#error(`transaction ${tx.xid} ends before it commits`);
    if (this.#ordinal < this.#firstOrdinal) {
      const counts = `has ${this.#ordinal} changes, ${this.#firstOrdinal} were emitted before`;
      throw new PositionLostError(`transaction ${tx.xid} ${counts}`);
    }
    if (this.#boundaries) this.#changes.push({ kind: 'commit', tx, at });
    this.#tx = null;
    this.#skip = null;
    this.#firstLsn = 0;
    this.#ordinal = 0;
    this.#lastEndLsn = endLsn;
    // Debezium never sees the commit of a transaction whose every change it skips.
    if (this.#hasChanges || this.#skipped === null) this.#previousEndLsn = endLsn;
    this.#hasChanges = false;
    this.#lastCommitTimeMicros = tx.commitTimeMicros;
  }

  /**
   * The server announces a table again after anything about it was altered, also what only the catalog tells, such as
   * NOT NULL or a default. So every announcement begins a new version, unlike in a RelationCache.
   */
  #announce(): void {
    const table = parseTable(this.#cursor);
    const captured = this.#captures(table);
    this.#targets.set(table.id, { table, captured });
    if (captured) this.#newTables.push(table);
  }

  /** Comes right behind begin, so that the one PgTx of the transaction is still unseen by anyone. */
  #origin(): void {
    const { originLsn, name } = parseOrigin(this.#cursor);
    const tx = this.#expectOpen('origin');
    tx.origin = name;
    tx.originLsn = originLsn;
  }

  #truncate(at: number): void {
    const { tables } = parseTruncate(this.#cursor, null, (id, at) => this.#target(id, at).table);
    const tx = this.#expectOpen('truncate');
    for (const table of tables) {
      const ordinal = this.#ordinal++;
      if (ordinal < this.#firstOrdinal || at < this.#firstLsn || this.#targets.get(table.id)?.captured !== true)
        continue;
      if (this.#skipped?.has('t') === true) continue;
      this.#hasChanges = true;
      this.#changes.push({ kind: 'truncate', table, tx, ordinal, at });
    }
  }

  #message(at: number, sendTimeMicros: number): void {
    const message = parseLogicalMessage(this.#cursor, null);
    if (!message.transactional) {
      this.#immediateMessage(message, at, sendTimeMicros);
      return;
    }
    const { prefix, content } = message;
    const tx = this.#expectOpen('transactional message');
    const ordinal = this.#ordinal++;
    if (ordinal < this.#firstOrdinal || at < this.#firstLsn) return;
    this.#hasChanges = true;
    this.#changes.push({ kind: 'message', transactional: true, prefix, content, tx, ordinal, at });
  }

  /**
   * A non-transactional message is sent when it is written, outside of any transaction, and is one of its own to us. As in
   * Debezium it counts as a commit for `source.sequence`, and has the time of the commit before it: it brings none.
   */
  #immediateMessage({ lsn, prefix, content }: LogicalMessage, at: number, sendTimeMicros: number): void {
    if (this.#lastMessageLsn !== null && lsn <= this.#lastMessageLsn) return;
    this.#lastMessageLsn = lsn;
    this.#previousEndLsn = at;
    const tx: PgTx = {
      commitTimeMicros: this.#lastCommitTimeMicros ?? sendTimeMicros,
      xid: NO_XID,
      commitLsn: lsn,
      previousEndLsn: this.#previousEndLsn,
      origin: null,
      originLsn: null,
    };
    this.#changes.push({ kind: 'message', transactional: false, prefix, content, tx, ordinal: 0, at });
  }

  #expectOpen(what: string): OpenTx {
    if (this.#tx === null) throw this.#error(`${what} outside of a transaction`);
    return this.#tx;
  }

  #target(id: number, at: number): Target {
    const target = this.#targets.get(id);
    if (target === undefined) throw new DecodeError(`relation ${id} was never announced`, at);
    return target;
  }

  #error(message: string): DecodeError {
    return new DecodeError(message, this.#cursor.position);
  }
}
