import type { Skip } from '../../../decoders/pgoutput/transaction.ts';
import { TailraceError } from '../../model/errors.ts';
import type { SourceOffset } from '../../model/log.ts';
import type { SeenTransactions } from './seen-transactions.ts';

/**
 * The source offset of Postgres, in Debezium's keys, so that either can go on from the other's. LSNs are JSON integers.
 *
 *   lsn_commit    end of the last transaction that is complete: what is acknowledged, and where a restart begins
 *   lsn_proc, lsn the same; with `skip` the last change that was delivered
 *   txId, ts_usec, messageType   of the last change
 *   snapshot      INITIAL, ALWAYS ...: the last thing delivered was a snapshot
 *   snapshot_completed, last_snapshot_record   whether all of it was
 *
 * and keys that only tailrace reads:
 *
 *   skip, skip_xid, skip_commit_lsn   changes delivered of the transaction after lsn_commit, its xid and the LSN of its
 *                           commit: a restart drops as many of that transaction
 *   skip_before_lsn         in place of a count: LSN before which changes of skip_xid were delivered, by Debezium
 *   sequence_lsn            end of the last commit delivered, for source.sequence; without it lsn_commit, in a snapshot none
 *   message_lsn             last non-transactional message delivered, while it lies beyond lsn_commit
 *   system_id, timeline     of the server that the LSNs belong to
 *   snapshot_seen, snapshot_lsn   transactions before this LSN that the snapshot has seen already (pg_current_snapshot)
 */
export interface Position {
  /** End of the last complete transaction; null while a first snapshot is under way. */
  readonly endLsn: number | null;
  readonly skip: Skip | null;
  readonly messageLsn: number | null;
  /** Commit time of the last change, microseconds since 1970 UTC. */
  readonly commitTimeMicros: number | null;
  /** End of the last commit that was delivered; null when none was. */
  readonly previousEndLsn: number | null;
  readonly snapshot: 'none' | 'unfinished' | 'completed';
  readonly seen: SeenTransactions | null;
  readonly server: ServerIdentity | null;
}

export interface ServerIdentity {
  readonly systemId: string;
  readonly timeline: number;
}

/** What an offset says about the last change besides the position. */
export interface LastChange {
  readonly lsn: number;
  readonly xid: number;
  readonly commitTimeMicros: number;
  readonly messageType: string;
}

export interface StreamOffset {
  readonly endLsn: number;
  readonly skip: Position['skip'];
  readonly messageLsn: number | null;
  /** Null: nothing was delivered, the position moved on over changes that are not captured. */
  readonly last: LastChange | null;
  readonly seen: SeenTransactions | null;
  readonly previousEndLsn: number | null;
  readonly lastCommitTimeMicros: number | null;
  readonly server: ServerIdentity;
}

export function formatStreamOffset(at: StreamOffset): SourceOffset {
  const { endLsn, skip, messageLsn, last, seen, previousEndLsn, lastCommitTimeMicros, server } = at;
  const lsn = skip === null || last === null ? endLsn : last.lsn;
  return {
    lsn_proc: lsn,
    lsn_commit: endLsn,
    lsn,
    ...(last === null
      ? lastCommitTimeMicros === null
        ? {}
        : { ts_usec: lastCommitTimeMicros }
      : { messageType: last.messageType, txId: last.xid, ts_usec: last.commitTimeMicros }),
    ...(previousEndLsn === endLsn ? {} : { sequence_lsn: previousEndLsn }),
    ...formatSkip(skip),
    ...formatMessage(messageLsn, endLsn),
    ...formatSeen(seen),
    ...formatServer(server),
  };
}

export interface SnapshotOffset {
  /** Debezium's name of the snapshot mode. */
  readonly type: string;
  readonly completed: boolean;
  /** LSN of the rows. */
  readonly lsn: number;
  readonly xid: number;
  readonly readTimeMicros: number;
  /** Where the stream begins afterwards; null: not decided before the snapshot is complete. */
  readonly endLsn: number | null;
  readonly skip: Position['skip'];
  readonly messageLsn: number | null;
  /** Null: no commit was delivered. */
  readonly previousEndLsn: number | null;
  readonly seen: SeenTransactions | null;
  readonly server: ServerIdentity;
}

export function formatSnapshotOffset(at: SnapshotOffset): SourceOffset {
  const { endLsn, skip, messageLsn, previousEndLsn, completed } = at;
  return {
    snapshot: at.type,
    snapshot_completed: completed,
    last_snapshot_record: completed,
    lsn: at.lsn,
    txId: at.xid,
    ts_usec: at.readTimeMicros,
    ...(endLsn === null ? {} : { lsn_proc: endLsn, lsn_commit: endLsn }),
    ...(previousEndLsn === null ? {} : { sequence_lsn: previousEndLsn }),
    ...formatSkip(skip),
    ...formatMessage(messageLsn, endLsn),
    ...formatSeen(at.seen),
    ...formatServer(at.server),
  };
}

function formatSkip(skip: Skip | null): SourceOffset {
  if (skip === null) return {};
  const { count, xid, commitLsn, beforeLsn } = skip;
  return {
    skip: count,
    skip_xid: xid,
    ...(commitLsn === null ? {} : { skip_commit_lsn: commitLsn }),
    ...(beforeLsn === undefined ? {} : { skip_before_lsn: beforeLsn }),
  };
}

function formatMessage(messageLsn: number | null, endLsn: number | null): SourceOffset {
  return messageLsn === null || messageLsn <= (endLsn ?? 0) ? {} : { message_lsn: messageLsn };
}

function formatSeen(seen: SeenTransactions | null): SourceOffset {
  return seen === null ? {} : { snapshot_seen: seen.snapshot, snapshot_lsn: seen.beforeLsn };
}

function formatServer(server: ServerIdentity): SourceOffset {
  return { system_id: server.systemId, timeline: server.timeline };
}

/** Throws `source.position_lost` for an offset that neither Debezium nor we have written. */
export function parseOffset(offset: SourceOffset): Position {
  const endLsn = lsnOf(offset, 'lsn_commit') ?? lsnOf(offset, 'lsn_proc');
  const lsn = lsnOf(offset, 'lsn');
  // Debezium: a mode's name; before 2.x `true`. Absent or false: the last thing delivered came from the stream.
  const inSnapshot = offset.snapshot !== undefined && offset.snapshot !== null && offset.snapshot !== false;
  const completed = offset.snapshot_completed === true || offset.last_snapshot_record === true;
  const snapshot = !inSnapshot ? 'none' : completed ? 'completed' : 'unfinished';
  const position = endLsn ?? (snapshot === 'unfinished' ? null : lsn);
  if (position === null && snapshot !== 'unfinished') {
    throw new TailraceError('source.position_lost', `the stored offset has no LSN: ${JSON.stringify(offset)}`, {
      remedy: 'Set it with "tailrace offsets set", or remove it with "tailrace offsets reset" to start anew.',
    });
  }
  const { system_id: systemId, timeline } = offset;
  const { snapshot_seen: seen, snapshot_lsn: beforeLsn } = offset;
  return {
    endLsn: position,
    skip: parseSkip(offset) ?? (inSnapshot ? null : skipOfDebezium(offset)),
    messageLsn: lsnOf(offset, 'message_lsn'),
    previousEndLsn:
      offset.sequence_lsn !== undefined ? lsnOf(offset, 'sequence_lsn') : snapshot === 'none' ? position : null,
    commitTimeMicros: typeof offset.ts_usec === 'number' ? offset.ts_usec : null,
    snapshot,
    seen: typeof seen === 'string' && typeof beforeLsn === 'number' ? { snapshot: seen, beforeLsn } : null,
    server: typeof systemId === 'string' && typeof timeline === 'number' ? { systemId, timeline } : null,
  };
}

function parseSkip(offset: SourceOffset): Skip | null {
  const { skip: count, skip_xid: xid } = offset;
  if (typeof count !== 'number' || typeof xid !== 'number') return null;
  const beforeLsn = lsnOf(offset, 'skip_before_lsn');
  const skip = { xid, count, commitLsn: lsnOf(offset, 'skip_commit_lsn') };
  return beforeLsn === null ? skip : { ...skip, beforeLsn };
}

/**
 * Debezium tells the LSN of the last change that it has delivered, of a transaction that ends behind lsn_commit unless it
 * has been there. Rows of one COPY share an LSN: so the changes at that very LSN are delivered once more.
 */
function skipOfDebezium(offset: SourceOffset): Skip | null {
  const { txId: xid, system_id: systemId } = offset;
  const beforeLsn = lsnOf(offset, 'lsn_proc');
  if (systemId !== undefined || typeof xid !== 'number' || beforeLsn === null || offset.lsn_commit == null) return null;
  return { xid, count: 0, commitLsn: null, beforeLsn };
}

function lsnOf(offset: SourceOffset, key: string): number | null {
  const value = offset[key];
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TailraceError('source.position_lost', `${key} of the stored offset is no LSN: ${JSON.stringify(value)}`, {
    remedy: 'LSNs are stored as integers: set it right with "tailrace offsets set".',
  });
}
