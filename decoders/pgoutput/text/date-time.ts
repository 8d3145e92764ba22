import { DecodeError } from '../../decode-error.ts';
import { epochDays } from './calendar.ts';
import { digitsEnd, digitsValue, endsWithText, fractionMicros, isText, twoDigits } from './digits.ts';

export const MICROS_PER_SECOND = 1_000_000;
export const MICROS_PER_DAY = 86_400_000_000;

const DASH = 0x2d;
const COLON = 0x3a;
const DOT = 0x2e;
const PLUS = 0x2b;
const SPACE = 0x20;
const LOWER_Y = 0x79;
/** A date's year has at most seven digits: 5874897-12-31 is the last one. */
const MAX_YEAR_DIGITS = 7;

/** A point in time, filled by a parser so that none is allocated per value. */
export interface DateTime {
  /** Days since 1970-01-01, or plus or minus Infinity for Postgres' `infinity` and `-infinity`. */
  days: number;
  /** Microseconds of the day; a time of 24:00:00 is {@link MICROS_PER_DAY}. */
  micros: number;
}

/** `YYYY-MM-DD[ BC]`, `infinity` or `-infinity` (DateStyle ISO), as days since 1970-01-01 or plus or minus Infinity. */
export function parseDate(bytes: Uint8Array, start: number, end: number): number {
  const infinity = parseInfinity(bytes, start, end);
  if (infinity !== 0) return infinity;
  const isBc = endsWithText(bytes, start, end, ' BC');
  return parseCalendarDate(bytes, start, isBc ? end - 3 : end, isBc);
}

/** `HH:MM:SS[.ffffff]` as microseconds; 24:00:00 is allowed. */
export function parseTime(bytes: Uint8Array, start: number, end: number): number {
  const micros = timeMicros(bytes, start, end);
  if (timeEnd(bytes, start, end) !== end) throw new DecodeError('unexpected text after a time', start);
  return micros;
}

/** `HH:MM:SS[.ffffff]+HH[:MM[:SS]]` as microseconds of the UTC day; what goes over midnight wraps around. */
export function parseTimeTz(bytes: Uint8Array, start: number, end: number): number {
  const zone = timeEnd(bytes, start, end);
  const utc = timeMicros(bytes, start, zone) - zoneMicros(bytes, zone, end);
  return utc < 0 ? utc + MICROS_PER_DAY : utc >= MICROS_PER_DAY ? utc - MICROS_PER_DAY : utc;
}

/** `YYYY-MM-DD HH:MM:SS[.ffffff][+HH[:MM[:SS]]][ BC]`, `infinity` or `-infinity`; with a zone the result is in UTC. */
export function parseTimestamp(bytes: Uint8Array, start: number, end: number, into: DateTime): void {
  const infinity = parseInfinity(bytes, start, end);
  if (infinity !== 0) {
    into.days = infinity;
    into.micros = 0;
    return;
  }
  const isBc = endsWithText(bytes, start, end, ' BC');
  const textEnd = isBc ? end - 3 : end;
  let dateEnd = start + 10;
  if (bytes[dateEnd] !== SPACE || dateEnd >= textEnd) {
    dateEnd = start;
    while (dateEnd < textEnd && bytes[dateEnd] !== SPACE) dateEnd++;
    if (dateEnd === textEnd) throw new DecodeError('a date and a time expected', start);
  }
  const zone = timeEnd(bytes, dateEnd + 1, textEnd);
  into.days = parseCalendarDate(bytes, start, dateEnd, isBc);
  into.micros = timeMicros(bytes, dateEnd + 1, zone);
  if (zone === textEnd) return;
  into.micros -= zoneMicros(bytes, zone, textEnd);
  const overflow = Math.floor(into.micros / MICROS_PER_DAY);
  into.days += overflow;
  into.micros -= overflow * MICROS_PER_DAY;
}

function parseInfinity(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[end - 1] !== LOWER_Y) return 0;
  if (isText(bytes, start, end, 'infinity')) return Number.POSITIVE_INFINITY;
  if (isText(bytes, start, end, '-infinity')) return Number.NEGATIVE_INFINITY;
  return 0;
}

function parseCalendarDate(bytes: Uint8Array, start: number, end: number, isBc: boolean): number {
  const yearEnd = end - 6;
  const yearDigits = yearEnd - start;
  if (yearDigits < 4 || yearDigits > MAX_YEAR_DIGITS || digitsEnd(bytes, start, yearEnd) !== yearEnd) {
    throw new DecodeError('a year of four to seven digits expected', start);
  }
  if (bytes[yearEnd] !== DASH || bytes[yearEnd + 3] !== DASH) throw new DecodeError('YYYY-MM-DD expected', start);
  const year = digitsValue(bytes, start, yearEnd);
  const month = twoDigits(bytes, yearEnd + 1, end);
  const day = twoDigits(bytes, yearEnd + 4, end);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysOfMonth(isBc ? 1 - year : year, month)) {
    throw new DecodeError('no such date', start);
  }
  return epochDays(isBc ? 1 - year : year, month, day);
}

function daysOfMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Where `HH:MM:SS[.f...]` ends, judging by its form only. */
function timeEnd(bytes: Uint8Array, start: number, end: number): number {
  const whole = start + 8;
  if (whole > end) throw new DecodeError('HH:MM:SS expected', start);
  return whole < end && bytes[whole] === DOT ? digitsEnd(bytes, whole + 1, end) : whole;
}

function timeMicros(bytes: Uint8Array, start: number, end: number): number {
  const hours = twoDigits(bytes, start, end);
  const minutes = twoDigits(bytes, start + 3, end);
  const seconds = twoDigits(bytes, start + 6, end);
  if (bytes[start + 2] !== COLON || bytes[start + 5] !== COLON) throw new DecodeError('HH:MM:SS expected', start);
  const fraction =
    start + 8 < end && bytes[start + 8] === DOT ? fractionMicros(bytes, start + 9, timeEnd(bytes, start, end)) : 0;
  const micros = ((hours * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND + fraction;
  if (minutes > 59 || seconds > 59 || micros > MICROS_PER_DAY) throw new DecodeError('no such time', start);
  return micros;
}

/** `+HH[:MM[:SS]]` as microseconds east of UTC. */
function zoneMicros(bytes: Uint8Array, start: number, end: number): number {
  const sign = bytes[start];
  if (start === end || (sign !== PLUS && sign !== DASH)) throw new DecodeError('an offset from UTC expected', start);
  let seconds = twoDigits(bytes, start + 1, end) * 3600;
  let at = start + 3;
  for (const unit of [60, 1]) {
    if (at === end) break;
    if (bytes[at] !== COLON) throw new DecodeError('an offset from UTC expected', at);
    seconds += twoDigits(bytes, at + 1, end) * unit;
    at += 3;
  }
  if (at !== end) throw new DecodeError('unexpected text after an offset from UTC', at);
  return (sign === PLUS ? seconds : -seconds) * MICROS_PER_SECOND;
}
