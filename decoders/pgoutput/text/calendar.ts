/** Days from 0000-03-01, where years of the arithmetic begin so that leap days come last, to 1970-01-01. */
const EPOCH_SHIFT_DAYS = 719_468;
/** A Gregorian cycle. */
const DAYS_PER_400_YEARS = 146_097;

export interface CalendarDate {
  /** Astronomical: 0 is 1 BC. */
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** Days since 1970-01-01 of a proleptic Gregorian date; `year` 0 is 1 BC. */
export function epochDays(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const dayOfYear = (((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) | 0) + day - 1;
  // Before year 0 divisions must still round down.
  const leapDays =
    y >= 0
      ? (y >> 2) - ((y / 100) | 0) + ((y / 400) | 0)
      : Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return y * 365 + leapDays + dayOfYear - EPOCH_SHIFT_DAYS;
}

/** The inverse of {@link epochDays}. */
export function calendarDate(days: number): CalendarDate {
  const shifted = days + EPOCH_SHIFT_DAYS;
  const cycle = Math.floor(shifted / DAYS_PER_400_YEARS);
  const dayOfCycle = shifted - cycle * DAYS_PER_400_YEARS;
  const yearOfCycle = Math.floor(
    (dayOfCycle - Math.floor(dayOfCycle / 1460) + Math.floor(dayOfCycle / 36_524) - Math.floor(dayOfCycle / 146_096)) /
      365,
  );
  const dayOfYear = dayOfCycle - (365 * yearOfCycle + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}
