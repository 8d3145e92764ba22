import { DecodeError } from '../../decode-error.ts';

export type NumericSpecial = 'NaN' | 'Infinity' | '-Infinity';

/** `unscaled * 10^-scale`, filled by a parser so that none is allocated per value. */
export interface Decimal {
  /** A safe integer where it is one, else a bigint. */
  unscaled: number | bigint;
  /** Digits after the point, never negative. */
  scale: number;
  /** Set instead of a value. */
  special: NumericSpecial | null;
}

/** So many digits always fit a safe integer. */
const SAFE_DIGITS = 15;

const ZERO = 0x30;
const DASH = 0x2d;
const DOT = 0x2e;
const UPPER_N = 0x4e;
const UPPER_I = 0x49;

export function createDecimal(): Decimal {
  return { unscaled: 0, scale: 0, special: null };
}

/** `[-]digits[.digits]`, `NaN`, `Infinity` or `-Infinity`: what numeric_out prints. */
export function parseNumeric(bytes: Buffer, start: number, end: number, into: Decimal): void {
  const isNegative = start < end && bytes[start] === DASH;
  const first = isNegative ? start + 1 : start;
  let value = 0;
  let digits = 0;
  let point = -1;
  for (let at = first; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digits++;
    } else if (bytes[at] === DOT && point === -1) {
      point = at;
    } else {
      parseSpecial(bytes, start, end, into);
      return;
    }
  }
  if (digits === 0) throw new DecodeError('a decimal number expected', start);
  into.special = null;
  into.scale = point === -1 ? 0 : end - point - 1;
  if (digits <= SAFE_DIGITS) {
    into.unscaled = isNegative && value !== 0 ? -value : value;
    return;
  }
  const text = bytes.toString('latin1', start, end);
  const exact = BigInt(point === -1 ? text : text.slice(0, point - start) + text.slice(point - start + 1));
  into.unscaled = Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
}

function parseSpecial(bytes: Buffer, start: number, end: number, into: Decimal): void {
  const letter = bytes[start] === DASH ? bytes[start + 1] : bytes[start];
  if (letter === UPPER_N || letter === UPPER_I) {
    const text = bytes.toString('latin1', start, end);
    if (text === 'NaN' || text === 'Infinity' || text === '-Infinity') {
      into.special = text;
      into.unscaled = 0;
      into.scale = 0;
      return;
    }
  }
  throw new DecodeError('a decimal number expected', start);
}

/** The value at another scale; rounds half away from zero, as Postgres does, where digits are lost. */
export function rescale(value: Decimal, scale: number): number | bigint {
  if (scale === value.scale) return value.unscaled;
  if (scale > value.scale) return narrow(BigInt(value.unscaled) * 10n ** BigInt(scale - value.scale));
  const divisor = 10n ** BigInt(value.scale - scale);
  const unscaled = BigInt(value.unscaled);
  const half = unscaled < 0n ? -divisor / 2n : divisor / 2n;
  return narrow((unscaled + half) / divisor);
}

/** The plain decimal text, with `scale` digits after the point. */
export function formatDecimal(unscaled: number | bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const isNegative = unscaled < 0;
  const digits = String(isNegative ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${isNegative ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
