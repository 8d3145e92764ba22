import {
  type DateTime,
  MICROS_PER_DAY,
  parseDate,
  parseTime,
  parseTimestamp,
} from '../../../../decoders/pgoutput/text/date-time.ts';
import { TailraceError } from '../../../model/errors.ts';
import type { Schema, SchemaType, Value } from '../../../model/schema.ts';
import type { ColumnType, TypeContext } from './column-type.ts';
import { formatDate, formatTime } from './date-time-text.ts';

const INT32_MAX = 2_147_483_647;
const INT32_MIN = -2_147_483_648;
const INT64_MAX = 9_223_372_036_854_775_807n;
const INT64_MIN = -9_223_372_036_854_775_808n;

/** What the JDBC driver, and so Debezium, takes for Postgres' infinite timestamps, in microseconds. */
const INFINITE_MICROS = 9_223_372_036_825_200_000n;
const NEGATIVE_INFINITE_MICROS = -9_223_372_036_832_400_000n;

const NANOS_PER_DAY = 86_400_000_000_000n;
const MILLIS_PER_DAY = 86_400_000;
/** Days whose units are certain to be a safe integer: of microseconds to the year 2255, of milliseconds to 287396. */
const SAFE_DAYS_OF_MICROS = Math.floor(Number.MAX_SAFE_INTEGER / MICROS_PER_DAY) - 1;
const SAFE_DAYS_OF_MILLIS = Math.floor(Number.MAX_SAFE_INTEGER / MILLIS_PER_DAY) - 1;
/** Digits of a second in a column that declares none. */
const DEFAULT_PRECISION = 6;
const MILLISECOND_DIGITS = 3;

/** Declared digits of a second. */
export function temporalPrecision(modifier: number): number {
  return modifier === -1 ? DEFAULT_PRECISION : modifier;
}

export function dateType({ options }: TypeContext): ColumnType {
  switch (options['time.precision.mode']) {
    case 'isostring':
      return isoType(
        'io.debezium.time.IsoDate',
        (bytes, start, end) => {
          const days = parseDate(bytes, start, end);
          return Number.isFinite(days) ? `${formatDate(days)}Z` : infinityText(days);
        },
        '1970-01-01Z',
      );
    case 'connect':
      return daysType('org.apache.kafka.connect.data.Date');
    default:
      return daysType('io.debezium.time.Date');
  }
}

/** Infinite dates are the ends of the int32 range, as in Postgres itself. */
function daysType(name: string): ColumnType {
  const read = (bytes: Buffer, start: number, end: number): number => {
    const days = parseDate(bytes, start, end);
    return days > INT32_MAX ? INT32_MAX : days < INT32_MIN ? INT32_MIN : days;
  };
  return {
    schema: named('int32', name),
    read,
    write: (sink, bytes, start, end) => sink.integer(read(bytes, start, end)),
    fallback: 0,
    defaults: { computed: 0 },
  };
}

export function timeType({ options, modifier }: TypeContext): ColumnType {
  const mode = options['time.precision.mode'];
  switch (mode) {
    case 'isostring':
      return isoType(
        'io.debezium.time.IsoTime',
        (bytes, start, end) => `${formatTime(parseTime(bytes, start, end), null)}Z`,
        '00:00:00Z',
      );
    case 'connect':
      return millisOfDayType('org.apache.kafka.connect.data.Time');
    case 'nanoseconds':
      return timeOfDayType('io.debezium.time.NanoTime', 1000);
    case 'adaptive':
      if (temporalPrecision(modifier) <= MILLISECOND_DIGITS) return millisOfDayType('io.debezium.time.Time');
      return timeOfDayType('io.debezium.time.MicroTime', 1);
    default:
      return timeOfDayType('io.debezium.time.MicroTime', 1);
  }
}

function millisOfDayType(name: string): ColumnType {
  const read = (bytes: Buffer, start: number, end: number): number => Math.floor(parseTime(bytes, start, end) / 1000);
  return {
    schema: named('int32', name),
    read,
    write: (sink, bytes, start, end) => sink.integer(read(bytes, start, end)),
    fallback: 0,
    defaults: { computed: 0 },
  };
}

function timeOfDayType(name: string, unitsPerMicro: number): ColumnType {
  return {
    schema: named('int64', name),
    read: (bytes, start, end) => BigInt(parseTime(bytes, start, end) * unitsPerMicro),
    write: (sink, bytes, start, end) => sink.integer(parseTime(bytes, start, end) * unitsPerMicro),
    fallback: 0n,
    defaults: { computed: 0n },
  };
}

export function timestampType({ options, modifier }: TypeContext): ColumnType {
  const mode = options['time.precision.mode'];
  switch (mode) {
    case 'isostring':
      return { ...isoTimestampType(), defaults: { computed: '1970-01-01T00:00:00Z', parse: parseIsoDefault } };
    case 'connect':
      return timestampUnitType('org.apache.kafka.connect.data.Timestamp', MILLIS);
    case 'nanoseconds':
      return timestampUnitType('io.debezium.time.NanoTimestamp', NANOS);
    case 'microseconds':
      return timestampUnitType('io.debezium.time.MicroTimestamp', MICROS);
    default:
      return temporalPrecision(modifier) <= MILLISECOND_DIGITS
        ? timestampUnitType('io.debezium.time.Timestamp', MILLIS)
        : timestampUnitType('io.debezium.time.MicroTimestamp', MICROS);
  }
}

/** How a finite or infinite timestamp counts in one unit. */
interface TimestampUnit {
  /** Null where a number would not be exact. */
  number(time: DateTime): number | null;
  bigint(time: DateTime): bigint;
  readonly infinity: bigint;
  readonly negativeInfinity: bigint;
}

const MILLIS: TimestampUnit = {
  number: ({ days, micros }) =>
    Math.abs(days) < SAFE_DAYS_OF_MILLIS ? days * MILLIS_PER_DAY + Math.floor(micros / 1000) : null,
  bigint: ({ days, micros }) => BigInt(days) * BigInt(MILLIS_PER_DAY) + BigInt(Math.floor(micros / 1000)),
  infinity: INFINITE_MICROS / 1000n,
  negativeInfinity: NEGATIVE_INFINITE_MICROS / 1000n,
};

const MICROS: TimestampUnit = {
  number: ({ days, micros }) => (Math.abs(days) < SAFE_DAYS_OF_MICROS ? days * MICROS_PER_DAY + micros : null),
  bigint: ({ days, micros }) => BigInt(days) * BigInt(MICROS_PER_DAY) + BigInt(micros),
  infinity: INFINITE_MICROS,
  negativeInfinity: NEGATIVE_INFINITE_MICROS,
};

const NANOS: TimestampUnit = {
  number: () => null,
  bigint: ({ days, micros }) => BigInt(days) * NANOS_PER_DAY + BigInt(micros) * 1000n,
  infinity: INT64_MAX,
  negativeInfinity: INT64_MIN,
};

function timestampUnitType(name: string, unit: TimestampUnit): ColumnType {
  const time: DateTime = { days: 0, micros: 0 };
  const exact = (): bigint => {
    if (time.days === Number.POSITIVE_INFINITY) return unit.infinity;
    if (time.days === Number.NEGATIVE_INFINITY) return unit.negativeInfinity;
    const value = unit.bigint(time);
    if (value > INT64_MAX || value < INT64_MIN) throw outOfRange(name);
    return value;
  };
  const read = (bytes: Buffer, start: number, end: number): bigint => {
    parseTimestamp(bytes, start, end, time);
    return exact();
  };
  return {
    schema: named('int64', name),
    read,
    write: (sink, bytes, start, end) => {
      parseTimestamp(bytes, start, end, time);
      // Infinite days are not below any limit.
      const value = unit.number(time);
      if (value === null) sink.bigint(exact());
      else sink.integer(value);
    },
    fallback: 0n,
    defaults: { computed: 0n, parse: (text) => readTimestampLiteral(text, read) },
  };
}

function isoTimestampType(): ColumnType {
  return isoType('io.debezium.time.IsoTimestamp', readIsoTimestamp, '1970-01-01T00:00:00Z');
}

function readIsoTimestamp(bytes: Buffer, start: number, end: number): string {
  const time: DateTime = { days: 0, micros: 0 };
  parseTimestamp(bytes, start, end, time);
  if (!Number.isFinite(time.days)) return infinityText(time.days);
  return `${formatDate(time.days)}T${formatTime(time.micros, null)}Z`;
}

function parseIsoDefault(text: string): Value {
  return readTimestampLiteral(text, readIsoTimestamp);
}

/** A default's literal may be a date alone. */
export function readTimestampLiteral(text: string, read: (bytes: Buffer, start: number, end: number) => Value): Value {
  const bytes = Buffer.from(/^\d{4,}-\d\d-\d\d$/.test(text) ? `${text} 00:00:00` : text);
  return read(bytes, 0, bytes.length);
}

function isoType(name: string, read: (bytes: Buffer, start: number, end: number) => string, epoch: string): ColumnType {
  return {
    schema: named('string', name),
    read,
    write: (sink, bytes, start, end) => sink.string(read(bytes, start, end)),
    fallback: epoch,
    defaults: { computed: epoch },
  };
}

export function named(type: SchemaType, name: string): Schema {
  return { type, optional: false, name, version: 1 };
}

export function infinityText(days: number): string {
  return days > 0 ? 'infinity' : '-infinity';
}

function outOfRange(name: string): TailraceError {
  return new TailraceError('source.value', `the timestamp is out of the range that ${name} can hold in 64 bits`, {
    remedy: 'Set time.precision.mode to connect (milliseconds) or isostring (text), or leave the column out.',
  });
}
