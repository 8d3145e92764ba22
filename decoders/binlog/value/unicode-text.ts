import { DecodeError } from '../../decode-error.ts';

const REPLACEMENT = '\ufffd';

/** utf8mb4 and utf8mb3. MariaDB lets surrogates in: they become code units, as they are in its UCS-2. */
export function parseUtf8(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  // A replacement character is one that was stored, or a sequence that is no UTF-8.
  return text.includes(REPLACEMENT) ? parseUtf8Strictly(bytes, start, end) : text;
}

function parseUtf8Strictly(bytes: Buffer, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; ) {
    const lead = bytes[at]!;
    const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length === 0 || at + length > end) throw new DecodeError('text: no UTF-8', at);
    let code = length === 1 ? lead : lead & (0xff >> (length + 1));
    for (let i = 1; i < length; i++) {
      const byte = bytes[at + i]!;
      if ((byte & 0xc0) !== 0x80) throw new DecodeError('text: no UTF-8', at);
      code = (code << 6) | (byte & 0x3f);
    }
    const isOverlong = (length === 3 && code < 0x800) || (length === 4 && code < 0x1_0000);
    if (isOverlong || code > 0x10_ffff) throw new DecodeError('text: no UTF-8', at);
    text += String.fromCodePoint(code);
    at += length;
  }
  return text;
}

/** utf16, big-endian. */
export function parseUtf16(bytes: Buffer, start: number, end: number): string {
  const text = parseUcs2(bytes, start, end);
  if (!text.isWellFormed()) throw new DecodeError('text: half a surrogate pair in UTF-16', start);
  return text;
}

export function parseUtf16Le(bytes: Buffer, start: number, end: number): string {
  if ((end - start) % 2 !== 0) throw new DecodeError('text: half a character of UTF-16', end - 1);
  const text = bytes.toString('utf16le', start, end);
  if (!text.isWellFormed()) throw new DecodeError('text: half a surrogate pair in UTF-16', start);
  return text;
}

/** ucs2, big-endian; MariaDB lets surrogates in. */
export function parseUcs2(bytes: Buffer, start: number, end: number): string {
  if ((end - start) % 2 !== 0) throw new DecodeError('text: half a character of UTF-16', end - 1);
  return Buffer.from(bytes.subarray(start, end)).swap16().toString('utf16le');
}

/** utf32, big-endian; MariaDB lets surrogates in. */
export function parseUtf32(bytes: Buffer, start: number, end: number): string {
  if ((end - start) % 4 !== 0) throw new DecodeError('text: a part of a character of UTF-32', end - 1);
  let text = '';
  for (let at = start; at < end; at += 4) {
    const code = bytes.readUInt32BE(at);
    if (code > 0x10_ffff) throw new DecodeError(`text: no character 0x${code.toString(16)}`, at);
    text += String.fromCodePoint(code);
  }
  return text;
}
