import type { ChecksumAlgorithm } from './checksum.ts';
import type { EventHeader } from './event-header.ts';
import type { ServerFamily } from './format-description.ts';
import type { Gtid } from './gtid-set.ts';
import type { MariadbGtid } from './mariadb-gtid.ts';
import type { QueryStatus } from './query-status.ts';
import type { RowsEvent } from './rows-event.ts';
import type { TableMap } from './table-map.ts';

interface EventOf<Kind extends string> {
  readonly kind: Kind;
  readonly header: EventHeader;
}

export interface FormatDescriptionEvent extends EventOf<'format-description'> {
  readonly family: ServerFamily;
  readonly serverVersion: string;
  /** Seconds since 1970 UTC when the server started with this file; else, and when it comes from a dump thread, 0. */
  readonly created: number;
  /** How the events behind this one end. */
  readonly checksum: ChecksumAlgorithm;
}

export interface RotateEvent extends EventOf<'rotate'> {
  readonly file: string;
  readonly position: number;
  /** Sent by the dump thread to tell where it reads; no end of a file. */
  readonly artificial: boolean;
}

/** MySQL: the begin of every transaction, GTID mode or not. Times are microseconds since 1970 UTC. */
export interface GtidEvent extends EventOf<'gtid'> {
  /** null of an anonymous transaction. */
  readonly gtid: Gtid | null;
  /** The transaction may hold statements: `Gtid_event::FLAG_MAY_HAVE_SBR`. */
  readonly mayHaveStatements: boolean;
  readonly lastCommitted: number;
  readonly sequenceNumber: number;
  /** Commit time on the server that we read from; null before MySQL 8.0.1. */
  readonly immediateCommitMicros: number | null;
  /** Commit time on the server where the transaction began. */
  readonly originalCommitMicros: number | null;
  /** Bytes of the transaction in its file, this event included. */
  readonly transactionBytes: number | null;
  /** Such as 80036; 0 or null when unknown. */
  readonly immediateServerVersion: number | null;
  readonly originalServerVersion: number | null;
}

/** The GTIDs that were executed before this file began, as `Gtid_set::encode` writes them. A view. */
export interface PreviousGtidsEvent extends EventOf<'previous-gtids'> {
  readonly encoded: Buffer;
}

export interface Xid {
  readonly formatId: number;
  readonly gtrid: Buffer;
  readonly bqual: Buffer;
}

export interface MariadbGtidEvent extends EventOf<'mariadb-gtid'> {
  readonly gtid: MariadbGtid;
  /** A statement that commits by itself (DDL, or no transactional engine): no BEGIN and no COMMIT or XID come with it. */
  readonly standalone: boolean;
  readonly ddl: boolean;
  readonly transactional: boolean;
  readonly commitId: bigint | null;
  /** The transaction is prepared, or a prepared one completed, by this XA id. */
  readonly xa: { readonly phase: 'prepared' | 'completed'; readonly xid: Xid } | null;
  /** Of a two-phase ALTER TABLE; `started` is the sequence of the GTID that started it, 0 for the start itself. */
  readonly alter: { readonly phase: 'start' | 'commit' | 'rollback'; readonly started: bigint } | null;
  readonly threadId: number | null;
}

/** MariaDB: the last GTID of each domain and server before this place. */
export interface MariadbGtidListEvent extends EventOf<'mariadb-gtid-list'> {
  readonly gtids: readonly MariadbGtid[];
}

/** A statement: BEGIN, COMMIT, XA ..., DDL, or DML in statement format. */
export interface QueryEvent extends EventOf<'query'> {
  readonly threadId: number;
  readonly executionSeconds: number;
  /** Error that the statement ended with on the server, 0 for none. */
  readonly errorCode: number;
  /** Default database; empty when there was none. */
  readonly database: string;
  /** The statement in the character set of `status.clientCollation`. A view. */
  readonly query: Buffer;
  readonly status: QueryStatus;
  /** The statement was LOAD DATA INFILE, logged as a statement with its file. */
  readonly loadsFile: boolean;
}

/** Commit of a transaction; `xid` is the number the server's engines know it by. */
export interface XidEvent extends EventOf<'xid'> {
  readonly xid: bigint;
}

/** Ends the rows of an XA transaction: prepared, or with `onePhase` committed at once. */
export interface XaPrepareEvent extends EventOf<'xa-prepare'> {
  readonly onePhase: boolean;
  readonly xid: Xid;
}

export interface HeartbeatEvent extends EventOf<'heartbeat'> {
  readonly file: string;
  /** Where the dump thread stands; version 1 tells it modulo 2^32. */
  readonly position: number;
  readonly version: 1 | 2;
}

/** The statement behind the row events that follow: MySQL's rows-query, MariaDB's annotate-rows. A view. */
export interface RowsQueryEvent extends EventOf<'rows-query'> {
  readonly query: Buffer;
}

/** The server lost events: what follows is not the continuation of what came before. */
export interface IncidentEvent extends EventOf<'incident'> {
  readonly incident: number;
  readonly message: string;
}

export interface TableMapEvent extends EventOf<'table-map'> {
  readonly tableId: number;
  readonly table: TableMap;
}

/** A whole transaction: its events one behind the other, without checksums, and mostly compressed. `payload` is a view. */
export interface TransactionPayloadEvent extends EventOf<'transaction-payload'> {
  readonly payload: Buffer;
  readonly compression: 'zstd' | 'none';
  /** Of the events, decompressed. */
  readonly eventsBytes: number;
}

/** What only a statement-format transaction has: variables and files of the statement that follows. */
export interface StatementContextEvent extends EventOf<'statement-context'> {
  readonly what: 'intvar' | 'rand' | 'user-var' | 'load-data';
}

/** Events that carry nothing for us: stop, checkpoint, group replication's, and unknown ones marked ignorable. */
export interface IgnoredEvent extends EventOf<'ignored'> {
  readonly what: 'stop' | 'binlog-checkpoint' | 'transaction-context' | 'view-change' | 'ignorable';
}

export type BinlogEvent =
  | FormatDescriptionEvent
  | RotateEvent
  | GtidEvent
  | PreviousGtidsEvent
  | MariadbGtidEvent
  | MariadbGtidListEvent
  | QueryEvent
  | XidEvent
  | XaPrepareEvent
  | HeartbeatEvent
  | RowsQueryEvent
  | IncidentEvent
  | TableMapEvent
  | RowsEvent
  | TransactionPayloadEvent
  | StatementContextEvent
  | IgnoredEvent;
