import type { Cursor } from '../cursor.ts';
import { DecodeError } from '../decode-error.ts';
import type { BeginMessage, CommitMessage, LogicalMessage, OriginMessage } from './message.ts';
import { parseTimestamp } from './timestamp.ts';

// Each parser reads from behind the type byte (and the xid of a stream block) to the end of the message.
// Grammar: PostgreSQL manual, "Logical Replication Message Formats".

/** `B` Int64 finalLsn, Int64 commitTime, Int32 xid */
export function parseBegin(cursor: Cursor): BeginMessage {
  const commitLsn = cursor.uint64();
  const commitTimeMicros = parseTimestamp(cursor);
  const xid = cursor.uint32();
  cursor.expectEnd('begin');
  return { kind: 'begin', commitLsn, commitTimeMicros, xid };
}

/** `C` Int8 flags(0), Int64 commitLsn, Int64 endLsn, Int64 commitTime */
export function parseCommit(cursor: Cursor): CommitMessage {
  expectNoFlags(cursor, 'commit');
  const commitLsn = cursor.uint64();
  const endLsn = cursor.uint64();
  const commitTimeMicros = parseTimestamp(cursor);
  cursor.expectEnd('commit');
  return { kind: 'commit', commitLsn, endLsn, commitTimeMicros };
}

/** `O` Int64 originLsn, String name */
export function parseOrigin(cursor: Cursor): OriginMessage {
  const originLsn = cursor.uint64();
  const name = cursor.cstring();
  cursor.expectEnd('origin');
  return { kind: 'origin', originLsn, name };
}

/** `M` Int8 flags (1: transactional), Int64 lsn, String prefix, Int32 length, Byten content */
export function parseLogicalMessage(cursor: Cursor, xid: number | null): LogicalMessage {
  const flags = cursor.uint8();
  if (flags > 1) throw new DecodeError(`logical message with unknown flags ${flags}`, cursor.position - 1);
  const lsn = cursor.uint64();
  const prefix = cursor.cstring();
  const length = cursor.int32();
  const start = cursor.take(length);
  cursor.expectEnd('logical message');
  const content = cursor.bytes.subarray(start, start + length);
  return { kind: 'message', xid, transactional: flags === 1, lsn, prefix, content };
}

/** The flags byte that several messages carry and that no server sets yet. */
export function expectNoFlags(cursor: Cursor, what: string): void {
  const flags = cursor.uint8();
  if (flags !== 0) throw new DecodeError(`${what} with unknown flags ${flags}`, cursor.position - 1);
}
