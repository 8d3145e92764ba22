import { DecodeError } from '../decode-error.ts';
import type { BinlogCursor } from './binlog-cursor.ts';
import type { GtidEvent, PreviousGtidsEvent } from './event.ts';
import { EVENT_TYPE, type EventHeader } from './event-header.ts';
import { GNO_END } from './gtid-set.ts';
import { expectSerialVersion, serialBits, serialInt, serialUint } from './serial-integer.ts';

const UUID_BYTES = 16;
/** The logical clock is the only way of telling dependencies that a server ever wrote. */
const LOGICAL_CLOCK = 2;
const FLAG_MAY_HAVE_STATEMENTS = 1;
/** Top bit of the 56-bit time: the original commit time follows, because it differs. */
const HAS_ORIGINAL_TIME = 0x80;
/** Top bit of the 32-bit version: the original version follows. */
const HAS_ORIGINAL_VERSION = 0x8000_0000;
const COMMIT_GROUP_TICKET_BYTES = 8;
/** `mysql::gtid::tag_max_length` */
const MAX_TAG_BYTES = 32;

/**
 * GTID_LOG_EVENT and ANONYMOUS_GTID_LOG_EVENT:
 *
 *     uint8 flags, byte[16] uuid, int64 gno, uint8 2, int64 lastCommitted, int64 sequenceNumber,
 *     [uint56 immediateCommitMicros, [uint56 originalCommitMicros], lenenc transactionBytes,
 *     [uint32 immediateServerVersion, [uint32 originalServerVersion], [uint64 commitGroupTicket]]]
 *
 * (MySQL source, libs/mysql/binlog/event/control_events.h, `Gtid_event`.)
 */
export function parseGtid(cursor: BinlogCursor, header: EventHeader): GtidEvent {
  const flags = cursor.uint8();
  const uuidAt = cursor.take(UUID_BYTES);
  const anonymous = header.type === EVENT_TYPE.anonymousGtid;
  const gno = cursor.bigInt64();
  checkNumber(gno, anonymous, cursor.position - 8);
  const gtid = anonymous ? null : { uuid: formatUuid(cursor.bytes, uuidAt), tag: '', gno };
  cursor.expectByte(LOGICAL_CLOCK, 'kind of transaction dependency');
  const lastCommitted = cursor.uint64();
  const sequenceNumber = cursor.uint64();
  let immediateCommitMicros: number | null = null;
  let originalCommitMicros: number | null = null;
  let transactionBytes: number | null = null;
  let immediateServerVersion: number | null = null;
  let originalServerVersion: number | null = null;
  if (cursor.remaining > 0) {
    const hasOriginal = cursor.remaining >= 7 && (cursor.bytes[cursor.position + 6]! & HAS_ORIGINAL_TIME) !== 0;
    immediateCommitMicros = parseMicros(cursor);
    originalCommitMicros = hasOriginal ? parseMicros(cursor) : immediateCommitMicros;
    if (cursor.remaining > 0) transactionBytes = cursor.lengthEncoded();
    if (cursor.remaining > 0) {
      const version = cursor.uint32();
      immediateServerVersion = version % HAS_ORIGINAL_VERSION;
      originalServerVersion = version >= HAS_ORIGINAL_VERSION ? cursor.uint32() : immediateServerVersion;
    }
    if (cursor.remaining > 0) cursor.take(COMMIT_GROUP_TICKET_BYTES);
  }
  cursor.expectEnd('GTID event');
  return {
    kind: 'gtid',
    header,
    gtid,
    mayHaveStatements: (flags & FLAG_MAY_HAVE_STATEMENTS) !== 0,
    lastCommitted,
    sequenceNumber,
    immediateCommitMicros,
    originalCommitMicros,
    transactionBytes,
    immediateServerVersion,
    originalServerVersion,
  };
}

/**
 * GTID_TAGGED_LOG_EVENT, a message of MySQL's serialization library:
 *
 *     uint version (1), uint size (of the message, from the version on), uint lastNonIgnorableField,
 *     { uint field, value }
 *
 * with the fields, in this order, of which a writer may leave out those that repeat another:
 * 0 uint flags, 1 uint[16] uuid, 2 int gno, 3 tag: uint length, char[], 4 int lastCommitted, 5 int sequenceNumber,
 * 6 uint immediateCommitMicros, 7 uint originalCommitMicros, 8 uint transactionBytes, 9 uint immediateServerVersion,
 * 10 uint originalServerVersion, 11 uint commitGroupTicket (`Gtid_event::define_fields`;
 * libs/mysql/serialization/readme.md).
 */
export function parseTaggedGtid(cursor: BinlogCursor, header: EventHeader): GtidEvent {
  const start = cursor.position;
  expectSerialVersion(cursor);
  const size = serialUint(cursor);
  if (size !== cursor.end - start) {
    throw new DecodeError(`tagged GTID of ${size} bytes, ${cursor.end - start} came`, start);
  }
  const lastNonIgnorable = serialUint(cursor);
  if (lastNonIgnorable > 12) {
    throw new DecodeError('tagged GTID has a field that this version does not know and may not skip', start);
  }
  const numbers = new Map<number, number>();
  let uuid: string | null = null;
  let tag = '';
  let gno: bigint | null = null;
  let last = -1;
  while (cursor.remaining > 0) {
    const at = cursor.position;
    const field = serialUint(cursor);
    if (field <= last) throw new DecodeError(`field ${field} of a tagged GTID behind field ${last}`, at);
    last = field;
    // Its size cannot be known, but nothing behind it can concern us either.
    if (field > 11) break;
    if (field === 1) {
      const bytes = Buffer.alloc(UUID_BYTES);
      for (let i = 0; i < UUID_BYTES; i++) bytes[i] = byteOf(serialUint(cursor), at);
      uuid = formatUuid(bytes, 0);
    } else if (field === 3) {
      tag = parseTag(cursor);
    } else if (field === 2) {
      gno = serialInt(cursor);
    } else if (field === 4 || field === 5) {
      numbers.set(field, exact(serialInt(cursor), at));
    } else if (field === 11) {
      serialBits(cursor);
    } else {
      numbers.set(field, serialUint(cursor));
    }
  }
  const required = (field: number): number => {
    const value = numbers.get(field);
    if (value === undefined) throw new DecodeError(`tagged GTID without its field ${field}`, start);
    return value;
  };
  if (uuid === null) throw new DecodeError('tagged GTID without its UUID', start);
  if (gno === null) throw new DecodeError('tagged GTID without its number', start);
  checkNumber(gno, false, start);
  const immediateCommitMicros = required(6);
  const immediateServerVersion = numbers.get(9) ?? null;
  return {
    kind: 'gtid',
    header,
    gtid: { uuid, tag, gno },
    mayHaveStatements: (required(0) & FLAG_MAY_HAVE_STATEMENTS) !== 0,
    lastCommitted: required(4),
    sequenceNumber: required(5),
    immediateCommitMicros,
    originalCommitMicros: numbers.get(7) ?? immediateCommitMicros,
    transactionBytes: numbers.get(8) ?? null,
    immediateServerVersion,
    originalServerVersion: numbers.get(10) ?? immediateServerVersion,
  };
}

/** PREVIOUS_GTIDS_LOG_EVENT: an encoded GTID set and nothing else. */
export function parsePreviousGtids(cursor: BinlogCursor, header: EventHeader): PreviousGtidsEvent {
  return { kind: 'previous-gtids', header, encoded: cursor.view(cursor.remaining) };
}

function parseMicros(cursor: BinlogCursor): number {
  const at = cursor.position;
  const low = cursor.uint32();
  const high = cursor.uint24() & 0x7f_ffff;
  const micros = high * 0x1_0000_0000 + low;
  if (!Number.isSafeInteger(micros)) throw new DecodeError('commit time beyond 2^53 - 1 microseconds', at);
  return micros;
}

function checkNumber(gno: bigint, anonymous: boolean, at: number): void {
  if (anonymous ? gno === 0n : gno > 0n && gno < GNO_END) return;
  throw new DecodeError(`${anonymous ? 'anonymous transaction' : 'GTID'} with transaction number ${gno}`, at);
}

function exact(value: bigint, at: number): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new DecodeError('integer beyond 2^53 - 1', at);
  return number;
}

function parseTag(cursor: BinlogCursor): string {
  const at = cursor.position;
  const length = serialUint(cursor);
  if (length > MAX_TAG_BYTES) throw new DecodeError(`GTID tag of ${length} bytes`, at);
  const tag = cursor.utf8(length);
  if (!/^([a-z_][a-z0-9_]*)?$/.test(tag)) throw new DecodeError('that is no GTID tag', at);
  return tag;
}

function byteOf(value: number, at: number): number {
  if (value > 0xff) throw new DecodeError(`UUID with a byte of ${value}`, at);
  return value;
}

function formatUuid(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + UUID_BYTES);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
