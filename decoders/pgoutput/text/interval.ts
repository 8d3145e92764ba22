import { DecodeError } from '../../decode-error.ts';

/**
 * An interval's parts, each with its own sign. Years and months, and hours, minutes and microseconds (which hold the
 * seconds), have one sign each. Infinite intervals (Postgres 17 on) have plus or minus Infinity in every part.
 */
export interface Interval {
  readonly years: number;
  readonly months: number;
  readonly days: number;
  readonly hours: number;
  readonly minutes: number;
  readonly micros: number;
}

const POSTGRES_STYLE =
  /^(?:([+-]?\d+) years?)?(?:(?:^| )([+-]?\d+) mons?)?(?:(?:^| )([+-]?\d+) days?)?(?:(?:^| )([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?$/;

/**
 * `[-]Y years [-]M mons [-]D days [-]HH:MM:SS[.ffffff]` (IntervalStyle postgres), each part only where it is not zero.
 * `offset` is where the text began, for the error.
 */
export function parseInterval(text: string, offset = 0): Interval {
  if (text === 'infinity') return allParts(Number.POSITIVE_INFINITY);
  if (text === '-infinity') return allParts(Number.NEGATIVE_INFINITY);
  const match = text === '' ? null : POSTGRES_STYLE.exec(text);
  if (match === null) throw new DecodeError('an interval of IntervalStyle postgres expected', offset);
  const [, years, months, days, sign, hours, minutes, seconds, fraction = ''] = match;
  const factor = sign === '-' ? -1 : 1;
  return {
    years: integer(years, 1),
    months: integer(months, 1),
    days: integer(days, 1),
    hours: integer(hours, factor),
    minutes: integer(minutes, factor),
    micros: integer(seconds, factor) * 1_000_000 + integer(fraction.padEnd(6, '0'), factor),
  };
}

/** Zero never comes out negative. */
function integer(text: string | undefined, factor: number): number {
  return text === undefined ? 0 : Number(text) * factor + 0;
}

function allParts(value: number): Interval {
  return { years: value, months: value, days: value, hours: value, minutes: value, micros: value };
}
