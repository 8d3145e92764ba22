import { brotliDecompressSync } from 'node:zlib';
import { MULTI_BYTE_CHARSETS } from './multi-byte-charsets.ts';

export type MultiByteCharset = keyof typeof MULTI_BYTE_CHARSETS;

/** Lead bytes and bytes of their own are 0x80 to 0xff, trailing bytes 0x40 to 0xff. */
const LEADS = 0x80;
const TRAILS = 0xc0;
const PAIRS = LEADS * TRAILS;

/** What bytes mean as UTF-16 code units: 0 is no character, a question mark a character without Unicode. */
export interface MultiByteTable {
  /** By byte - 0x80. */
  readonly singles: Uint16Array;
  /** By (lead - 0x80) * 0xc0 + trail - 0x40. */
  readonly pairs: Uint16Array;
  /** As `pairs`, of the two bytes after 0x8f; empty where the character set has none of three bytes. */
  readonly triples: Uint16Array;
}

const tables = new Map<MultiByteCharset, MultiByteTable>();

/** Unpacked when first asked for: few databases have more than one of these character sets. */
export function multiByteTable(charset: MultiByteCharset): MultiByteTable {
  const known = tables.get(charset);
  if (known !== undefined) return known;
  // All low bytes, then all high bytes, of the differences between neighbours.
  const planes = brotliDecompressSync(Buffer.from(MULTI_BYTE_CHARSETS[charset], 'base64'));
  const units = new Uint16Array(planes.length / 2);
  let unit = 0;
  for (let i = 0; i < units.length; i++) {
    unit = (unit + planes[i]! + (planes[units.length + i]! << 8)) & 0xffff;
    units[i] = unit;
  }
  const table = {
    singles: units.subarray(0, LEADS),
    pairs: units.subarray(LEADS, LEADS + PAIRS),
    triples: units.subarray(LEADS + PAIRS),
  };
  tables.set(charset, table);
  return table;
}

export function pairIndex(lead: number, trail: number): number {
  return trail < 0x40 ? -1 : (lead - 0x80) * TRAILS + trail - 0x40;
}
