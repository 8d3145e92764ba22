import { DecodeError } from '../../decode-error.ts';

const FLOAT = /^(?:-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|NaN|-?Infinity)$/i;

/** float8out's text: digits with an optional exponent, `NaN`, `Infinity` or `-Infinity`. */
export function parseFloatText(text: string, offset = 0): number {
  if (!FLOAT.test(text)) throw new DecodeError('a floating point number expected', offset);
  return Number(text);
}
