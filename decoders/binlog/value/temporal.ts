import { DecodeError } from '../../decode-error.ts';
import { epochDays } from '../../pgoutput/text/calendar.ts';
import { bigEndian, expectLength, littleEndian } from './fixed-length.ts';

const MICROS_PER_SECOND = 1_000_000;
/** Microseconds in a unit of a fraction of so many bytes. */
const FRACTION_MICROS = [0, 10_000, 100, 1];
/** MySQL's TIME goes to 838:59:59. */
const MAX_TIME_HOURS = 838;

/**
 * A date and time as it was stored: year 0, month 0 and day 0 are possible (zero and partial dates), and so is
 * a 31st of February (ALLOW_INVALID_DATES). Filled by a parser so that none is allocated per value.
 */
export interface DateTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  micros: number;
}

export function createDateTime(): DateTime {
  return { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, micros: 0 };
}

/** Days since 1970-01-01, or null of a zero or partial date or of a day that its month does not have. */
export function dateEpochDays(date: DateTime): number | null {
  const { year, month, day } = date;
  if (month === 0 || day === 0 || day > monthDays(year, month)) return null;
  // Year 0 with a month and a day is a date to the server (0000-01-01), the proleptic one before year 1.
  return epochDays(year, month, day);
}

function monthDays(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Microseconds since midnight. */
export function dayMicros(time: DateTime): number {
  return ((time.hour * 60 + time.minute) * 60 + time.second) * MICROS_PER_SECOND + time.micros;
}

/** Bytes of the fraction of a second with `digits` (0 to 6) digits. */
export function fractionByteLength(digits: number): number {
  return (digits + 1) >> 1;
}

/** DATE and NEWDATE: 3 bytes, little-endian; 5 bits of day, 4 of month, 15 of year (Field_newdate in sql/field.cc). */
export function parseDate(bytes: Uint8Array, start: number, end: number, into: DateTime): void {
  expectLength('date', start, end, 3);
  const packed = littleEndian(bytes, start, end);
  setDate(into, packed >> 9, (packed >> 5) & 15, packed & 31, start);
  setTimeOfDay(into, 0, 0, 0, 0, start);
}

/** YEAR: one byte, years since 1900; 0 is the year 0000. */
export function parseYear(bytes: Uint8Array, start: number, end: number): number {
  expectLength('year', start, end, 1);
  const years = bytes[start]!;
  return years === 0 ? 0 : 1900 + years;
}

/**
 * TIME with `digits` digits of fraction (TIME2), in signed microseconds: big-endian, 3 bytes of 10 bits of hours, 6 of minutes
 * and 6 of seconds, then the fraction, the whole shifted so that a negative time sorts first
 * (my_time_packed_to_binary in mysys/my_time.cc).
 */
export function parseTime(bytes: Uint8Array, start: number, end: number, digits: number): number {
  const fractionBytes = fractionByteLength(digits);
  expectLength('time', start, end, 3 + fractionBytes);
  const fractionRange = 256 ** fractionBytes;
  const packed = bigEndian(bytes, start, end) - 0x80_0000 * fractionRange;
  const magnitude = Math.abs(packed);
  const whole = Math.floor(magnitude / fractionRange);
  const micros = fractionMicros(magnitude % fractionRange, fractionBytes, start);
  return timeMicros(packed < 0, whole >> 12, (whole >> 6) & 63, whole & 63, micros, start);
}

/** TIME as before MySQL 5.6, in signed microseconds: 3 bytes, little-endian, signed, the decimal number hhmmss. */
export function parseOldTime(bytes: Uint8Array, start: number, end: number): number {
  expectLength('time', start, end, 3);
  const packed = (littleEndian(bytes, start, end) << 8) >> 8;
  const magnitude = Math.abs(packed);
  const hours = Math.floor(magnitude / 10_000);
  return timeMicros(packed < 0, hours, Math.floor(magnitude / 100) % 100, magnitude % 100, 0, start);
}

/**
 * DATETIME with `digits` digits of fraction (DATETIME2): big-endian, one sign bit that is always set, 17 bits of
 * year * 13 + month, 5 of day, 5 of hour, 6 of minute, 6 of second, then the fraction
 * (my_datetime_packed_to_binary in mysys/my_time.cc).
 */
export function parseDateTime(bytes: Uint8Array, start: number, end: number, digits: number, into: DateTime): void {
  const fractionBytes = fractionByteLength(digits);
  expectLength('datetime', start, end, 5 + fractionBytes);
  if ((bytes[start]! & 0x80) === 0) throw new DecodeError('datetime: negative', start);
  const third = bytes[start + 2]!;
  const fourth = bytes[start + 3]!;
  const fifth = bytes[start + 4]!;
  const yearMonth = ((bytes[start]! & 0x7f) << 10) | (bytes[start + 1]! << 2) | (third >> 6);
  setDate(into, Math.floor(yearMonth / 13), yearMonth % 13, (third >> 1) & 31, start);
  const hour = ((third & 1) << 4) | (fourth >> 4);
  const minute = ((fourth & 15) << 2) | (fifth >> 6);
  const micros = fractionBytes === 0 ? 0 : fractionMicros(bigEndian(bytes, start + 5, end), fractionBytes, start);
  setTimeOfDay(into, hour, minute, fifth & 63, micros, start);
}

/** DATETIME as before MySQL 5.6: 8 bytes, little-endian, the decimal number YYYYMMDDhhmmss. */
export function parseOldDateTime(bytes: Buffer, start: number, end: number, into: DateTime): void {
  expectLength('datetime', start, end, 8);
  const packed = bytes.readBigUInt64LE(start);
  if (packed > 99_991_231_235_959n) throw new DecodeError('datetime: no such date', start);
  const date = Math.floor(Number(packed) / 1_000_000);
  const time = Number(packed) % 1_000_000;
  setDate(into, Math.floor(date / 10_000), Math.floor(date / 100) % 100, date % 100, start);
  setTimeOfDay(into, Math.floor(time / 10_000), Math.floor(time / 100) % 100, time % 100, 0, start);
}

/** TIMESTAMP with `digits` digits of fraction (TIMESTAMP2), microseconds since 1970 UTC; 0 is `0000-00-00 00:00:00`. */
export function parseTimestamp(bytes: Uint8Array, start: number, end: number, digits: number): number {
  const fractionBytes = fractionByteLength(digits);
  expectLength('timestamp', start, end, 4 + fractionBytes);
  const micros = fractionMicros(bigEndian(bytes, start + 4, end), fractionBytes, start);
  return bigEndian(bytes, start, start + 4) * MICROS_PER_SECOND + micros;
}

/** TIMESTAMP as before MySQL 5.6, microseconds since 1970 UTC; 0 is `0000-00-00 00:00:00`. */
export function parseOldTimestamp(bytes: Uint8Array, start: number, end: number): number {
  expectLength('timestamp', start, end, 4);
  return littleEndian(bytes, start, end) * MICROS_PER_SECOND;
}

/** A date and time packed in 64 bits, as opaque values of JSON have them: that of DATETIME2 with microseconds. */
export function parsePackedDateTime(bytes: Buffer, start: number, end: number, into: DateTime): void {
  expectLength('datetime', start, end, 8);
  const micros = bytes.readUIntLE(start, 3);
  const packed = bytes.readUIntLE(start + 3, 5);
  if (packed >= 0x80_0000_0000) throw new DecodeError('datetime: negative', start);
  const time = packed % 0x2_0000;
  setPackedDate(into, Math.floor(packed / 0x2_0000), start);
  setTimeOfDay(into, time >> 12, (time >> 6) & 63, time & 63, fractionMicros(micros, 3, start), start);
}

/** A time packed in 64 bits, in signed microseconds: a negative one is the negative of the whole. */
export function parsePackedTime(bytes: Buffer, start: number, end: number): number {
  expectLength('time', start, end, 8);
  const packed = bytes.readBigInt64LE(start);
  const magnitude = packed < 0n ? -packed : packed;
  if (magnitude >= 0x1_0000_0000_0000n) throw new DecodeError('time: no such time', start);
  const whole = Math.floor(Number(magnitude) / 0x100_0000);
  const micros = fractionMicros(Number(magnitude) % 0x100_0000, 3, start);
  return timeMicros(packed < 0n, whole >> 12, (whole >> 6) & 63, whole & 63, micros, start);
}

/** `YYYY-MM-DD`. */
export function formatDate(date: DateTime): string {
  return `${pad(date.year, 4)}-${pad(date.month, 2)}-${pad(date.day, 2)}`;
}

/** `YYYY-MM-DD hh:mm:ss[.ffffff]` with `digits` digits of fraction. */
export function formatDateTime(time: DateTime, digits: number): string {
  return `${formatDate(time)} ${formatTime(dayMicros(time), digits)}`;
}

/** `[-]hh:mm:ss[.ffffff]` with `digits` digits of fraction. */
export function formatTime(micros: number, digits: number): string {
  const magnitude = Math.abs(micros);
  const seconds = Math.floor(magnitude / MICROS_PER_SECOND);
  const whole = `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}`;
  const fraction = digits === 0 ? '' : `.${pad(magnitude % MICROS_PER_SECOND, 6).slice(0, digits)}`;
  return `${micros < 0 ? '-' : ''}${whole}${fraction}`;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

/** `raw` counts units of 10^-2, 10^-4 or 10^-6 seconds, by its bytes. */
function fractionMicros(raw: number, fractionBytes: number, offset: number): number {
  const micros = raw * FRACTION_MICROS[fractionBytes]!;
  if (micros >= MICROS_PER_SECOND) throw new DecodeError('a fraction of a second above 1', offset);
  return micros;
}

function timeMicros(
  isNegative: boolean,
  hours: number,
  minutes: number,
  seconds: number,
  micros: number,
  offset: number,
): number {
  if (hours > MAX_TIME_HOURS || minutes > 59 || seconds > 59) throw new DecodeError('time: no such time', offset);
  const magnitude = ((hours * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND + micros;
  return isNegative ? -magnitude : magnitude;
}

/** 17 bits of year * 13 + month, 5 of day. */
function setPackedDate(into: DateTime, packed: number, offset: number): void {
  const yearMonth = Math.floor(packed / 32);
  setDate(into, Math.floor(yearMonth / 13), yearMonth % 13, packed % 32, offset);
}

function setDate(into: DateTime, year: number, month: number, day: number, offset: number): void {
  if (year > 9999 || month > 12 || day > 31) throw new DecodeError('no such date', offset);
  into.year = year;
  into.month = month;
  into.day = day;
}

function setTimeOfDay(
  into: DateTime,
  hour: number,
  minute: number,
  second: number,
  micros: number,
  offset: number,
): void {
  if (hour > 23 || minute > 59 || second > 59) throw new DecodeError('no such time of day', offset);
  into.hour = hour;
  into.minute = minute;
  into.second = second;
  into.micros = micros;
}
