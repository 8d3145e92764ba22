import { DecodeError } from '../../decode-error.ts';
import { expectLength } from './fixed-length.ts';

/** Bytes that hold a group of 0 to 9 decimal digits. */
const GROUP_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;
const DIGITS_PER_GROUP = 9;
const SIGN_BIT = 0x80;
/** So many digits always fit a safe integer. */
const SAFE_DIGITS = 15;
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
  const isNegative = (bytes[start]! & SIGN_BIT) === 0;
  const groups = new GroupReader(bytes, start, isNegative, precision > SAFE_DIGITS);
  const integerDigits = precision - scale;
  groups.read(integerDigits % DIGITS_PER_GROUP);
  for (let left = Math.floor(integerDigits / DIGITS_PER_GROUP); left > 0; left--) groups.read(DIGITS_PER_GROUP);
  for (let left = Math.floor(scale / DIGITS_PER_GROUP); left > 0; left--) groups.read(DIGITS_PER_GROUP);
  groups.read(scale % DIGITS_PER_GROUP);
  return groups.value();
}

class GroupReader {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #isNegative: boolean;
  /** More digits than a number can hold: they are collected as text. */
  readonly #isWide: boolean;
  #at: number;
  #number = 0;
  #digits = '';

  constructor(bytes: Uint8Array, start: number, isNegative: boolean, isWide: boolean) {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start;
    this.#isNegative = isNegative;
    this.#isWide = isWide;
  }

  read(digits: number): void {
    if (digits === 0) return;
    const length = GROUP_BYTES[digits]!;
    let group = 0;
    for (let i = 0; i < length; i++) {
      const at = this.#at + i;
      let byte = this.#bytes[at]!;
      if (this.#isNegative) byte ^= 0xff;
      if (at === this.#start) byte ^= SIGN_BIT;
      group = group * 256 + byte;
    }
    const limit = POWERS_OF_TEN[digits]!;
    if (group >= limit) throw new DecodeError(`decimal: ${group} is no group of ${digits} digits`, this.#at);
    this.#at += length;
    if (this.#isWide) this.#digits += String(group).padStart(digits, '0');
    else this.#number = this.#number * limit + group;
  }

  value(): number | bigint {
    if (!this.#isWide) return this.#isNegative && this.#number !== 0 ? -this.#number : this.#number;
    const exact = BigInt(this.#digits);
    const signed = this.#isNegative ? -exact : exact;
    return exact <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(signed) : signed;
  }
}
