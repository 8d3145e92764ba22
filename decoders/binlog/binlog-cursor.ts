import { DecodeError } from '../decode-error.ts';

/** 2^53: above it a number no longer holds every integer. */
const MAX_SAFE_HIGH_WORD = 0x1f_ffff;

/**
 * Bounds-checked little-endian reads over `[position, end)` of one buffer, with the integers and strings of the MySQL
 * protocol (MySQL Internals, "Protocol Basics: Data Types"). A read past `end` throws {@link DecodeError}; nothing is
 * copied.
 */
export class BinlogCursor {
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
    return this.bytes[at]! | (this.bytes[at + 1]! << 8);
  }

  uint24(): number {
    const at = this.take(3);
    const b = this.bytes;
    return b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16);
  }

  int32(): number {
    const at = this.take(4);
    const b = this.bytes;
    return b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24);
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  uint40(): number {
    const low = this.uint32();
    return this.uint8() * 0x1_0000_0000 + low;
  }

  uint48(): number {
    const low = this.uint32();
    return this.uint16() * 0x1_0000_0000 + low;
  }

  uint56(): number {
    const at = this.position;
    const low = this.uint32();
    const high = this.uint24();
    if (high > MAX_SAFE_HIGH_WORD) throw new DecodeError('56-bit integer above 2^53 - 1', at);
    return high * 0x1_0000_0000 + low;
  }

  /** An unsigned 64-bit integer as a number; throws above 2^53 - 1. */
  uint64(): number {
    const at = this.take(8);
    const low = this.bytes.readUInt32LE(at);
    const high = this.bytes.readUInt32LE(at + 4);
    if (high > MAX_SAFE_HIGH_WORD) throw new DecodeError('64-bit integer above 2^53 - 1', at);
    return high * 0x1_0000_0000 + low;
  }

  bigUint64(): bigint {
    return this.bytes.readBigUInt64LE(this.take(8));
  }

  bigInt64(): bigint {
    return this.bytes.readBigInt64LE(this.take(8));
  }

  /**
   * A length-encoded integer: one byte up to 0xfa, or 0xfc, 0xfd, 0xfe and then 2, 3, 8 bytes. 0xfb (NULL) and 0xff
   * are no integers here; throws above 2^53 - 1.
   */
  lengthEncoded(): number {
    const at = this.position;
    const first = this.uint8();
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.uint16();
    if (first === 0xfd) return this.uint24();
    if (first === 0xfe) return this.uint64();
    throw new DecodeError(`0x${first.toString(16)} begins no length-encoded integer`, at);
  }

  /** `length` bytes as a view. */
  view(length: number): Buffer {
    const start = this.take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** `length` bytes as UTF-8, the character set of identifiers in the binlog. */
  utf8(length: number): string {
    const start = this.take(length);
    return this.bytes.toString('utf8', start, start + length);
  }

  /** A UTF-8 string behind its length-encoded length. */
  lengthEncodedUtf8(): string {
    return this.utf8(this.lengthEncoded());
  }

  /** Skips a byte that the format fixes. */
  expectByte(value: number, what: string): void {
    const at = this.position;
    const found = this.uint8();
    if (found !== value) throw new DecodeError(`${what} should be ${value}, is ${found}`, at);
  }

  /** Throws unless every byte of the range was read: a remainder means that we misunderstood the event. */
  expectEnd(what: string): void {
    if (this.position !== this.end) {
      throw new DecodeError(`${what}: ${this.end - this.position} bytes are left over`, this.position);
    }
  }
}
