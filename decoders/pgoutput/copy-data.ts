import { Cursor } from '../cursor.ts';
import { DecodeError } from '../decode-error.ts';
import { POSTGRES_EPOCH_MICROS, parseTimestamp } from './timestamp.ts';

const XLOG_DATA = 0x77; // w
const KEEPALIVE = 0x6b; // k
const NO_BYTES = Buffer.alloc(0);

/**
 * What the server sends inside CopyData while it streams:
 *
 *     XLogData   Byte1('w') Int64 walStart, Int64 walEnd, Int64 sendTime, Byten payload
 *     keepalive  Byte1('k') Int64 walEnd, Int64 sendTime, Byte1 replyRequested
 *
 * One reader serves a whole stream: `read` sets the fields and allocates nothing.
 * (PostgreSQL manual, "Streaming Replication Protocol".)
 */
export class CopyDataReader {
  kind: 'xlog-data' | 'keepalive' = 'keepalive';
  /** LSN of the payload; of a keepalive 0. */
  walStart = 0;
  /** The server's current end of WAL that it has worked through (for a logical slot). */
  walEnd = 0;
  /** The server's clock when it sent this, microseconds since 1970 UTC. */
  sendTimeMicros = 0;
  /** Keepalive only: the server wants a standby status update now, or it will close the connection. */
  replyRequested = false;
  /** Where the payload begins; it ends where the frame does. */
  payloadStart = 0;

  readonly #cursor = new Cursor(NO_BYTES);

  /** Reads the CopyData body `bytes[start, end)`. */
  read(bytes: Buffer, start: number, end: number): void {
    const cursor = this.#cursor;
    cursor.reset(bytes, start, end);
    const type = cursor.uint8();
    if (type === XLOG_DATA) {
      this.kind = 'xlog-data';
      this.walStart = cursor.uint64();
      this.walEnd = cursor.uint64();
      this.sendTimeMicros = parseTimestamp(cursor);
      this.replyRequested = false;
      this.payloadStart = cursor.position;
    } else if (type === KEEPALIVE) {
      this.kind = 'keepalive';
      this.walStart = 0;
      this.walEnd = cursor.uint64();
      this.sendTimeMicros = parseTimestamp(cursor);
      this.replyRequested = cursor.uint8() !== 0;
      this.payloadStart = end;
      cursor.expectEnd('keepalive');
    } else {
      throw new DecodeError(`unknown replication message type 0x${type.toString(16)}`, start);
    }
  }
}

export interface StandbyStatus {
  /** LSNs up to which we received, made durable, and applied. */
  readonly written: number;
  readonly flushed: number;
  readonly applied: number;
  /** Our clock, microseconds since 1970 UTC. */
  readonly clockMicros: number;
  /** Asks the server for an immediate keepalive. */
  readonly replyRequested: boolean;
}

/** CopyData header, type byte, four int64 and the flag. */
const STANDBY_STATUS_BYTES = 5 + 1 + 4 * 8 + 1;

/**
 * The whole CopyData frame of a standby status update:
 *
 *     Byte1('d') Int32 length, Byte1('r') Int64 written, Int64 flushed, Int64 applied, Int64 clock, Byte1 replyRequested
 *
 * LSNs are sent as they are: Postgres resumes at the first commit record that starts at or after `flushed`.
 */
export function encodeStandbyStatusUpdate(status: StandbyStatus): Buffer {
  const frame = Buffer.alloc(STANDBY_STATUS_BYTES);
  frame[0] = 0x64; // d
  frame.writeInt32BE(STANDBY_STATUS_BYTES - 1, 1);
  frame[5] = 0x72; // r
  frame.writeBigUInt64BE(BigInt(status.written), 6);
  frame.writeBigUInt64BE(BigInt(status.flushed), 14);
  frame.writeBigUInt64BE(BigInt(status.applied), 22);
  frame.writeBigInt64BE(BigInt(Math.trunc(status.clockMicros) - POSTGRES_EPOCH_MICROS), 30);
  frame[38] = status.replyRequested ? 1 : 0;
  return frame;
}
