import { DecodeError } from '../../decode-error.ts';
import { OLD_DATETIME_BYTES, OLD_TIME_BYTES, OLD_TIMESTAMP_BYTES } from '../column-layout.ts';
import { bigEndian, expectLength } from './fixed-length.ts';
import type { DateTime } from './temporal.ts';

/**
 * MariaDB's temporal columns with digits of the second of before 10.1 (mysql56_temporal_format=OFF): big-endian integers
 * that count units of the last digit (sql/field.cc, `Field_timestamp_hires`, `Field_time_hires`, `Field_datetime_hires`;
 * `pack_time` in sql-common/my_time.c). The number of digits is nowhere in the binlog.
 */
const MICROS_PER_SECOND = 1_000_000;
/** What is added to a time so that it is not negative: 838:59:59 and a second. */
const TIME_ZERO_SECONDS = 3_020_400;

/** Microseconds since 1970 UTC; 0 is `0000-00-00 00:00:00`. */
export function parseHiresTimestamp(bytes: Uint8Array, start: number, end: number, digits: number): number {
  expectLength('timestamp', start, end, OLD_TIMESTAMP_BYTES[digits]!);
  const fraction = bigEndian(bytes, start + 4, end) * 10 ** (6 - digits);
  if (fraction >= MICROS_PER_SECOND) throw new DecodeError('timestamp: no such time', start);
  return bigEndian(bytes, start, start + 4) * MICROS_PER_SECOND + fraction;
}

/** Signed microseconds. */
export function parseHiresTime(bytes: Uint8Array, start: number, end: number, digits: number): number {
  expectLength('time', start, end, OLD_TIME_BYTES[digits]!);
  const units = bigEndian(bytes, start, end) - TIME_ZERO_SECONDS * 10 ** digits;
  if (Math.abs(units) >= TIME_ZERO_SECONDS * 10 ** digits) throw new DecodeError('time: no such time', start);
  return units * 10 ** (6 - digits);
}

/** `((((year * 13 + month) * 32 + day) * 24 + hour) * 60 + minute) * 60 + second`, then the digits. */
export function parseHiresDateTime(
  bytes: Uint8Array,
  start: number,
  end: number,
  digits: number,
  into: DateTime,
): void {
  expectLength('datetime', start, end, OLD_DATETIME_BYTES[digits]!);
  let packed = 0n;
  for (let at = start; at < end; at++) packed = (packed << 8n) | BigInt(bytes[at]!);
  const unitsPerSecond = 10n ** BigInt(digits);
  let rest = Number(packed / unitsPerSecond);
  const take = (count: number): number => {
    const part = rest % count;
    rest = Math.floor(rest / count);
    return part;
  };
  into.micros = Number(packed % unitsPerSecond) * 10 ** (6 - digits);
  into.second = take(60);
  into.minute = take(60);
  into.hour = take(24);
  into.day = take(32);
  into.month = take(13);
  into.year = rest;
  if (into.year > 9999 || into.month > 12 || into.day > 31) throw new DecodeError('datetime: no such date', start);
}
