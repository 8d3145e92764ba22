import { DecodeError } from '../../decode-error.ts';

const ZERO = 0x30;
const NINE = 0x39;

/** Two decimal digits at `at`. */
export function twoDigits(bytes: Uint8Array, at: number, end: number): number {
  if (at + 2 > end) throw new DecodeError('two digits expected', at);
  const tens = bytes[at]! - ZERO;
  const ones = bytes[at + 1]! - ZERO;
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) throw new DecodeError('two digits expected', at);
  return tens * 10 + ones;
}

/** Where the run of decimal digits from `start` on ends. */
export function digitsEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at;
}

/** The digits of `[start, end)` as a number; the caller knows that they are digits and how many. */
export function digitsValue(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + bytes[at]! - ZERO;
  return value;
}

/** Digits after a decimal point as microseconds; Postgres never prints more than six. */
export function fractionMicros(bytes: Uint8Array, start: number, end: number): number {
  const count = end - start;
  if (count < 1 || count > 6) throw new DecodeError('one to six digits of a second expected', start);
  let value = digitsValue(bytes, start, end);
  for (let i = count; i < 6; i++) value *= 10;
  return value;
}

/** Whether `[start, end)` is exactly the ASCII text. */
export function isText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Whether `[start, end)` ends with the ASCII text. */
export function endsWithText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  const length = text.length;
  return (
    end - start >= length && bytes[end - 1] === text.charCodeAt(length - 1) && isText(bytes, end - length, end, text)
  );
}
