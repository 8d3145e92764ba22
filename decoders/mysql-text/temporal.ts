import type { DateTime } from '../binlog/value/temporal.ts';
import { DecodeError } from '../decode-error.ts';
import { digitsEnd, digitsValue, fractionMicros, twoDigits } from '../pgoutput/text/digits.ts';

const DASH = 0x2d;
const COLON = 0x3a;
const SPACE = 0x20;
const DOT = 0x2e;
/** `YYYY-MM-DD` and `hh:mm:ss`. */
const DATE_LENGTH = 10;
const TIME_LENGTH = 8;
const MICROS_PER_SECOND = 1_000_000;
/** MySQL's TIME goes to 838:59:59. */
const MAX_TIME_HOURS = 838;

/** `YYYY-MM-DD`, zero and partial dates included: DATE as the text protocol has it. */
export function parseDateText(bytes: Uint8Array, start: number, end: number, into: DateTime): void {
  if (end - start !== DATE_LENGTH) throw new DecodeError('a date expected', start);
  parseDateAt(bytes, start, into);
  into.hour = 0;
  into.minute = 0;
  into.second = 0;
  into.micros = 0;
}

/** `YYYY-MM-DD hh:mm:ss[.ffffff]`: DATETIME, and TIMESTAMP in the session's time zone. */
export function parseDateTimeText(bytes: Uint8Array, start: number, end: number, into: DateTime): void {
  const timeAt = start + DATE_LENGTH + 1;
  const fractionAt = timeAt + TIME_LENGTH;
  if (fractionAt > end || bytes[timeAt - 1] !== SPACE || bytes[timeAt + 2] !== COLON || bytes[timeAt + 5] !== COLON) {
    throw new DecodeError('a date and time expected', start);
  }
  parseDateAt(bytes, start, into);
  into.hour = twoDigits(bytes, timeAt, end);
  into.minute = twoDigits(bytes, timeAt + 3, end);
  into.second = twoDigits(bytes, timeAt + 6, end);
  into.micros = parseFraction(bytes, fractionAt, end);
  if (into.hour > 23 || into.minute > 59 || into.second > 59) throw new DecodeError('no such time of day', start);
}

/** `[-]hh:mm:ss[.ffffff]`, hours of two or three digits, in signed microseconds: TIME. */
export function parseTimeText(bytes: Uint8Array, start: number, end: number): number {
  const isNegative = start < end && bytes[start] === DASH;
  const first = isNegative ? start + 1 : start;
  const hoursEnd = digitsEnd(bytes, first, end);
  const fractionAt = hoursEnd + 6;
  const isTime = hoursEnd - first >= 2 && hoursEnd - first <= 3 && fractionAt <= end;
  if (!isTime || bytes[hoursEnd] !== COLON || bytes[hoursEnd + 3] !== COLON) {
    throw new DecodeError('a time expected', start);
  }
  const hours = digitsValue(bytes, first, hoursEnd);
  const minutes = twoDigits(bytes, hoursEnd + 1, end);
  const seconds = twoDigits(bytes, hoursEnd + 4, end);
  if (hours > MAX_TIME_HOURS || minutes > 59 || seconds > 59) throw new DecodeError('no such time', start);
  const micros = ((hours * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND + parseFraction(bytes, fractionAt, end);
  return isNegative && micros !== 0 ? -micros : micros;
}

function parseDateAt(bytes: Uint8Array, start: number, into: DateTime): void {
  const end = start + DATE_LENGTH;
  if (bytes[start + 4] !== DASH || bytes[start + 7] !== DASH || digitsEnd(bytes, start, start + 4) !== start + 4) {
    throw new DecodeError('a date expected', start);
  }
  into.year = digitsValue(bytes, start, start + 4);
  into.month = twoDigits(bytes, start + 5, end);
  into.day = twoDigits(bytes, start + 8, end);
  if (into.month > 12 || into.day > 31) throw new DecodeError('no such date', start);
}

function parseFraction(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  if (bytes[start] !== DOT || digitsEnd(bytes, start + 1, end) !== end) {
    throw new DecodeError('a fraction of a second expected', start);
  }
  return fractionMicros(bytes, start + 1, end);
}
