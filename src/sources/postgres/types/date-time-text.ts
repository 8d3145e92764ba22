import { calendarDate } from '../../../../decoders/pgoutput/text/calendar.ts';
import { MICROS_PER_DAY } from '../../../../decoders/pgoutput/text/date-time.ts';

const MICROS_PER_SECOND = 1_000_000;
const MICROSECOND_DIGITS = 6;

/** ISO 8601 as java.time prints it: four digits of the year, more after a plus sign, a minus sign before years BC. */
export function formatDate(days: number): string {
  const { year, month, day } = calendarDate(days);
  const sign = year < 0 ? '-' : year > 9999 ? '+' : '';
  return `${sign}${pad(Math.abs(year), 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

/** `HH:MM:SS` and a fraction of `digits` digits; null prints as many as the value needs. A time of 24:00 is 00:00. */
export function formatTime(micros: number, digits: number | null): string {
  const seconds = Math.floor((micros % MICROS_PER_DAY) / MICROS_PER_SECOND);
  const time = `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}`;
  return time + formatFraction(micros % MICROS_PER_SECOND, digits);
}

/** A point and the digits of a part of a second, or nothing where there is none to print. */
export function formatFraction(micros: number, digits: number | null): string {
  const text = pad(micros, MICROSECOND_DIGITS);
  if (digits !== null) return digits === 0 ? '' : `.${text.slice(0, digits)}`;
  return micros === 0 ? '' : `.${text.replace(/0+$/, '')}`;
}

function pad(value: number, length: number): string {
  return String(value).padStart(length, '0');
}
