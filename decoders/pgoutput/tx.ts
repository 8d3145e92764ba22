import type { Tx } from '../change.ts';

/** A Postgres transaction as pgoutput's begin and commit messages describe it. LSNs are numbers, exact up to 2^53. */
export interface PgTx extends Tx {
  readonly xid: number;
  /** Start of the commit record (`final_lsn` of begin). */
  readonly commitLsn: number;
  /** End of the commit of the transaction before, null when unknown: the first part of Debezium's `source.sequence`. */
  readonly previousEndLsn: number | null;
  /** Replication origin of the transaction, if it has one, and its position there. */
  readonly origin: string | null;
  readonly originLsn: number | null;
}
