import type { ErrorCode } from './errors.ts';
import type { SourceStatus } from './plugin.ts';

/**
 * Connect's states of a task. RUNNING: its source is connected and reads. Until then a task is UNASSIGNED when it starts
 * for the first time and RESTARTING after a failure, through all attempts.
 */
export type TaskState = 'UNASSIGNED' | 'RUNNING' | 'RESTARTING' | 'FAILED' | 'STOPPED';

export interface TaskStatus {
  readonly connector: string;
  readonly task: number;
  readonly state: TaskState;
  /** Why the task is not running, or what it last failed with while it restarts; null while it runs. */
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly remedy: string | null } | null;
  /** Starts in a row that have failed: since the task last made something durable. */
  readonly failedAttempts: number;
  /** Null until the source has started. */
  readonly source: SourceStatus | null;
}

/** A replication slot as its server shows it, with what it holds back. */
export interface SlotLag {
  readonly slot: string;
  readonly plugin: string | null;
  /** Null for a physical slot. */
  readonly database: string | null;
  readonly temporary: boolean;
  readonly active: boolean;
  readonly activePid: number | null;
  /** LSNs in Postgres' text form; null where the slot has none. */
  readonly restartLsn: string | null;
  readonly confirmedFlushLsn: string | null;
  /** Where the server was when it answered. */
  readonly serverLsn: string;
  /** WAL that the server keeps for the slot: from restart_lsn to its current position. */
  readonly retainedBytes: number | null;
  /** WAL after confirmed_flush_lsn: what was not confirmed as durable. */
  readonly unconfirmedBytes: number | null;
  /** reserved, extended, unreserved or lost; null before Postgres 13. */
  readonly walStatus: string | null;
  /** WAL that may still be written before the slot is in danger of being lost; null without max_slot_wal_keep_size. */
  readonly safeWalBytes: number | null;
  /** Why the server invalidated the slot (Postgres 17), or `wal_removed` where the WAL is lost. */
  readonly invalidationReason: string | null;
}

/** What a connector has not yet delivered of its server's binlog, and for how long the server keeps it. */
export interface BinlogLag {
  /** Where the durable source offset stands; null when there is none yet. */
  readonly file: string | null;
  readonly position: number | null;
  /** Where the server was when it answered. */
  readonly serverFile: string;
  readonly serverPosition: number;
  /** Binlog between the two; null without an offset, or when its file is gone. */
  readonly unconfirmedBytes: number | null;
  /** GTID set of what the server has executed and the offset does not hold; null where there are no GTIDs. */
  readonly missingGtids: string | null;
  readonly missingTransactions: number | null;
  /** For how long the server keeps a binlog file after its last write; null: for ever. */
  readonly retentionMs: number | null;
  /** Milliseconds until the server may remove the first file that is still needed; null: it keeps files for ever, or does not tell. */
  readonly retentionLeftMs: number | null;
  /** The server has removed binlog that is still needed. */
  readonly purged: boolean;
}

/** Where `/lag` turns red; null: no limit. */
export interface SlotThresholds {
  readonly retainedBytes: number | null;
  readonly unconfirmedBytes: number | null;
  readonly lagMs: number | null;
}

/** Where `/lag` turns red; null: no limit. Of the retention left it is the least. */
export interface BinlogThresholds {
  readonly unconfirmedBytes: number | null;
  readonly lagMs: number | null;
  readonly retentionLeftMs: number | null;
}

interface LagOf {
  readonly connector: string;
  /** For how long the oldest unconfirmed part of the database's log has been known to exist; 0 when all that is known is confirmed. */
  readonly lagMs: number | null;
  /** Why the server could not be asked. */
  readonly error: string | null;
}

export interface SlotLagReport extends LagOf {
  readonly kind: 'slot';
  readonly slotName: string;
  /** Null when the slot does not exist (yet), or when `error` says that the server could not be asked. */
  readonly slot: SlotLag | null;
  readonly thresholds: SlotThresholds;
}

export interface BinlogLagReport extends LagOf {
  readonly kind: 'binlog';
  /** Null when `error` says that the server could not be asked. */
  readonly binlog: BinlogLag | null;
  readonly thresholds: BinlogThresholds;
}

export type LagReport = SlotLagReport | BinlogLagReport;

/** What the HTTP server and the metrics ask of a running process. */
export interface HealthProvider {
  readonly startedMs: number;
  tasks(): readonly TaskStatus[];
  /** Asks the servers; an unreachable one is reported, it does not reject. */
  lag(): Promise<readonly LagReport[]>;
}
