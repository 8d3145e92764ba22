import { COLUMN_TYPE } from '../../../../decoders/binlog/column-type.ts';
import {
  parseHiresDateTime,
  parseHiresTime,
  parseHiresTimestamp,
} from '../../../../decoders/binlog/value/mariadb-old-temporal.ts';
import {
  createDateTime,
  type DateTime,
  dateEpochDays,
  dayMicros,
  parseDate,
  parseDateTime,
  parseOldDateTime,
  parseOldTime,
  parseOldTimestamp,
  parseTime,
  parseTimestamp,
} from '../../../../decoders/binlog/value/temporal.ts';
import { parseDateText, parseDateTimeText, parseTimeText } from '../../../../decoders/mysql-text/temporal.ts';
import type { ValueForm } from './value-form.ts';

const MICROS_PER_DAY = 86_400_000_000;

/** A time as values need it. Filled, so that none is allocated per value. */
export interface Moment {
  /** Since 1970-01-01, proleptic Gregorian. */
  days: number;
  /** Of the day. */
  micros: number;
}

/** False, `into` being as it was, of what counts as NULL: a zero or partial date, or a day that its month does not have. */
export type ParseMoment = (bytes: Buffer, start: number, end: number, into: Moment) => boolean;

/** Signed microseconds of a TIME. */
export type ParseTime = (bytes: Buffer, start: number, end: number) => number;

type FillDateTime = (bytes: Buffer, start: number, end: number, into: DateTime) => void;

export function dateParser(form: ValueForm): ParseMoment {
  return calendarParser(form.kind === 'text' ? parseDateText : parseDate);
}

/** `digits` of the second, which the old formats do not tell themselves. */
export function dateTimeParser(form: ValueForm, digits: number): ParseMoment {
  if (form.kind === 'text') return calendarParser(parseDateTimeText);
  const { type, metadata } = form.column;
  if (type !== COLUMN_TYPE.datetime) {
    return calendarParser((bytes, start, end, into) => parseDateTime(bytes, start, end, metadata, into));
  }
  if (digits === 0) return calendarParser(parseOldDateTime);
  return calendarParser((bytes, start, end, into) => parseHiresDateTime(bytes, start, end, digits, into));
}

/** Both the binlog and a session in UTC have it in UTC. */
export function timestampParser(form: ValueForm, digits: number): ParseMoment {
  if (form.kind === 'text') return calendarParser(parseDateTimeText);
  const { type, metadata } = form.column;
  if (type !== COLUMN_TYPE.timestamp) {
    return instantParser((bytes, start, end) => parseTimestamp(bytes, start, end, metadata));
  }
  if (digits === 0) return instantParser(parseOldTimestamp);
  return instantParser((bytes, start, end) => parseHiresTimestamp(bytes, start, end, digits));
}

export function timeParser(form: ValueForm, digits: number): ParseTime {
  if (form.kind === 'text') return parseTimeText;
  const { type, metadata } = form.column;
  if (type !== COLUMN_TYPE.time) return (bytes, start, end) => parseTime(bytes, start, end, metadata);
  if (digits === 0) return parseOldTime;
  return (bytes, start, end) => parseHiresTime(bytes, start, end, digits);
}

function calendarParser(fill: FillDateTime): ParseMoment {
  const time = createDateTime();
  return (bytes, start, end, into) => {
    fill(bytes, start, end, time);
    const days = dateEpochDays(time);
    if (days === null) return false;
    into.days = days;
    into.micros = dayMicros(time);
    return true;
  };
}

function instantParser(parse: (bytes: Buffer, start: number, end: number) => number): ParseMoment {
  return (bytes, start, end, into) => {
    const micros = parse(bytes, start, end);
    if (micros === 0) return false;
    into.days = Math.floor(micros / MICROS_PER_DAY);
    into.micros = micros - into.days * MICROS_PER_DAY;
    return true;
  };
}
