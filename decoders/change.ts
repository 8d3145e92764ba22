import type { TableChange } from './table-schema.ts';

/** A column as the log announces it: position in the row is its index in {@link Table.columns}. */
export interface Column {
  readonly name: string;
  /** The source's own type number: a Postgres type OID, a MySQL column type code. */
  readonly type: number;
  /** Type modifier, -1 when there is none (Postgres: atttypmod). */
  readonly modifier: number;
  /** Part of the replica identity, as the log announces it. */
  readonly identity: boolean;
}

/**
 * One version of a table. A table that changes gets a new object, so that object identity is the
 * schema version and everything derived from it can be cached by it.
 */
export interface Table {
  /** The source's number for it: relation OID, table id. */
  readonly id: number;
  /** Postgres schema or MySQL database. */
  readonly namespace: string;
  readonly name: string;
  readonly columns: readonly Column[];
  /** Postgres: default (primary key), nothing, full, index. */
  readonly replicaIdentity: 'default' | 'nothing' | 'full' | 'index';
}

/** `Row.spans` start of a column whose value is SQL NULL (in a key-only image: also of a column outside the key). */
export const NULL_VALUE = -1;
/** `Row.spans` start of a TOASTed column that the update did not touch: the value exists but was not sent. */
export const UNCHANGED_VALUE = -2;
/** `Row.spans` start of a column that the row image leaves out (MySQL: binlog_row_image minimal or noblob). Absent is not NULL. */
export const ABSENT_VALUE = -3;

/**
 * A view of one row image: column `i` is `bytes[spans[base + 2i] .. spans[base + 2i + 1])`.
 * A negative start is {@link NULL_VALUE}, {@link UNCHANGED_VALUE} or {@link ABSENT_VALUE}.
 * Borrowed: valid until the next batch is pulled from the source.
 */
export interface Row {
  readonly bytes: Buffer;
  readonly spans: Int32Array;
  readonly base: number;
  /**
   * `full`: every column is meant; `key`: only the identity columns are, the others are absent, not NULL; `partial`: the
   * columns that are absent have {@link ABSENT_VALUE}.
   */
  readonly image: 'full' | 'key' | 'partial';
}

/** The transaction that a change belongs to; sources extend it with what their source block tells. */
export interface Tx {
  /** Commit time, microseconds since 1970 UTC (snapshot rows: when the row was read). */
  readonly commitTimeMicros: number;
}

export type RowOp = 'c' | 'u' | 'd' | 'r';

/** Where a snapshot row stands; `false` for a streamed change. Debezium's `source.snapshot`. */
export type SnapshotMarker =
  | 'true'
  | 'first'
  | 'first_in_data_collection'
  | 'last_in_data_collection'
  | 'last'
  | 'false'
  | 'incremental';

interface Located<T extends Tx> {
  readonly tx: T;
  /** Index of the change in its transaction, from 0. */
  readonly ordinal: number;
  /** Where the change itself stands in the source's log: for Postgres its LSN. */
  readonly at: number;
}

export interface RowChange<T extends Tx = Tx> extends Located<T> {
  readonly kind: 'row';
  readonly op: RowOp;
  readonly table: Table;
  readonly before: Row | null;
  readonly after: Row | null;
  readonly snapshot: SnapshotMarker;
}

/** TRUNCATE of one table (a statement over several tables gives one change each). */
export interface TruncateChange<T extends Tx = Tx> extends Located<T> {
  readonly kind: 'truncate';
  readonly table: Table;
}

/** A logical decoding message (pg_logical_emit_message). */
export interface MessageChange<T extends Tx = Tx> extends Located<T> {
  readonly kind: 'message';
  readonly transactional: boolean;
  readonly prefix: string;
  readonly content: Buffer;
}

/** The borders of a transaction: what the transaction metadata topic tells. They take no ordinal. */
export interface BoundaryChange<T extends Tx = Tx> {
  readonly kind: 'begin' | 'commit';
  readonly tx: T;
  readonly at: number;
}

/** DDL that changed captured tables: what the schema-change topic tells. */
export interface SchemaChange<T extends Tx = Tx> extends Located<T> {
  readonly kind: 'schema';
  readonly database: string;
  readonly ddl: string;
  readonly tables: readonly TableChange[];
  /** Names of the tables that the whole statement is about, of which this may be one part; null: it is about a database. */
  readonly subjects: readonly string[] | null;
  readonly snapshot: SnapshotMarker;
}

export type Change<T extends Tx = Tx> =
  | RowChange<T>
  | TruncateChange<T>
  | MessageChange<T>
  | BoundaryChange<T>
  | SchemaChange<T>;
