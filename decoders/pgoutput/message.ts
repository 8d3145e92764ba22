import type { Row, Table } from '../change.ts';

/**
 * The messages of pgoutput, protocol versions 1 to 4. LSNs are numbers; times are microseconds since 1970 UTC.
 * `xid` of the kinds that may stand inside a stream block is the (sub)transaction there, null outside of one.
 */
export type Message =
  | BeginMessage
  | CommitMessage
  | OriginMessage
  | LogicalMessage
  | RelationMessage
  | TypeMessage
  | InsertMessage
  | UpdateMessage
  | DeleteMessage
  | TruncateMessage
  | StreamStartMessage
  | StreamStopMessage
  | StreamCommitMessage
  | StreamAbortMessage
  | BeginPrepareMessage
  | PrepareMessage
  | CommitPreparedMessage
  | RollbackPreparedMessage
  | StreamPrepareMessage;

export interface BeginMessage {
  readonly kind: 'begin';
  /** `final_lsn`: start of the commit record. */
  readonly commitLsn: number;
  readonly commitTimeMicros: number;
  readonly xid: number;
}

export interface CommitMessage {
  readonly kind: 'commit';
  readonly commitLsn: number;
  /** End of the commit record: what is acknowledged once the transaction is durable. */
  readonly endLsn: number;
  readonly commitTimeMicros: number;
}

export interface OriginMessage {
  readonly kind: 'origin';
  /** LSN of the commit on the server where the transaction came from. */
  readonly originLsn: number;
  readonly name: string;
}

export interface LogicalMessage {
  readonly kind: 'message';
  readonly xid: number | null;
  readonly transactional: boolean;
  readonly lsn: number;
  readonly prefix: string;
  /** A view of the message's bytes. */
  readonly content: Buffer;
}

export interface RelationMessage {
  readonly kind: 'relation';
  readonly xid: number | null;
  readonly table: Table;
}

/** Announces a type that is not built in, before the relation that uses it. */
export interface TypeMessage {
  readonly kind: 'type';
  readonly xid: number | null;
  readonly oid: number;
  readonly namespace: string;
  readonly name: string;
}

export interface InsertMessage {
  readonly kind: 'insert';
  readonly xid: number | null;
  readonly table: Table;
  readonly after: Row;
}

export interface UpdateMessage {
  readonly kind: 'update';
  readonly xid: number | null;
  readonly table: Table;
  /** Null when the replica identity is the key and the key did not change. */
  readonly before: Row | null;
  readonly after: Row;
}

export interface DeleteMessage {
  readonly kind: 'delete';
  readonly xid: number | null;
  readonly table: Table;
  readonly before: Row;
}

export interface TruncateMessage {
  readonly kind: 'truncate';
  readonly xid: number | null;
  readonly tables: readonly Table[];
  readonly cascade: boolean;
  readonly restartIdentity: boolean;
}

export interface StreamStartMessage {
  readonly kind: 'stream-start';
  readonly xid: number;
  readonly firstSegment: boolean;
}

export interface StreamStopMessage {
  readonly kind: 'stream-stop';
}

export interface StreamCommitMessage {
  readonly kind: 'stream-commit';
  readonly xid: number;
  readonly commitLsn: number;
  readonly endLsn: number;
  readonly commitTimeMicros: number;
}

export interface StreamAbortMessage {
  readonly kind: 'stream-abort';
  readonly xid: number;
  /** The subtransaction that was rolled back; `xid` itself when it was the whole transaction. */
  readonly subXid: number;
  /** Sent with `streaming 'parallel'` only, else null. */
  readonly abortLsn: number | null;
  readonly abortTimeMicros: number | null;
}

export interface PrepareFields {
  readonly prepareLsn: number;
  readonly endLsn: number;
  readonly prepareTimeMicros: number;
  readonly xid: number;
  readonly gid: string;
}

export interface BeginPrepareMessage extends PrepareFields {
  readonly kind: 'begin-prepare';
}

export interface PrepareMessage extends PrepareFields {
  readonly kind: 'prepare';
}

export interface StreamPrepareMessage extends PrepareFields {
  readonly kind: 'stream-prepare';
}

export interface CommitPreparedMessage {
  readonly kind: 'commit-prepared';
  readonly commitLsn: number;
  readonly endLsn: number;
  readonly commitTimeMicros: number;
  readonly xid: number;
  readonly gid: string;
}

export interface RollbackPreparedMessage {
  readonly kind: 'rollback-prepared';
  /** End of the prepared transaction. */
  readonly prepareEndLsn: number;
  /** End of the rollback. */
  readonly rollbackEndLsn: number;
  readonly prepareTimeMicros: number;
  readonly rollbackTimeMicros: number;
  readonly xid: number;
  readonly gid: string;
}
