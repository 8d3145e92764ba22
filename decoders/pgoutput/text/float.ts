import { DecodeError } from '../../decode-error.ts';

const FLOAT = /^(?:-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|NaN|-?Infinity)$/i;

/** float8out's text: digits with an optional exponent, `NaN`, `Infinity` or `-Infinity`. */
export function parseFloatText(text: string, offset = 0): number {
  if (!FLOAT.test(text)) throw new DecodeError('a floating point number expected', offset);
  return Number(text);
}

const ZERO = 0x30;
const NINE = 0x39;
const LOWER_E = 0x65;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;

/** The same from a byte range. */
export function parseFloatBytes(bytes: Buffer, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if ((byte >= ZERO && byte <= NINE) || byte === DOT || byte === MINUS || byte === LOWER_E || byte === PLUS) continue;
    return parseFloatText(bytes.toString('latin1', start, end), start);
  }
  const value = start === end ? Number.NaN : Number(bytes.toString('latin1', start, end));
  if (Number.isNaN(value)) throw new DecodeError('a floating point number expected', start);
  return value;
}
