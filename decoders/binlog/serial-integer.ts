import { DecodeError } from '../decode-error.ts';
import type { BinlogCursor } from './binlog-cursor.ts';

const SERIALIZATION_VERSION = 1;

/** The version that begins each message of MySQL's serialization library. */
export function expectSerialVersion(cursor: BinlogCursor): void {
  const at = cursor.position;
  const version = serialUint(cursor);
  if (version !== SERIALIZATION_VERSION) throw new DecodeError(`message of serialization version ${version}`, at);
}

/**
 * An unsigned integer of that library: the count of trailing one bits of the first byte is the count of bytes that
 * follow, the bits above the zero behind them are the value, little-endian; after a first byte of 0xff come all 64
 * bits. (MySQL source, libs/mysql/serialization/readme.md, "Variable-length integers".)
 * Throws above 2^53 - 1.
 */
export function serialUint(cursor: BinlogCursor): number {
  const at = cursor.position;
  const value = serialBits(cursor);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new DecodeError('integer above 2^53 - 1', at);
  return Number(value);
}

/** A signed integer: the lowest bit is the sign, above it the number, for a negative one minus one. */
export function serialInt(cursor: BinlogCursor): bigint {
  const bits = serialBits(cursor);
  return bits & 1n ? -(bits >> 1n) - 1n : bits >> 1n;
}

/** All 64 bits of an unsigned integer. */
export function serialBits(cursor: BinlogCursor): bigint {
  const first = cursor.uint8();
  let extra = 0;
  while (extra < 8 && (first & (1 << extra)) !== 0) extra++;
  if (extra === 8) return cursor.bigUint64();
  let value = BigInt(first >> (extra + 1));
  const start = cursor.take(extra);
  for (let i = 0; i < extra; i++) {
    // The first byte gives 7 - extra bits to the value.
    value |= BigInt(cursor.bytes[start + i]!) << BigInt(7 - extra + 8 * i);
  }
  return value;
}
