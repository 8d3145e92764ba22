import { DecodeError } from '../decode-error.ts';
import { BinlogCursor } from './binlog-cursor.ts';
import { CHECKSUM_BYTES, hasChecksum, verifyChecksum } from './checksum.ts';
import type { BinlogEvent, FormatDescriptionEvent, IgnoredEvent, TransactionPayloadEvent } from './event.ts';
import { EVENT_FLAG, EVENT_HEADER_BYTES, EVENT_TYPE, type EventHeader, parseEventHeader } from './event-header.ts';
import { parseFormatDescription } from './format-description.ts';
import { parseGtid, parsePreviousGtids, parseTaggedGtid } from './gtid-events.ts';
import { encryptionError, parseAnnotateRows, parseMariadbGtid, parseMariadbGtidList } from './mariadb-events.ts';
import { parseQuery } from './query-event.ts';
import { parseRotate } from './rotate.ts';
import { isRowsEvent, parseRowsEvent } from './rows-event.ts';
import { parseHeartbeat, parseHeartbeatV2, parseIncident, parseRowsQuery } from './stream-events.ts';
import { TableMapCache } from './table-map-cache.ts';
import { parseXaPrepare, parseXidEvent } from './transaction-events.ts';
import { parseTransactionPayload, payloadSlices } from './transaction-payload.ts';

const NO_BYTES = Buffer.alloc(0);

/**
 * Reads the events of one binlog stream in their order; it knows the format of the current file and the tables of the
 * current statement. Checksums are verified with the algorithm of each file. Events hold views of the bytes given.
 * Throws {@link DecodeError} for bytes that cannot be, and for an event of an unknown type that is not marked
 * ignorable, as it may carry rows. After an error it must not be used again.
 */
export class EventParser {
  readonly #tables = new TableMapCache();
  readonly #cursor = new BinlogCursor(NO_BYTES);
  readonly #inner = new BinlogCursor(NO_BYTES);
  #format: FormatDescriptionEvent | null = null;

  /** The format description that the next event will be read by. */
  get format(): FormatDescriptionEvent | null {
    return this.#format;
  }

  /** Takes the event `bytes[start, end)`, without the byte that precedes it in a replication packet. */
  parse(bytes: Buffer, start: number, end: number): BinlogEvent {
    const cursor = this.#cursor;
    cursor.reset(bytes, start, end);
    const header = parseEventHeader(cursor);
    if (header.type === EVENT_TYPE.formatDescription) {
      const format = parseFormatDescription(cursor, header);
      this.#format = format;
      this.#tables.forgetIds();
      return format;
    }
    if (this.#hasChecksum(bytes, start, end, header)) cursor.end = end - CHECKSUM_BYTES;
    return this.#body(cursor, header);
  }

  /** The events inside of a transaction payload: each must be worked off before the next is asked for. */
  *payload(event: TransactionPayloadEvent): Generator<BinlogEvent, void, undefined> {
    for (const { bytes, start, end } of payloadSlices(event)) {
      const cursor = this.#inner;
      cursor.reset(bytes, start, end);
      const header = parseEventHeader(cursor);
      if (!mayBeCompressed(header.type)) {
        throw new DecodeError(`event of type ${header.type} inside of a transaction payload`, start);
      }
      yield this.#body(cursor, header);
    }
  }

  #hasChecksum(bytes: Buffer, start: number, end: number, header: EventHeader): boolean {
    // The dump thread tells the file by an event with or without a checksum, as it was set up before this file, which
    // may be before we listened.
    if (header.type === EVENT_TYPE.rotate && (header.flags & EVENT_FLAG.artificial) !== 0) {
      return hasChecksum(bytes, start, end);
    }
    if (this.#format === null) {
      throw new DecodeError(`event of type ${header.type} before the format description of its file`, start);
    }
    if (this.#format.checksum === 'none') return false;
    verifyChecksum(bytes, start, end);
    if (header.size < EVENT_HEADER_BYTES + CHECKSUM_BYTES) throw new DecodeError('event without its checksum', start);
    return true;
  }

  #body(cursor: BinlogCursor, header: EventHeader): BinlogEvent {
    const { type } = header;
    if (isRowsEvent(type)) {
      const event = parseRowsEvent(cursor, header, this.#tables);
      if (event.endsStatement) this.#tables.endStatement();
      return event;
    }
    switch (type) {
      case EVENT_TYPE.tableMap: {
        const tableId = cursor.uint48();
        cursor.take(2);
        return {
          kind: 'table-map',
          header,
          tableId,
          table: this.#tables.announce(tableId, cursor, this.#format!.family),
        };
      }
      case EVENT_TYPE.query:
      case EVENT_TYPE.executeLoadQuery:
      case EVENT_TYPE.mariadbQueryCompressed:
        return parseQuery(cursor, header);
      case EVENT_TYPE.xid:
        return parseXidEvent(cursor, header);
      case EVENT_TYPE.gtid:
      case EVENT_TYPE.anonymousGtid:
        return parseGtid(cursor, header);
      case EVENT_TYPE.taggedGtid:
        return parseTaggedGtid(cursor, header);
      case EVENT_TYPE.mariadbGtid:
        return parseMariadbGtid(cursor, header);
      case EVENT_TYPE.rowsQuery:
        return parseRowsQuery(cursor, header);
      case EVENT_TYPE.mariadbAnnotateRows:
        return parseAnnotateRows(cursor, header);
      case EVENT_TYPE.transactionPayload:
        return parseTransactionPayload(cursor, header);
      case EVENT_TYPE.xaPrepare:
        return parseXaPrepare(cursor, header);
      case EVENT_TYPE.heartbeat:
        return parseHeartbeat(cursor, header);
      case EVENT_TYPE.heartbeatV2:
        return parseHeartbeatV2(cursor, header);
      case EVENT_TYPE.rotate:
        return parseRotate(cursor, header);
      case EVENT_TYPE.previousGtids:
        return parsePreviousGtids(cursor, header);
      case EVENT_TYPE.mariadbGtidList:
        return parseMariadbGtidList(cursor, header);
      case EVENT_TYPE.incident:
        return parseIncident(cursor, header);
      case EVENT_TYPE.mariadbStartEncryption:
        throw encryptionError(cursor.position - EVENT_HEADER_BYTES);
      case EVENT_TYPE.intvar:
        return { kind: 'statement-context', header, what: 'intvar' };
      case EVENT_TYPE.rand:
        return { kind: 'statement-context', header, what: 'rand' };
      case EVENT_TYPE.userVar:
        return { kind: 'statement-context', header, what: 'user-var' };
      case EVENT_TYPE.appendBlock:
      case EVENT_TYPE.deleteFile:
      case EVENT_TYPE.beginLoadQuery:
        return { kind: 'statement-context', header, what: 'load-data' };
      default:
        return parseIgnored(header, cursor.position - EVENT_HEADER_BYTES);
    }
  }
}

function parseIgnored(header: EventHeader, at: number): IgnoredEvent {
  switch (header.type) {
    case EVENT_TYPE.stop:
      return { kind: 'ignored', header, what: 'stop' };
    case EVENT_TYPE.mariadbBinlogCheckpoint:
      return { kind: 'ignored', header, what: 'binlog-checkpoint' };
    case EVENT_TYPE.transactionContext:
      return { kind: 'ignored', header, what: 'transaction-context' };
    case EVENT_TYPE.viewChange:
      return { kind: 'ignored', header, what: 'view-change' };
    case EVENT_TYPE.ignorable:
      return { kind: 'ignored', header, what: 'ignorable' };
    default:
      if ((header.flags & EVENT_FLAG.ignorable) !== 0) return { kind: 'ignored', header, what: 'ignorable' };
      throw new DecodeError(
        `event of unknown type ${header.type}, which is not marked ignorable and so may carry rows; a newer tailrace may know it`,
        at,
      );
  }
}

/** What a server compresses: the statements and rows of one transaction, and nothing that is about files. */
function mayBeCompressed(type: number): boolean {
  switch (type) {
    case EVENT_TYPE.formatDescription:
    case EVENT_TYPE.rotate:
    case EVENT_TYPE.stop:
    case EVENT_TYPE.gtid:
    case EVENT_TYPE.anonymousGtid:
    case EVENT_TYPE.taggedGtid:
    case EVENT_TYPE.previousGtids:
    case EVENT_TYPE.heartbeat:
    case EVENT_TYPE.heartbeatV2:
    case EVENT_TYPE.incident:
    case EVENT_TYPE.transactionPayload:
      return false;
    default:
      return true;
  }
}
