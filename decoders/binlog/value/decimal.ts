import { DecodeError } from '../../decode-error.ts';
import { expectLength } from './fixed-length.ts';

/** Bytes that hold a group of 0 to 9 decimal digits. */
const GROUP_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;
const DIGITS_PER_GROUP = 9;
const SIGN_BIT = 0x80;
/** A column has at most 65 digits; a decimal inside JSON says up to nine groups of nine (DECIMAL_MAX_POSSIBLE_PRECISION). */
const MAX_PRECISION = 81;

const POWERS_OF_TEN = Array.from({ length: DIGITS_PER_GROUP + 1 }, (_, exponent) => 10 ** exponent);

/** Bytes of a DECIMAL(precision, scale). */
export function decimalByteLength(precision: number, scale: number): number {
  return groupsByteLength(precision - scale) + groupsByteLength(scale);
}

function groupsByteLength(digits: number): number {
  return Math.floor(digits / DIGITS_PER_GROUP) * 4 + GROUP_BYTES[digits % DIGITS_PER_GROUP]!;
}

/**
 * DECIMAL (NEWDECIMAL): the unscaled value, as a safe integer where it is one, else as a bigint; divided by
 * `10 ** scale` it is the number.
 *
 * Digits come in big-endian groups of nine (4 bytes), of the integer part the first group is the short one, of the
 * fraction the last. The first bit is inverted; all bits of a negative number are (decimal2bin in strings/decimal.cc).
 */
export function parseDecimal(
  bytes: Uint8Array,
  start: number,
  end: number,
  precision: number,
  scale: number,
): number | bigint {
  if (precision < 1 || precision > MAX_PRECISION || scale < 0 || scale > precision) {
    throw new DecodeError(`no such type: DECIMAL(${precision}, ${scale})`, start);
  }
  expectLength('decimal', start, end, decimalByteLength(precision, scale));
  const flip = (bytes[start]! & SIGN_BIT) === 0 ? 0xff : 0;
  const integerDigits = precision - scale;
  let value: number | bigint = 0;
  let at = start;
  // The short group of the integer part, its full ones, then those of the fraction, of which the last is the short one.
  let digits = integerDigits % DIGITS_PER_GROUP;
  let fullGroups = Math.floor(integerDigits / DIGITS_PER_GROUP) + Math.floor(scale / DIGITS_PER_GROUP);
  for (;;) {
    if (digits > 0) {
      const groupEnd = at + GROUP_BYTES[digits]!;
      const group = parseGroup(bytes, at, groupEnd, flip, at === start ? SIGN_BIT : 0);
      const limit = POWERS_OF_TEN[digits]!;
      if (group >= limit) throw new DecodeError(`decimal: ${group} is no group of ${digits} digits`, at);
      value = append(value, group, limit);
      at = groupEnd;
    }
    if (at === end) break;
    digits = fullGroups-- > 0 ? DIGITS_PER_GROUP : scale % DIGITS_PER_GROUP;
  }
  return flip === 0 || value === 0 ? value : -value;
}

function parseGroup(bytes: Uint8Array, start: number, end: number, flip: number, signBit: number): number {
  let group = bytes[start]! ^ flip ^ signBit;
  for (let at = start + 1; at < end; at++) group = group * 256 + (bytes[at]! ^ flip);
  return group;
}

/** Stays a number as long as that is exact. */
function append(value: number | bigint, group: number, limit: number): number | bigint {
  if (typeof value === 'number') {
    const next = value * limit + group;
    if (next <= Number.MAX_SAFE_INTEGER) return next;
  }
  return BigInt(value) * BigInt(limit) + BigInt(group);
}
