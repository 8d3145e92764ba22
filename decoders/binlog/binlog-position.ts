import { DecodeError } from '../decode-error.ts';

/** A place in a server's binary log: the byte at which an event begins (or will). */
export interface BinlogPosition {
  /** File name without folder, e.g. `binlog.000003`. */
  readonly file: string;
  /** Bytes from the file's beginning; beyond 2^32 for a file that one long transaction made so big. */
  readonly position: number;
}

/** An event header tells the end of its event in 32 bits. */
const HEADER_POSITION_RANGE = 0x1_0000_0000;
const FILE_NAME = /^(.+)\.(\d{1,10})$/;
const POSITION_TEXT = /^(.+):(\d{1,16})$/;

/** `binlog.000003:154`; throws DecodeError on anything else. */
export function parseBinlogPosition(text: string): BinlogPosition {
  const match = POSITION_TEXT.exec(text);
  const position = Number(match?.[2]);
  if (match === null || !FILE_NAME.test(match[1]!) || !Number.isSafeInteger(position)) {
    throw new DecodeError(`not a binlog position (file.number:byte): ${JSON.stringify(text.slice(0, 80))}`, 0);
  }
  return { file: match[1]!, position };
}

export function formatBinlogPosition({ file, position }: BinlogPosition): string {
  return `${file}:${position}`;
}

/**
 * Negative, zero or positive as `a` is before, at or after `b`; files by their number (`.1000000` follows `.999999`).
 * Null when the base names differ: logs of different servers, or of one server before and after a renaming, have no order.
 */
export function compareBinlogPositions(a: BinlogPosition, b: BinlogPosition): number | null {
  if (a.file !== b.file) {
    const left = FILE_NAME.exec(a.file);
    const right = FILE_NAME.exec(b.file);
    if (left === null || right === null || left[1] !== right[1]) return null;
    const files = Number(left[2]) - Number(right[2]);
    if (files !== 0) return files;
  }
  return a.position - b.position;
}

/**
 * The whole position that an event header tells the low 32 bits of: the first one at `after` or behind it.
 * Right as long as less than 4 GiB lie between the events that are looked at; an event cannot be that long.
 */
export function widenPosition(after: number, low32: number): number {
  const base = after - (after % HEADER_POSITION_RANGE) + low32;
  return base < after ? base + HEADER_POSITION_RANGE : base;
}
