import { calendarDate } from '../../../../decoders/pgoutput/text/calendar.ts';
import type { Moment } from './temporal-form.ts';

const ZERO = 0x30;
const DASH = 0x2d;
const COLON = 0x3a;
const DOT = 0x2e;
const LETTER_T = 0x54;
const LETTER_Z = 0x5a;
const DATE_LENGTH = 10;
/** `YYYY-MM-DDThh:mm:ss.ffffffZ`. */
const MAX_LENGTH = 27;
const MICROSECOND_DIGITS = 6;
const MICROS_PER_SECOND = 1_000_000;

/**
 * ISO 8601 texts in UTC as java.time prints them, in `bytes` from 0 on; each method returns how long its text is.
 * Years are 0 to 9999, as the servers have them.
 */
export class IsoText {
  readonly bytes: Buffer = Buffer.alloc(MAX_LENGTH);
  #days = Number.NaN;

  /** `YYYY-MM-DDZ` */
  date(days: number): number {
    this.#date(days);
    this.bytes[DATE_LENGTH] = LETTER_Z;
    return DATE_LENGTH + 1;
  }

  /** `YYYY-MM-DDThh:mm:ss[.f]Z` with so many digits; null: as many as the value needs. */
  dateTime(moment: Moment, digits: number | null): number {
    this.#date(moment.days);
    this.bytes[DATE_LENGTH] = LETTER_T;
    return this.#time(moment.micros, digits, DATE_LENGTH + 1);
  }

  /** `hh:mm:ss[.f]Z` of microseconds of a day. */
  time(micros: number): number {
    this.#days = Number.NaN;
    return this.#time(micros, null, 0);
  }

  text(length: number): string {
    return this.bytes.toString('latin1', 0, length);
  }

  /** Neighbours often share their date. */
  #date(days: number): void {
    if (days === this.#days) return;
    const { year, month, day } = calendarDate(days);
    this.#digits(year, 4, 0);
    this.bytes[4] = DASH;
    this.#digits(month, 2, 5);
    this.bytes[7] = DASH;
    this.#digits(day, 2, 8);
    this.#days = days;
  }

  #time(micros: number, digits: number | null, at: number): number {
    const seconds = Math.floor(micros / MICROS_PER_SECOND);
    this.#digits(Math.floor(seconds / 3600), 2, at);
    this.bytes[at + 2] = COLON;
    this.#digits(Math.floor(seconds / 60) % 60, 2, at + 3);
    this.bytes[at + 5] = COLON;
    this.#digits(seconds % 60, 2, at + 6);
    let end = at + 8;
    const fraction = micros % MICROS_PER_SECOND;
    if (digits === null ? fraction > 0 : digits > 0) {
      this.bytes[end] = DOT;
      this.#digits(fraction, MICROSECOND_DIGITS, end + 1);
      end += 1 + (digits ?? MICROSECOND_DIGITS);
      if (digits === null) while (this.bytes[end - 1] === ZERO) end--;
    }
    this.bytes[end] = LETTER_Z;
    return end + 1;
  }

  #digits(value: number, count: number, at: number): void {
    let rest = value;
    for (let to = at + count - 1; to >= at; to--) {
      const tens = Math.floor(rest / 10);
      this.bytes[to] = ZERO + rest - tens * 10;
      rest = tens;
    }
  }
}
