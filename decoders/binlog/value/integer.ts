import { DecodeError } from '../../decode-error.ts';
import { expectLength } from './fixed-length.ts';

/**
 * TINYINT, SMALLINT, MEDIUMINT or INT: 1 to 4 bytes, little-endian (MySQL Internals, "Binary Protocol Value").
 * The binlog does not say by the value whether the column is unsigned: the table map's SIGNEDNESS does.
 */
export function parseSigned(bytes: Buffer, start: number, end: number): number {
  const unusedBits = 32 - 8 * (end - start);
  return (bitsOf(bytes, start, end) << unusedBits) >> unusedBits;
}

/** The same types as UNSIGNED. */
export function parseUnsigned(bytes: Buffer, start: number, end: number): number {
  return bitsOf(bytes, start, end) >>> 0;
}

function bitsOf(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length < 1 || length > 4) throw new DecodeError(`integer: 1 to 4 bytes expected, ${length} found`, start);
  let bits = 0;
  for (let at = end - 1; at >= start; at--) bits = (bits << 8) | bytes[at]!;
  return bits;
}

/** BIGINT. */
export function parseSigned64(bytes: Buffer, start: number, end: number): bigint {
  expectLength('bigint', start, end, 8);
  return bytes.readBigInt64LE(start);
}

/** BIGINT UNSIGNED. */
export function parseUnsigned64(bytes: Buffer, start: number, end: number): bigint {
  expectLength('bigint', start, end, 8);
  return bytes.readBigUInt64LE(start);
}
