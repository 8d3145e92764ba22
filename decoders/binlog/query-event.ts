import { DecodeError } from '../decode-error.ts';
import { BinlogCursor } from './binlog-cursor.ts';
import type { QueryEvent } from './event.ts';
import { EVENT_TYPE, type EventHeader } from './event-header.ts';
import { decompress } from './mariadb-compression.ts';
import { parseQueryStatus } from './query-status.ts';

/** What EXECUTE_LOAD_QUERY_EVENT adds: file id, where the file name begins and ends, handling of duplicates. */
const LOAD_QUERY_BYTES = 4 + 4 + 4 + 1;

/**
 * QUERY_EVENT, EXECUTE_LOAD_QUERY_EVENT and MariaDB's QUERY_COMPRESSED_EVENT:
 *
 *     uint32 threadId, uint32 executionSeconds, uint8 databaseLength, uint16 errorCode, uint16 statusLength,
 *     [load query: byte[13]], status variables, char[] database, 0, char[] statement (or its compressed form)
 *
 * (MySQL source, libs/mysql/binlog/event/statement_events.h, `Query_event`; MariaDB, sql/log_event.cc,
 * `query_event_uncompress`.)
 */
export function parseQuery(cursor: BinlogCursor, header: EventHeader): QueryEvent {
  const threadId = cursor.uint32();
  const executionSeconds = cursor.uint32();
  const databaseLength = cursor.uint8();
  const errorCode = cursor.uint16();
  const statusLength = cursor.uint16();
  const loadsFile = header.type === EVENT_TYPE.executeLoadQuery;
  if (loadsFile) cursor.take(LOAD_QUERY_BYTES);
  const statusAt = cursor.take(statusLength);
  const status = parseQueryStatus(new BinlogCursor(cursor.bytes, statusAt, statusAt + statusLength));
  const database = cursor.utf8(databaseLength);
  cursor.expectByte(0, 'end of the database name');
  const at = cursor.position;
  let query = cursor.view(cursor.remaining);
  if (header.type === EVENT_TYPE.mariadbQueryCompressed) query = decompress(cursor.bytes, at, cursor.end);
  if (query.length === 0) throw new DecodeError('query event without a statement', at);
  return { kind: 'query', header, threadId, executionSeconds, errorCode, database, query, status, loadsFile };
}
