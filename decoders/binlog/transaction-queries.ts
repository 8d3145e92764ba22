import type { Change } from '../change.ts';
import type { BinlogTx } from './binlog-tx.ts';
import { classifyStatement } from './ddl/classify.ts';
import type { Statement } from './ddl/statement.ts';
import { dialectOf } from './ddl/tokens.ts';
import type { QueryEvent } from './event.ts';
import { isCall, refuseCall, refuseRowsOf } from './statement-rows.ts';
import { parseStatementText } from './statement-text.ts';
import { withoutTemporary } from './temporary-statement.ts';
import type { TransactionBorders } from './transaction-borders.ts';
import type { LoggedStatement, TransactionReducerOptions } from './transaction-reducer-options.ts';

const BEGIN = Buffer.from('BEGIN');
const COMMIT = Buffer.from('COMMIT');

export type XaStatement = Statement & { readonly kind: 'xa' };

/** What the statements of the binlog are for the transactions that they are in: the part of a reducer that is of query events. */
export class TransactionQueries {
  readonly #options: TransactionReducerOptions;
  readonly #borders: TransactionBorders;
  readonly #onXa: (statement: XaStatement, event: QueryEvent) => void;
  /** To be carried out before the next event is taken. */
  #statement: LoggedStatement | null = null;

  constructor(
    options: TransactionReducerOptions,
    borders: TransactionBorders,
    onXa: (statement: XaStatement, event: QueryEvent) => void,
  ) {
    this.#options = options;
    this.#borders = borders;
    this.#onXa = onXa;
  }

  get statement(): LoggedStatement | null {
    return this.#statement;
  }

  /** The statement was carried out and gave these changes. */
  complete(changes: readonly Change<BinlogTx>[]): void {
    const borders = this.#borders;
    this.#statement = null;
    for (const change of changes) borders.changes.push(change);
    if (borders.open === null) borders.complete();
    else {
      borders.open.ordinal++;
      borders.open.events++;
    }
  }

  apply(event: QueryEvent): void {
    const borders = this.#borders;
    const { query, header } = event;
    if (query.equals(BEGIN)) {
      borders.beginRows(borders.begin(event.threadId), header, false);
      return;
    }
    if (query.equals(COMMIT)) {
      borders.commit(header);
      return;
    }
    const text = parseStatementText(event);
    const dialect = dialectOf(this.#options.family, event.status.sqlMode ?? 0n);
    const statement = withoutTemporary(classifyStatement(text, dialect, event.database), header);
    const { open } = borders;
    switch (statement.kind) {
      case 'begin':
        borders.beginRows(borders.begin(event.threadId), header, false);
        return;
      case 'commit':
        borders.commit(header);
        return;
      case 'rollback':
        borders.rollback();
        return;
      case 'savepoint':
        if (statement.action === 'set') open?.save(statement.savepoint);
        break;
      case 'rollback-to':
        if (open !== null) borders.undo(open, open.ordinalAt(statement.savepoint));
        break;
      case 'xa':
        this.#onXa(statement, event);
        return;
      case 'dml':
        refuseRowsOf(statement, this.#options.mayTouch, String(borders.place));
        break;
      case 'create-table':
        if (statement.selectsRows) refuseRowsOf(statement, this.#options.mayTouch, String(borders.place));
        this.#logged(statement, text, event);
        break;
      default:
        if (isCall(statement)) refuseCall(text, String(borders.place));
        else this.#logged(statement, text, event);
    }
    if (open === null && this.#statement === null) borders.complete();
  }

  #logged(statement: Statement, text: string, { header, database, status, errorCode }: QueryEvent): void {
    const { open, isUnfinishedAlter } = this.#borders;
    if (open?.isPast === true || (open?.skipsChanges === true && open.pastRows > 0)) {
      open.pass(1);
      return;
    }
    if (isUnfinishedAlter) return;
    this.#statement = {
      statement,
      text,
      database,
      dialect: dialectOf(this.#options.family, status.sqlMode ?? 0n),
      status,
      errorCode,
      tx: this.#borders.tx(header),
      ordinal: open?.ordinal ?? 0,
    };
  }
}
