import { DecodeError } from './decode-error.ts';

/** 2^53: above it a number no longer holds every integer. */
const MAX_SAFE_HIGH_WORD = 0x1f_ffff;

/**
 * Bounds-checked big-endian reads over `[position, end)` of one buffer.
 * Every read past `end` throws {@link DecodeError}; nothing is copied.
 */
export class Cursor {
  bytes: Buffer;
  position: number;
  end: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  /** Points the cursor at another range, so that one cursor serves a whole stream without allocation. */
  reset(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** Moves past `length` bytes and returns where they began. */
  take(length: number): number {
    const start = this.position;
    if (length < 0 || length > this.end - start) {
      throw new DecodeError(`need ${length} bytes, ${this.end - start} are left`, start);
    }
    this.position = start + length;
    return start;
  }

  uint8(): number {
    return this.bytes[this.take(1)]!;
  }

  uint16(): number {
    const at = this.take(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  int32(): number {
    const at = this.take(4);
    const b = this.bytes;
    return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  /** An unsigned 64-bit integer as a number; throws above 2^53 - 1 (for an LSN: 8 PiB of WAL). */
  uint64(): number {
    const high = this.uint32();
    const low = this.uint32();
    if (high > MAX_SAFE_HIGH_WORD) throw new DecodeError('64-bit integer above 2^53 - 1', this.position - 8);
    return high * 0x1_0000_0000 + low;
  }

  /** A signed 64-bit integer as a number; throws outside +-(2^53 - 1). */
  int64(): number {
    const high = this.int32();
    const low = this.uint32();
    const value = high * 0x1_0000_0000 + low;
    if (!Number.isSafeInteger(value)) throw new DecodeError('64-bit integer beyond 2^53 - 1', this.position - 8);
    return value;
  }

  /** A zero-terminated UTF-8 string, without its terminator. */
  cstring(): string {
    const start = this.position;
    const zero = this.bytes.indexOf(0, start);
    if (zero === -1 || zero >= this.end) throw new DecodeError('unterminated string', start);
    this.position = zero + 1;
    return this.bytes.toString('utf8', start, zero);
  }

  /** Throws unless every byte of the range was read: a remainder means that we misunderstood the message. */
  expectEnd(what: string): void {
    if (this.position !== this.end) {
      throw new DecodeError(`${what}: ${this.end - this.position} bytes are left over`, this.position);
    }
  }
}
