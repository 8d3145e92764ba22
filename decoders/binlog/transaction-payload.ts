import { DecodeError } from '../decode-error.ts';
import { BinlogCursor } from './binlog-cursor.ts';
import type { TransactionPayloadEvent } from './event.ts';
import { EVENT_HEADER_BYTES, type EventHeader } from './event-header.ts';
import { zstdPieces } from './zstd-pieces.ts';

const FIELD = { end: 0, size: 1, compression: 2, uncompressedSize: 3 } as const;
/** Of an event's header, before the position of the next. */
const SIZE_OFFSET = 9;
/** `mysql::binlog::event::compression::type` */
const COMPRESSION = { zstd: 0, none: 255 } as const;

/**
 * TRANSACTION_PAYLOAD_EVENT, a transaction written with `binlog_transaction_compression`:
 *
 *     { lenenc field, lenenc length, lenenc value }, 0, payload
 *     1: bytes of the payload, 2: compression (0 zstd, 255 none), 3: bytes of the events
 *
 * (MySQL source, libs/mysql/binlog/event/control_events.h, `Transaction_payload_event`.)
 */
export function parseTransactionPayload(cursor: BinlogCursor, header: EventHeader): TransactionPayloadEvent {
  const at = cursor.position;
  let size: number | null = null;
  let compression: number | null = null;
  let uncompressedSize: number | null = null;
  for (;;) {
    const field = cursor.lengthEncoded();
    if (field === FIELD.end) break;
    const length = cursor.lengthEncoded();
    const start = cursor.take(length);
    const value = new BinlogCursor(cursor.bytes, start, start + length);
    if (field === FIELD.size) size = value.lengthEncoded();
    else if (field === FIELD.compression) compression = value.lengthEncoded();
    else if (field === FIELD.uncompressedSize) uncompressedSize = value.lengthEncoded();
    else continue;
    value.expectEnd(`field ${field} of a transaction payload`);
  }
  if (size === null || compression === null) throw new DecodeError('transaction payload without its size', at);
  if (size !== cursor.remaining) {
    throw new DecodeError(`transaction payload of ${size} bytes, ${cursor.remaining} came`, cursor.position);
  }
  const payload = cursor.view(size);
  if (compression === COMPRESSION.none) {
    return { kind: 'transaction-payload', header, payload, compression: 'none', eventsBytes: size };
  }
  if (compression !== COMPRESSION.zstd) throw new DecodeError(`transaction payload of compression ${compression}`, at);
  if (uncompressedSize === null) {
    throw new DecodeError('compressed transaction payload without the size of its events', at);
  }
  return { kind: 'transaction-payload', header, payload, compression: 'zstd', eventsBytes: uncompressedSize };
}

/** Where an event of a payload lies: in the payload itself, or in new bytes. */
export interface PayloadSlice {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** The events of a payload, decompressed as they are asked for: no more is in memory than one of them and a piece of zstd's. */
export function* payloadSlices(event: TransactionPayloadEvent): Generator<PayloadSlice, void, undefined> {
  const { payload, compression, eventsBytes } = event;
  let left = eventsBytes;
  /** Of an event that has begun, and how many bytes it has. */
  let parts: Buffer[] = [];
  let length = 0;
  let wanted = EVENT_HEADER_BYTES;
  for (const piece of compression === 'none' ? [payload] : zstdPieces(payload, eventsBytes)) {
    parts.push(piece);
    length += piece.length;
    if (length < wanted) continue;
    const bytes = parts.length === 1 ? piece : Buffer.concat(parts, length);
    let start = 0;
    for (;;) {
      wanted = EVENT_HEADER_BYTES;
      if (length - start < wanted) break;
      wanted = bytes.readUInt32LE(start + SIZE_OFFSET);
      if (wanted < EVENT_HEADER_BYTES || wanted > left) {
        throw new DecodeError(
          `event of ${wanted} bytes in a transaction payload, ${left} are left`,
          eventsBytes - left,
        );
      }
      if (length - start < wanted) break;
      yield { bytes, start, end: start + wanted };
      start += wanted;
      left -= wanted;
    }
    parts = [bytes.subarray(start)];
    length -= start;
  }
  if (left > 0) throw new DecodeError('transaction payload ends in a header', eventsBytes - left);
}
