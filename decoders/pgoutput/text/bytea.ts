import { DecodeError } from '../../decode-error.ts';

const BACKSLASH = 0x5c;
const LOWER_X = 0x78;
const ZERO = 0x30;

/** Value of a hexadecimal digit by its character code, 0xff for every other character. */
const HEX_VALUES = Uint8Array.from({ length: 256 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? 0xff : value;
});

/** `\x` and hexadecimal digits (bytea_output hex), or the escape form: printable bytes, `\\` and `\ooo`. */
export function parseBytea(bytes: Uint8Array, start: number, end: number): Buffer {
  if (bytes[start] === BACKSLASH && bytes[start + 1] === LOWER_X && end - start >= 2) {
    return parseHex(bytes, start + 2, end);
  }
  return parseEscaped(bytes, start, end);
}

/** Hexadecimal digits, two a byte. */
export function parseHex(bytes: Uint8Array, start: number, end: number): Buffer {
  const length = end - start;
  if (length % 2 !== 0) throw new DecodeError('an even number of hexadecimal digits expected', start);
  const result = Buffer.allocUnsafe(length / 2);
  for (let i = 0, at = start; at < end; i++, at += 2) {
    const high = HEX_VALUES[bytes[at]!]!;
    const low = HEX_VALUES[bytes[at + 1]!]!;
    if ((high | low) > 15) throw new DecodeError('a hexadecimal digit expected', at);
    result[i] = (high << 4) | low;
  }
  return result;
}

function parseEscaped(bytes: Uint8Array, start: number, end: number): Buffer {
  const result = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let at = start; at < end; ) {
    if (bytes[at] !== BACKSLASH) {
      result[length++] = bytes[at++]!;
    } else if (bytes[at + 1] === BACKSLASH && at + 1 < end) {
      result[length++] = BACKSLASH;
      at += 2;
    } else {
      result[length++] = octalByte(bytes, at + 1, end);
      at += 4;
    }
  }
  return result.subarray(0, length);
}

function octalByte(bytes: Uint8Array, at: number, end: number): number {
  const [a, b, c] = [bytes[at]! - ZERO, bytes[at + 1]! - ZERO, bytes[at + 2]! - ZERO];
  const isOctal = at + 3 <= end && a >= 0 && a <= 3 && b >= 0 && b <= 7 && c >= 0 && c <= 7;
  if (!isOctal) throw new DecodeError('\\\\ or \\ and three octal digits expected', at - 1);
  return (a << 6) | (b << 3) | c;
}
