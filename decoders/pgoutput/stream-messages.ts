import type { Cursor } from '../cursor.ts';
import { DecodeError } from '../decode-error.ts';
import type { StreamAbortMessage, StreamCommitMessage, StreamStartMessage, StreamStopMessage } from './message.ts';
import { parseTimestamp } from './timestamp.ts';
import { expectNoFlags } from './transaction-messages.ts';

// Protocol 2 and newer: transactions sent in blocks before their commit. Between stream start and stream stop
// the messages M, R, Y, I, U, D and T carry an Int32 xid right behind their type byte.

/** `S` Int32 xid, Int8 firstSegment */
export function parseStreamStart(cursor: Cursor): StreamStartMessage {
  const xid = cursor.uint32();
  const first = cursor.uint8();
  if (first > 1) throw new DecodeError(`stream start with segment flag ${first}`, cursor.position - 1);
  cursor.expectEnd('stream start');
  return { kind: 'stream-start', xid, firstSegment: first === 1 };
}

/** `E` */
export function parseStreamStop(cursor: Cursor): StreamStopMessage {
  cursor.expectEnd('stream stop');
  return { kind: 'stream-stop' };
}

/** `c` Int32 xid, Int8 flags(0), Int64 commitLsn, Int64 endLsn, Int64 commitTime */
export function parseStreamCommit(cursor: Cursor): StreamCommitMessage {
  const xid = cursor.uint32();
  expectNoFlags(cursor, 'stream commit');
  const commitLsn = cursor.uint64();
  const endLsn = cursor.uint64();
  const commitTimeMicros = parseTimestamp(cursor);
  cursor.expectEnd('stream commit');
  return { kind: 'stream-commit', xid, commitLsn, endLsn, commitTimeMicros };
}

/** `A` Int32 xid, Int32 subXid; protocol 4 with streaming 'parallel' also: Int64 abortLsn, Int64 abortTime */
export function parseStreamAbort(cursor: Cursor, parallel: boolean): StreamAbortMessage {
  const xid = cursor.uint32();
  const subXid = cursor.uint32();
  const abortLsn = parallel ? cursor.uint64() : null;
  const abortTimeMicros = parallel ? parseTimestamp(cursor) : null;
  cursor.expectEnd('stream abort');
  return { kind: 'stream-abort', xid, subXid, abortLsn, abortTimeMicros };
}
