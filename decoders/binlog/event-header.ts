import { DecodeError } from '../decode-error.ts';
import type { BinlogCursor } from './binlog-cursor.ts';

/** Every event of binlog version 4 begins with a header of this many bytes. */
export const EVENT_HEADER_BYTES = 19;

/** Event type codes: MySQL's `mysql::binlog::event::Log_event_type`, MariaDB's `Log_event_type` in sql/log_event.h. */
export const EVENT_TYPE = {
  query: 2,
  stop: 3,
  rotate: 4,
  intvar: 5,
  appendBlock: 9,
  deleteFile: 11,
  rand: 13,
  userVar: 14,
  formatDescription: 15,
  xid: 16,
  beginLoadQuery: 17,
  executeLoadQuery: 18,
  tableMap: 19,
  writeRowsV1: 23,
  updateRowsV1: 24,
  deleteRowsV1: 25,
  incident: 26,
  heartbeat: 27,
  ignorable: 28,
  rowsQuery: 29,
  writeRows: 30,
  updateRows: 31,
  deleteRows: 32,
  gtid: 33,
  anonymousGtid: 34,
  previousGtids: 35,
  transactionContext: 36,
  viewChange: 37,
  xaPrepare: 38,
  partialUpdateRows: 39,
  transactionPayload: 40,
  heartbeatV2: 41,
  taggedGtid: 42,
  mariadbAnnotateRows: 160,
  mariadbBinlogCheckpoint: 161,
  mariadbGtid: 162,
  mariadbGtidList: 163,
  mariadbStartEncryption: 164,
  mariadbQueryCompressed: 165,
  mariadbWriteRowsCompressedV1: 166,
  mariadbUpdateRowsCompressedV1: 167,
  mariadbDeleteRowsCompressedV1: 168,
  mariadbWriteRowsCompressed: 169,
  mariadbUpdateRowsCompressed: 170,
  mariadbDeleteRowsCompressed: 171,
} as const;

/** `LOG_EVENT_*_F` bits of {@link EventHeader.flags}. */
export const EVENT_FLAG = {
  /** Format description: the file was not closed. The writer clears it later without mending the checksum. */
  binlogInUse: 0x1,
  /** Query: it depends on the session, such as on its temporary tables. */
  threadSpecific: 0x4,
  /** Made by the dump thread, not found in the file. */
  artificial: 0x20,
  /** Whoever does not know the type may skip the event. */
  ignorable: 0x80,
  /** MariaDB: written with `@@skip_replication`. */
  skipReplication: 0x8000,
} as const;

export interface EventHeader {
  /** Seconds since 1970 UTC: when the statement began; 0 for artificial events. */
  readonly timestamp: number;
  /** One of {@link EVENT_TYPE}, or a type that we do not know. */
  readonly type: number;
  /** Server that the event comes from. */
  readonly serverId: number;
  /** Bytes of the whole event, with header and checksum. */
  readonly size: number;
  /** End of the event in its file, modulo 2^32; 0 for artificial events and inside of a transaction payload. */
  readonly nextPosition: number;
  readonly flags: number;
}

/**
 * The common header:
 *
 *     uint32 timestamp, uint8 type, uint32 serverId, uint32 size, uint32 nextPosition, uint16 flags
 *
 * The cursor's range must be the whole event (MySQL source, libs/mysql/binlog/event/binlog_event.h, `Log_event_header`).
 */
export function parseEventHeader(cursor: BinlogCursor): EventHeader {
  const at = cursor.position;
  const length = cursor.remaining;
  if (length < EVENT_HEADER_BYTES) throw new DecodeError(`event of ${length} bytes has no room for its header`, at);
  const timestamp = cursor.uint32();
  const type = cursor.uint8();
  const serverId = cursor.uint32();
  const size = cursor.uint32();
  const nextPosition = cursor.uint32();
  const flags = cursor.uint16();
  if (size !== length) {
    throw new DecodeError(`event of type ${type} says that it has ${size} bytes, ${length} came`, at + 9);
  }
  return { timestamp, type, serverId, size, nextPosition, flags };
}
