import { DecodeError } from '../decode-error.ts';
import { BinlogCursor } from './binlog-cursor.ts';
import type { HeartbeatEvent, IncidentEvent, RowsQueryEvent } from './event.ts';
import type { EventHeader } from './event-header.ts';
import { parseFileName } from './rotate.ts';

const HEARTBEAT_END = 0;
const HEARTBEAT_FILE = 1;
const HEARTBEAT_POSITION = 2;

/** HEARTBEAT_LOG_EVENT: `char[] file`; the position is the header's. */
export function parseHeartbeat(cursor: BinlogCursor, header: EventHeader): HeartbeatEvent {
  const file = parseFileName(cursor, cursor.remaining);
  return { kind: 'heartbeat', header, file, position: header.nextPosition, version: 1 };
}

/**
 * HEARTBEAT_LOG_EVENT_V2, which knows positions beyond 4 GB:
 *
 *     { lenenc field, lenenc length, value }, 0      1: char[] file, 2: lenenc position
 *
 * (MySQL source, libs/mysql/binlog/event/codecs/binary.cpp, `Heartbeat::decode`.)
 */
export function parseHeartbeatV2(cursor: BinlogCursor, header: EventHeader): HeartbeatEvent {
  let file: string | null = null;
  let position: number | null = null;
  for (;;) {
    const field = cursor.lengthEncoded();
    if (field === HEARTBEAT_END) break;
    const length = cursor.lengthEncoded();
    if (field === HEARTBEAT_FILE) {
      file = parseFileName(cursor, length);
    } else {
      const start = cursor.take(length);
      if (field === HEARTBEAT_POSITION) position = parsePosition(cursor.bytes, start, start + length);
    }
  }
  cursor.expectEnd('heartbeat');
  if (file === null || position === null) {
    throw new DecodeError('heartbeat without its file or position', cursor.position);
  }
  return { kind: 'heartbeat', header, file, position, version: 2 };
}

function parsePosition(bytes: Buffer, start: number, end: number): number {
  const cursor = new BinlogCursor(bytes, start, end);
  const position = cursor.lengthEncoded();
  cursor.expectEnd('position of a heartbeat');
  return position;
}

/** ROWS_QUERY_LOG_EVENT: `uint8 length` (of no use: it stops at 255), `char[] statement`. */
export function parseRowsQuery(cursor: BinlogCursor, header: EventHeader): RowsQueryEvent {
  cursor.take(1);
  return { kind: 'rows-query', header, query: cursor.view(cursor.remaining) };
}

/** INCIDENT_EVENT: `uint16 incident, uint8 length, char[] message`. */
export function parseIncident(cursor: BinlogCursor, header: EventHeader): IncidentEvent {
  const incident = cursor.uint16();
  const message = cursor.utf8(cursor.uint8());
  cursor.expectEnd('incident');
  return { kind: 'incident', header, incident, message };
}
