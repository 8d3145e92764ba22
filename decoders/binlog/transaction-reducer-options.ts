import type { Table } from '../change.ts';
import type { BinlogTx } from './binlog-tx.ts';
import type { ColumnLayout } from './column-layout.ts';
import type { Statement } from './ddl/statement.ts';
import type { SqlDialect } from './ddl/tokens.ts';
import type { ExecutedGtids } from './executed-gtids.ts';
import type { ServerFamily } from './format-description.ts';
import type { PreparedTransaction } from './prepared-transaction.ts';
import type { QueryStatus } from './query-status.ts';
import type { TableMap } from './table-map.ts';
import type { TransactionPosition } from './transaction-position.ts';

/** A captured table. */
export interface Target {
  readonly table: Table;
  /** Stands in for the table map's own where that has `unknownDigits`. */
  readonly layout?: ColumnLayout;
}

/** A statement that is neither of rows nor of transactions: carried out before the next event is applied. */
export interface LoggedStatement {
  readonly statement: Statement;
  readonly text: string;
  /** Default database; empty when there was none. */
  readonly database: string;
  readonly dialect: SqlDialect;
  readonly status: QueryStatus;
  /** What it ended with on the server, 0 for none: MariaDB logs a CREATE OR REPLACE that failed once the old table was gone. */
  readonly errorCode: number;
  readonly tx: BinlogTx;
  readonly ordinal: number;
}

/** An XA transaction was prepared (then the parts of its record) or completed (null). */
export interface PreparedChange {
  readonly xid: string;
  readonly parts: readonly Buffer[] | null;
}

export interface TransactionReducerOptions {
  readonly family: ServerFamily;
  readonly position: Pick<TransactionPosition, 'file' | 'position' | 'skip'> &
    Partial<Pick<TransactionPosition, 'fileBegan'>>;
  /** Every transaction has a GTID: MySQL's gtid_mode=ON, MariaDB. */
  readonly hasGtids: boolean;
  /** What was executed before the position. Null: it is not known, at least not until a file says what was before it. */
  readonly executed: ExecutedGtids | null;
  /** Null: its rows are not wanted. Asked once per version of a table, and again after {@link TransactionReducer.forgetTables}. */
  readonly tableOf: (map: TableMap) => Target | null;
  /** Whether a statement may have changed rows of a captured table. */
  readonly mayTouch: (statement: Statement) => boolean;
  /** Transactions that began elsewhere give no rows. See {@link TransactionGtid.source}. */
  readonly capturesSource?: ((source: string) => boolean) | null;
  /** Operations that are left out: of c, u, d. */
  readonly skippedOperations?: ReadonlySet<string>;
  /** Also emit the borders of transactions, as BoundaryChange. */
  readonly boundaries?: boolean;
  /** The statement behind the rows is wanted, where it is logged. */
  readonly keepsQuery?: boolean;
  /** XA transactions that are prepared, by formatted xid. */
  readonly prepared?: ReadonlyMap<string, PreparedTransaction>;
  /** XA COMMIT of a transaction whose PREPARE was not seen; throws where that is a loss. */
  readonly onUnknownXa?: (xid: string, place: string) => void;
}
