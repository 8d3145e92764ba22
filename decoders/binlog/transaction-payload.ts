import { zstdDecompressSync } from 'node:zlib';
import { DecodeError } from '../decode-error.ts';
import { BinlogCursor } from './binlog-cursor.ts';
import type { TransactionPayloadEvent } from './event.ts';
import type { EventHeader } from './event-header.ts';

const FIELD = { end: 0, size: 1, compression: 2, uncompressedSize: 3 } as const;
/** `mysql::binlog::event::compression::type` */
const COMPRESSION = { zstd: 0, none: 255 } as const;
/** Row spans are 32 bits wide. */
const MAX_EVENTS_BYTES = 0x7fff_ffff;

/**
 * TRANSACTION_PAYLOAD_EVENT, a transaction written with `binlog_transaction_compression`:
 *
 *     { lenenc field, lenenc length, lenenc value }, 0, payload
 *     1: bytes of the payload, 2: compression (0 zstd, 255 none), 3: bytes of the events
 *
 * (MySQL source, libs/mysql/binlog/event/control_events.h, `Transaction_payload_event`.)
 * `events` are new bytes; DecodeError unless they are exactly as many as announced.
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
  return {
    kind: 'transaction-payload',
    header,
    events: expand(payload, compression, uncompressedSize, at),
    compressedBytes: size,
  };
}

function expand(payload: Buffer, compression: number, size: number | null, at: number): Buffer {
  if (compression === COMPRESSION.none) return payload;
  if (compression !== COMPRESSION.zstd) throw new DecodeError(`transaction payload of compression ${compression}`, at);
  if (size === null) throw new DecodeError('compressed transaction payload without the size of its events', at);
  if (size > MAX_EVENTS_BYTES) {
    throw new DecodeError(
      `transaction of ${size} bytes behind compression; at most ${MAX_EVENTS_BYTES} can be read`,
      at,
    );
  }
  const frames: Buffer[] = [];
  let length = 0;
  for (let start = 0; start < payload.length; ) {
    const frame = decompressFrame(payload.subarray(start), size - length, at);
    frames.push(frame.data);
    length += frame.data.length;
    start += frame.compressedBytes;
  }
  if (length !== size) throw new DecodeError(`transaction payload gives ${length} bytes, ${size} were announced`, at);
  return frames.length === 1 ? frames[0]! : Buffer.concat(frames, length);
}

/** What zlib gives with `info: true`, which its types leave out. */
interface Decompressed {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** The first zstd frame: zlib stops behind it, and a server may write several. */
function decompressFrame(bytes: Buffer, limit: number, at: number): { data: Buffer; compressedBytes: number } {
  let result: Decompressed;
  try {
    const options = { maxOutputLength: Math.max(1, limit), info: true };
    result = zstdDecompressSync(bytes, options) as unknown as Decompressed;
  } catch (error) {
    throw new DecodeError(`transaction payload cannot be decompressed: ${(error as Error).message}`, at);
  }
  const compressedBytes = result.engine.bytesWritten;
  if (compressedBytes === 0) throw new DecodeError('transaction payload cannot be decompressed: empty frame', at);
  return { data: result.buffer, compressedBytes };
}
