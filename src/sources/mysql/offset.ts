import type { TransactionSkip } from '../../../decoders/binlog/transaction-position.ts';
import { TailraceError } from '../../model/errors.ts';
import type { SourceOffset } from '../../model/log.ts';

/**
 * The source offset of MySQL and MariaDB, in Debezium's keys, so that either can go on from the other's.
 *
 *   file, pos     where a restart reads from: the begin of a transaction that is not complete, else the end of the last one
 *   gtids         the transactions executed before that: a restart asks for the others, whatever the files are called then
 *   event, row    of the transaction at `pos`: events from its BEGIN (MariaDB: its GTID) on that were delivered, and rows of
 *                 the event behind those
 *   ts_sec, server_id   of the last change
 *   snapshot      INITIAL, ALWAYS ...: the last thing delivered was a snapshot
 *   snapshot_completed   whether all of it was
 *
 * and keys that only tailrace reads:
 *
 *   event_changes rows and statements of captured tables in these: another server may log them in other events
 *   event_gtid    the transaction that `event` and `row` are of: after a failover another may come first
 *   xa_event      in place of `event`, where that transaction is an XA COMMIT: of the events that were kept since its PREPARE
 *   server_uuid   of the server that `file` and `pos` belong to
 *   file_ts_sec   when it began `file`: a RESET gives the name to another one
 */
export interface Position {
  readonly file: string;
  readonly position: number;
  /** Null: by file and position alone. */
  readonly gtids: string | null;
  readonly skip: TransactionSkip | null;
  /** Seconds since 1970 UTC, of the last change. */
  readonly timestampSeconds: number | null;
  readonly serverId: number | null;
  readonly snapshot: 'none' | 'unfinished' | 'completed';
  readonly serverUuid: string | null;
  /** Seconds since 1970 UTC, of the file's first event. */
  readonly fileBegan: number | null;
}

export interface OffsetInput {
  readonly file: string;
  readonly position: number;
  readonly gtids: string | null;
  readonly skip: TransactionSkip | null;
  readonly timestampSeconds: number | null;
  /** 0 or null: none is told. */
  readonly serverId: number | null;
  readonly serverUuid: string | null;
  readonly fileBegan?: number | null;
  /** Debezium's name of the snapshot mode; absent: from the stream. */
  readonly snapshot?: { readonly type: string; readonly completed: boolean };
}

export function formatOffset(at: OffsetInput): SourceOffset {
  const { file, position, gtids, timestampSeconds, serverId, serverUuid, fileBegan = null, snapshot } = at;
  return {
    ...(serverId === null || serverId === 0 ? {} : { server_id: serverId }),
    ...(gtids === null ? {} : { gtids }),
    file,
    pos: position,
    ...formatSkip(at.skip),
    ...(timestampSeconds === null ? {} : { ts_sec: timestampSeconds }),
    ...(snapshot === undefined ? {} : { snapshot: snapshot.type, snapshot_completed: snapshot.completed }),
    ...(serverUuid === null ? {} : { server_uuid: serverUuid }),
    ...(fileBegan === null ? {} : { file_ts_sec: fileBegan }),
  };
}

function formatSkip(skip: TransactionSkip | null): SourceOffset {
  if (skip === null) return {};
  const { events, rows, changes, gtid, prepared } = skip;
  return {
    ...(events === 0 ? {} : { [prepared ? 'xa_event' : 'event']: events }),
    ...(rows === 0 ? {} : { row: rows }),
    ...(changes === null ? {} : { event_changes: changes }),
    ...(gtid === null ? {} : { event_gtid: gtid }),
  };
}

/** Throws `source.position_lost` for an offset that neither Debezium nor we have written. */
export function parseOffset(offset: SourceOffset): Position {
  const { file, gtids, event_gtid: gtid, server_uuid: serverUuid } = offset;
  const position = count(offset, 'pos');
  if (typeof file !== 'string' || file === '' || position === null) {
    throw new TailraceError(
      'source.position_lost',
      `the stored offset has no file and pos: ${JSON.stringify(offset)}`,
      {
        remedy: 'Set it with "tailrace offsets set", or remove it with "tailrace offsets reset" to start anew.',
      },
    );
  }
  const prepared = count(offset, 'xa_event');
  const events = prepared ?? count(offset, 'event') ?? 0;
  const rows = count(offset, 'row') ?? 0;
  const changes = count(offset, 'event_changes');
  // Debezium: a mode's name; before 2.x `true`. Absent or false: the last thing delivered came from the stream.
  const inSnapshot = offset.snapshot !== undefined && offset.snapshot !== null && offset.snapshot !== false;
  return {
    file,
    position,
    gtids: typeof gtids === 'string' ? gtids.replace(/\s+/g, '') : null,
    skip:
      events === 0 && rows === 0 && changes === null
        ? null
        : { events, rows, changes, gtid: typeof gtid === 'string' ? gtid : null, prepared: prepared !== null },
    timestampSeconds: count(offset, 'ts_sec'),
    serverId: count(offset, 'server_id'),
    snapshot: !inSnapshot ? 'none' : offset.snapshot_completed === true ? 'completed' : 'unfinished',
    serverUuid: typeof serverUuid === 'string' ? serverUuid : null,
    fileBegan: count(offset, 'file_ts_sec'),
  };
}

function count(offset: SourceOffset, key: string): number | null {
  const value = offset[key];
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TailraceError('source.position_lost', `${key} of the stored offset is ${JSON.stringify(value)}`, {
    remedy: 'It is stored as an integer: set it right with "tailrace offsets set".',
  });
}
