import { DecodeError } from '../decode-error.ts';
import type { BinlogCursor } from './binlog-cursor.ts';
import { CHECKSUM_BYTES, type ChecksumAlgorithm, verifyFormatDescriptionChecksum } from './checksum.ts';
import type { FormatDescriptionEvent } from './event.ts';
import { EVENT_HEADER_BYTES, EVENT_TYPE, type EventHeader } from './event-header.ts';

/** They differ in a few meanings of equal bytes. */
export type ServerFamily = 'mysql' | 'mariadb';

const BINLOG_VERSION = 4;
const SERVER_VERSION_BYTES = 50;
/** `enum_binlog_checksum_alg` */
const CHECKSUM_NONE = 0;
const CHECKSUM_CRC32 = 1;

/** Post-header lengths that these decoders are written for; 0 stands for a type that the server no longer writes. */
const EXPECTED_POST_HEADERS: readonly (readonly [type: number, bytes: number])[] = [
  [EVENT_TYPE.query, 13],
  [EVENT_TYPE.rotate, 8],
  [EVENT_TYPE.tableMap, 8],
  [EVENT_TYPE.writeRowsV1, 8],
  [EVENT_TYPE.updateRowsV1, 8],
  [EVENT_TYPE.deleteRowsV1, 8],
  [EVENT_TYPE.writeRows, 10],
  [EVENT_TYPE.updateRows, 10],
  [EVENT_TYPE.deleteRows, 10],
  [EVENT_TYPE.partialUpdateRows, 10],
];

/**
 * The event that begins every file and says how to read the others:
 *
 *     uint16 binlogVersion, char[50] serverVersion, uint32 created, uint8 headerLength,
 *     uint8[] postHeaderLengths (by type, from 1), uint8 checksumAlgorithm, uint32 checksum
 *
 * The room for the checksum is there also when the algorithm is none (MySQL source,
 * libs/mysql/binlog/event/control_events.h, `Format_description_event`). The cursor's range is the whole event.
 */
export function parseFormatDescription(cursor: BinlogCursor, header: EventHeader): FormatDescriptionEvent {
  const start = cursor.position - EVENT_HEADER_BYTES;
  const binlogVersion = cursor.uint16();
  if (binlogVersion !== BINLOG_VERSION) {
    throw new DecodeError(
      `binlog version ${binlogVersion}; only ${BINLOG_VERSION} is read`,
      start + EVENT_HEADER_BYTES,
    );
  }
  const serverVersion = parseServerVersion(cursor);
  const created = cursor.uint32();
  cursor.expectByte(EVENT_HEADER_BYTES, 'length of the event header');
  const postHeaders = cursor.remaining - 1 - CHECKSUM_BYTES;
  if (postHeaders < EVENT_TYPE.deleteRowsV1) {
    throw new DecodeError(`format description of server ${serverVersion} ends early`, cursor.position);
  }
  const postHeaderLengths = Buffer.from(cursor.view(postHeaders));
  for (const [type, expected] of EXPECTED_POST_HEADERS) {
    const length = postHeaderLengths[type - 1] ?? 0;
    if (length !== expected && length !== 0) {
      const at = cursor.position - postHeaders + type - 1;
      throw new DecodeError(`post-header of event type ${type} has ${length} bytes, ${expected} are known`, at);
    }
  }
  const checksum = parseAlgorithm(cursor);
  // A dump thread that clears the creation time mends the checksum only where events have one.
  if (checksum === 'crc32') verifyFormatDescriptionChecksum(cursor.bytes, start, cursor.end);
  // The version can be set to any text; only MariaDB has types so high.
  const family = postHeaders >= EVENT_TYPE.mariadbAnnotateRows ? 'mariadb' : 'mysql';
  return { kind: 'format-description', header, family, serverVersion, created, checksum };
}

function parseServerVersion(cursor: BinlogCursor): string {
  const at = cursor.position;
  const field = cursor.view(SERVER_VERSION_BYTES);
  const zero = field.indexOf(0);
  const version = field.toString('latin1', 0, zero === -1 ? SERVER_VERSION_BYTES : zero);
  if (!/^[\x20-\x7e]+$/.test(version)) throw new DecodeError('format description without a server version', at);
  return version;
}

function parseAlgorithm(cursor: BinlogCursor): ChecksumAlgorithm {
  const at = cursor.position;
  const algorithm = cursor.uint8();
  if (algorithm === CHECKSUM_NONE) return 'none';
  if (algorithm === CHECKSUM_CRC32) return 'crc32';
  throw new DecodeError(`unknown checksum algorithm ${algorithm}`, at);
}
