import type { Cursor } from '../cursor.ts';
import type {
  BeginPrepareMessage,
  CommitPreparedMessage,
  PrepareFields,
  PrepareMessage,
  RollbackPreparedMessage,
  StreamPrepareMessage,
} from './message.ts';
import { parseTimestamp } from './timestamp.ts';
import { expectNoFlags } from './transaction-messages.ts';

// Protocol 3 and newer with two_phase: transactions sent when they are prepared.

/** `b` Int64 prepareLsn, Int64 endLsn, Int64 prepareTime, Int32 xid, String gid */
export function parseBeginPrepare(cursor: Cursor): BeginPrepareMessage {
  const prepareLsn = cursor.uint64();
  const endLsn = cursor.uint64();
  const prepareTimeMicros = parseTimestamp(cursor);
  const xid = cursor.uint32();
  const gid = cursor.cstring();
  cursor.expectEnd('begin prepare');
  return { kind: 'begin-prepare', prepareLsn, endLsn, prepareTimeMicros, xid, gid };
}

/** `P` Int8 flags(0), Int64 prepareLsn, Int64 endLsn, Int64 prepareTime, Int32 xid, String gid */
export function parsePrepare(cursor: Cursor): PrepareMessage {
  return { kind: 'prepare', ...parsePrepareFields(cursor, 'prepare') };
}

/** `p`, the prepare of a streamed transaction: as `P` */
export function parseStreamPrepare(cursor: Cursor): StreamPrepareMessage {
  return { kind: 'stream-prepare', ...parsePrepareFields(cursor, 'stream prepare') };
}

function parsePrepareFields(cursor: Cursor, what: string): PrepareFields {
  expectNoFlags(cursor, what);
  const prepareLsn = cursor.uint64();
  const endLsn = cursor.uint64();
  const prepareTimeMicros = parseTimestamp(cursor);
  const xid = cursor.uint32();
  const gid = cursor.cstring();
  cursor.expectEnd(what);
  return { prepareLsn, endLsn, prepareTimeMicros, xid, gid };
}

/** `K` Int8 flags(0), Int64 commitLsn, Int64 endLsn, Int64 commitTime, Int32 xid, String gid */
export function parseCommitPrepared(cursor: Cursor): CommitPreparedMessage {
  expectNoFlags(cursor, 'commit prepared');
  const commitLsn = cursor.uint64();
  const endLsn = cursor.uint64();
  const commitTimeMicros = parseTimestamp(cursor);
  const xid = cursor.uint32();
  const gid = cursor.cstring();
  cursor.expectEnd('commit prepared');
  return { kind: 'commit-prepared', commitLsn, endLsn, commitTimeMicros, xid, gid };
}

/** `r` Int8 flags(0), Int64 prepareEndLsn, Int64 rollbackEndLsn, Int64 prepareTime, Int64 rollbackTime, Int32 xid, String gid */
export function parseRollbackPrepared(cursor: Cursor): RollbackPreparedMessage {
  expectNoFlags(cursor, 'rollback prepared');
  const prepareEndLsn = cursor.uint64();
  const rollbackEndLsn = cursor.uint64();
  const prepareTimeMicros = parseTimestamp(cursor);
  const rollbackTimeMicros = parseTimestamp(cursor);
  const xid = cursor.uint32();
  const gid = cursor.cstring();
  cursor.expectEnd('rollback prepared');
  return { kind: 'rollback-prepared', prepareEndLsn, rollbackEndLsn, prepareTimeMicros, rollbackTimeMicros, xid, gid };
}
