import type { MultiByteCharset } from './multi-byte-table.ts';
import type { SINGLE_BYTE_CHARSETS } from './single-byte-charsets.ts';

export type SingleByteCharset = keyof typeof SINGLE_BYTE_CHARSETS;
export type UnicodeCharset = 'utf8mb3' | 'utf8mb4' | 'ucs2' | 'utf16' | 'utf16le' | 'utf32';
/** A character set of MySQL 9.7 or MariaDB 10.11, by its name there. */
export type Charset = SingleByteCharset | MultiByteCharset | UnicodeCharset | 'gb18030' | 'binary';

/** First and last collation id of each run, as information_schema has them; the two servers agree where both have one. */
const COLLATIONS: Readonly<Record<Charset, readonly (readonly [first: number, last: number])[]>> = {
  armscii8: [
    [32, 32],
    [64, 64],
  ],
  ascii: [
    [11, 11],
    [65, 65],
  ],
  big5: [
    [1, 1],
    [84, 84],
  ],
  binary: [[63, 63]],
  cp1250: [
    [26, 26],
    [34, 34],
    [44, 44],
    [66, 66],
    [99, 99],
  ],
  cp1251: [
    [14, 14],
    [23, 23],
    [50, 52],
  ],
  cp1256: [
    [57, 57],
    [67, 67],
  ],
  cp1257: [
    [29, 29],
    [58, 59],
  ],
  cp850: [
    [4, 4],
    [80, 80],
  ],
  cp852: [
    [40, 40],
    [81, 81],
  ],
  cp866: [
    [36, 36],
    [68, 68],
  ],
  cp932: [[95, 96]],
  dec8: [
    [3, 3],
    [69, 69],
  ],
  eucjpms: [[97, 98]],
  euckr: [
    [19, 19],
    [85, 85],
  ],
  gb18030: [[248, 250]],
  gb2312: [
    [24, 24],
    [86, 86],
  ],
  gbk: [
    [28, 28],
    [87, 87],
  ],
  geostd8: [[92, 93]],
  greek: [
    [25, 25],
    [70, 70],
  ],
  hebrew: [
    [16, 16],
    [71, 71],
  ],
  hp8: [
    [6, 6],
    [72, 72],
  ],
  keybcs2: [
    [37, 37],
    [73, 73],
  ],
  koi8r: [
    [7, 7],
    [74, 74],
  ],
  koi8u: [
    [22, 22],
    [75, 75],
  ],
  latin1: [
    [5, 5],
    [8, 8],
    [15, 15],
    [31, 31],
    [47, 49],
    [94, 94],
  ],
  latin2: [
    [2, 2],
    [9, 9],
    [21, 21],
    [27, 27],
    [77, 77],
  ],
  latin5: [
    [30, 30],
    [78, 78],
  ],
  latin7: [
    [20, 20],
    [41, 42],
    [79, 79],
  ],
  macce: [
    [38, 38],
    [43, 43],
  ],
  macroman: [
    [39, 39],
    [53, 53],
  ],
  sjis: [
    [13, 13],
    [88, 88],
  ],
  swe7: [
    [10, 10],
    [82, 82],
  ],
  tis620: [
    [18, 18],
    [89, 89],
  ],
  ucs2: [
    [35, 35],
    [90, 90],
    [128, 151],
    [159, 159],
    [640, 642],
  ],
  ujis: [
    [12, 12],
    [91, 91],
  ],
  utf16: [
    [54, 55],
    [101, 124],
    [672, 674],
  ],
  utf16le: [
    [56, 56],
    [62, 62],
  ],
  utf32: [
    [60, 61],
    [160, 183],
    [736, 738],
  ],
  utf8mb3: [
    [33, 33],
    [76, 76],
    [83, 83],
    [192, 215],
    [223, 223],
    [576, 578],
  ],
  utf8mb4: [
    [45, 46],
    [224, 247],
    [255, 271],
    [273, 275],
    [277, 294],
    [296, 298],
    [300, 300],
    [303, 323],
    [608, 610],
  ],
};

/** MariaDB's NOPAD collations are 1024 above those that pad. */
const NOPAD_SHIFT = 1024;
const NOPAD_END = 2048;
/** MariaDB's UCA 14 collations: 256 ids for each of these. */
const UCA1400_START = 2048;
const UCA1400_CHARSETS = ['utf8mb3', 'utf8mb4', 'ucs2', 'utf16', 'utf32'] as const;

const charsets = new Map<number, Charset>();
for (const [charset, runs] of Object.entries(COLLATIONS)) {
  for (const [first, last] of runs) for (let id = first; id <= last; id++) charsets.set(id, charset as Charset);
}

/** The character set of a collation; null of an id that neither server has. */
export function charsetOfCollation(id: number): Charset | null {
  if (id >= UCA1400_START) return UCA1400_CHARSETS[Math.floor((id - UCA1400_START) / 256)] ?? null;
  return charsets.get(id > NOPAD_SHIFT && id < NOPAD_END ? id - NOPAD_SHIFT : id) ?? null;
}
