import type { Tx } from '../change.ts';

/**
 * What a binlog tells of a transaction, one object per rows event of it: all that the source block says but the row's
 * place in its event, which is the change's `at`.
 */
export interface BinlogTx extends Tx {
  readonly serverId: number;
  /** `source_id[:tag]:number` or MariaDB's `domain-server-sequence`; null of an anonymous transaction. */
  readonly gtid: string | null;
  readonly file: string;
  /** Begin of the rows event; of a boundary, of the transaction's first or last event. */
  readonly position: number;
  /** The session that wrote the transaction; null where the log does not say. */
  readonly threadId: number | null;
  /** The statement, where the server logs it (binlog_rows_query_log_events, binlog_annotate_row_events). */
  readonly query: string | null;
  /** The GTID, or `file=<file>,pos=<position>` of the event that began the transaction. */
  readonly transactionId: string;
}
