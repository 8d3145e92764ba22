import { type Interval, parseInterval } from '../../../../decoders/pgoutput/text/interval.ts';
import { TailraceError } from '../../../model/errors.ts';
import type { ColumnType, TypeContext } from './column-type.ts';
import { formatFraction } from './date-time-text.ts';
import { named } from './temporal.ts';

const INT64_MAX = 9_223_372_036_854_775_807n;
const INT64_MIN = -9_223_372_036_854_775_808n;
const MICROS_PER_SECOND = 1_000_000;
/** A twelfth of 365.25 days. */
const MICROS_PER_MONTH = 2_629_800_000_000n;
const MICROS_PER_DAY = 86_400_000_000n;

export function intervalType({ options }: TypeContext): ColumnType {
  const parse = (bytes: Buffer, start: number, end: number): Interval =>
    parseInterval(bytes.toString('latin1', start, end), start);
  if (options['interval.handling.mode'] === 'string') {
    const zero = formatInterval(parseInterval('00:00:00'));
    return {
      schema: named('string', 'io.debezium.time.Interval'),
      read: (bytes, start, end) => formatInterval(parse(bytes, start, end)),
      fallback: zero,
      defaults: { computed: zero },
    };
  }
  return {
    schema: named('int64', 'io.debezium.time.MicroDuration'),
    read: (bytes, start, end) => durationMicros(parse(bytes, start, end)),
    fallback: 0n,
    defaults: { computed: 0n },
  };
}

/** An average month; infinite intervals are the ends of the int64 range. */
function durationMicros(interval: Interval): bigint {
  if (!Number.isFinite(interval.days)) return interval.days > 0 ? INT64_MAX : INT64_MIN;
  const value =
    BigInt(interval.years * 12 + interval.months) * MICROS_PER_MONTH +
    BigInt(interval.days) * MICROS_PER_DAY +
    BigInt(interval.hours * 60 + interval.minutes) * 60_000_000n +
    BigInt(interval.micros);
  if (value > INT64_MAX || value < INT64_MIN) {
    throw new TailraceError('source.value', 'the interval is longer than 64 bits of microseconds can hold', {
      remedy: 'Set interval.handling.mode to string, or leave the column out.',
    });
  }
  return value;
}

/** ISO 8601 with all parts, each with its own sign. */
function formatInterval(interval: Interval): string {
  const { years, months, days, hours, minutes, micros } = interval;
  if (!Number.isFinite(days)) return days > 0 ? 'infinity' : '-infinity';
  const magnitude = Math.abs(micros);
  const seconds = `${micros < 0 ? '-' : ''}${Math.floor(magnitude / MICROS_PER_SECOND)}${formatFraction(magnitude % MICROS_PER_SECOND, null)}`;
  return `P${years}Y${months}M${days}DT${hours}H${minutes}M${seconds}S`;
}
