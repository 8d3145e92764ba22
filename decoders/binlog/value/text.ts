import { DecodeError } from '../../decode-error.ts';
import type { Charset } from './collation.ts';
import { type MultiByteCharset, multiByteTable, pairIndex } from './multi-byte-table.ts';
import { SINGLE_BYTE_CHARSETS } from './single-byte-charsets.ts';
import { parseUcs2, parseUtf8, parseUtf16, parseUtf16Le, parseUtf32 } from './unicode-text.ts';

type ParseText = (bytes: Buffer, start: number, end: number) => string;

/** What the server's own conversions put for a character that has no Unicode. */
const UNMAPPED = 0x3f;

const parsers = new Map<Charset, ParseText>();

/**
 * The function that reads CHAR, VARCHAR and TEXT in a character set, as the server itself converts them to Unicode: a
 * character without Unicode is a question mark. It throws {@link DecodeError} on what is no text in that
 * character set, which the server does not let in.
 */
export function textParser(charset: Charset): ParseText {
  let parse = parsers.get(charset);
  if (parse === undefined) {
    parse = createParser(charset);
    parsers.set(charset, parse);
  }
  return parse;
}

function createParser(charset: Charset): ParseText {
  switch (charset) {
    case 'binary':
      throw new Error('binary strings are no text');
    case 'utf8mb3':
    case 'utf8mb4':
      return parseUtf8;
    case 'ucs2':
      return parseUcs2;
    case 'utf16':
      return parseUtf16;
    case 'utf16le':
      return parseUtf16Le;
    case 'utf32':
      return parseUtf32;
    case 'gb18030':
      return parseGb18030;
    case 'big5':
    case 'cp932':
    case 'eucjpms':
    case 'euckr':
    case 'gb2312':
    case 'gbk':
    case 'sjis':
    case 'ujis':
      return multiByteParser(charset);
    default:
      return singleByteParser(SINGLE_BYTE_CHARSETS[charset]);
  }
}

/** `characters` are those of the upper half, or of all bytes. */
function singleByteParser(characters: string): ParseText {
  const units = Uint16Array.from({ length: 256 }, (_, byte) => {
    const index = byte - 256 + characters.length;
    return index < 0 ? byte : characters.charCodeAt(index);
  });
  return (bytes, start, end) => {
    const text = Buffer.allocUnsafe((end - start) * 2);
    for (let at = start, to = 0; at < end; at++, to += 2) {
      const unit = units[bytes[at]!]!;
      text[to] = unit & 0xff;
      text[to + 1] = unit >> 8;
    }
    return text.toString('utf16le');
  };
}

function multiByteParser(charset: MultiByteCharset): ParseText {
  const { singles, pairs, triples } = multiByteTable(charset);
  return (bytes, start, end) => {
    const text = Buffer.allocUnsafe((end - start) * 2);
    let to = 0;
    for (let at = start; at < end; ) {
      const byte = bytes[at]!;
      let length = 1;
      let unit = byte < 0x80 ? byte : singles[byte - 0x80]!;
      if (unit === 0 && byte !== 0) {
        length = byte === 0x8f && triples.length > 0 ? 3 : 2;
        if (at + length <= end) {
          unit =
            length === 2
              ? (pairs[pairIndex(byte, bytes[at + 1]!)] ?? 0)
              : (triples[bytes[at + 1]! < 0x80 ? -1 : pairIndex(bytes[at + 1]!, bytes[at + 2]!)] ?? 0);
        }
        if (unit === 0) throw new DecodeError(`text: no ${charset}`, at);
      }
      text[to] = unit & 0xff;
      text[to + 1] = unit >> 8;
      to += 2;
      at += length;
    }
    return text.toString('utf16le', 0, to);
  };
}

const gb18030 = new TextDecoder('gb18030', { fatal: true, ignoreBOM: true });

/** Pairs that the server reads by GB 18030-2005 and the platform by a later edition, or as browsers do. */
const GB18030_OF_2005 = new Map([
  [0xa3a0, 0xe5e5],
  ...[0xa6d9, 0xa6da, 0xa6db, 0xa6dc, 0xa6dd, 0xa6de, 0xa6df, 0xa6ec, 0xa6ed, 0xa6f3].map(
    (pair, i) => [pair, 0xe78d + i] as const,
  ),
  [0xfe59, 0xe81e],
  [0xfe61, 0xe826],
  [0xfe66, 0xe82b],
  [0xfe67, 0xe82c],
  [0xfe6d, 0xe832],
  [0xfe7e, 0xe843],
  [0xfe90, 0xe854],
  [0xfea0, 0xe864],
]);
/** What the platform makes of those, and the euro sign that it takes a byte 0x80 for. */
const GB18030_DOUBTFUL = /[\u20ac\u3000\ufe10-\ufe19\u9fb4-\u9fbb]/;

/** What the platform knows of GB 18030 is what the server knows, but for those and for characters without Unicode. */
function parseGb18030(bytes: Buffer, start: number, end: number): string {
  const text = decodeGb18030(bytes, start, end);
  return text === null || GB18030_DOUBTFUL.test(text) ? parseGb18030ByCharacter(bytes, start, end) : text;
}

/** `2-byte: 81-fe, 40-7e or 80-fe; 4-byte: 81-fe, 30-39, 81-fe, 30-39` */
function parseGb18030ByCharacter(bytes: Buffer, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; ) {
    const lead = bytes[at]!;
    let length = 1;
    if (lead >= 0x80) {
      const second = at + 1 < end ? bytes[at + 1]! : 0;
      const isPair = second >= 0x40 && second !== 0x7f && second !== 0xff;
      const isQuad = isDigit(second) && at + 3 < end && isLead(bytes[at + 2]!) && isDigit(bytes[at + 3]!);
      if (!isLead(lead) || !(isPair || isQuad)) throw new DecodeError('text: no gb18030', at);
      length = isPair ? 2 : 4;
    }
    const old = length === 2 ? GB18030_OF_2005.get(bytes.readUInt16BE(at)) : undefined;
    text +=
      old === undefined
        ? (decodeGb18030(bytes, at, at + length) ?? String.fromCharCode(UNMAPPED))
        : String.fromCharCode(old);
    at += length;
  }
  return text;
}

function decodeGb18030(bytes: Buffer, start: number, end: number): string | null {
  try {
    return gb18030.decode(bytes.subarray(start, end));
  } catch {
    return null;
  }
}

function isLead(byte: number): boolean {
  return byte >= 0x81 && byte <= 0xfe;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
