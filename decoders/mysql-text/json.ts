import { DecodeError } from '../decode-error.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const NEWLINE = 0x0a;
const TAB = 0x09;
const RETURN = 0x0d;

/**
 * Copies a JSON text to the start of `out`, which has room for all of it, without the white space between its tokens, and
 * returns how long it is then. The server's `{"a": [1, 2.0]}` so becomes the compact `{"a":[1,2.0]}`.
 */
export function compactJson(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let to = 0;
  for (let at = start; at < end; ) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      const stringEnd = endOfString(bytes, at, end);
      while (at < stringEnd) out[to++] = bytes[at++]!;
      continue;
    }
    if (byte !== SPACE && byte !== NEWLINE && byte !== TAB && byte !== RETURN) out[to++] = byte;
    at++;
  }
  return to;
}

/** Behind the closing quote of the string that begins at `start`. */
function endOfString(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  throw new DecodeError('json: a string without an end', start);
}
