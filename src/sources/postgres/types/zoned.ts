import { type DateTime, parseTimestamp, parseTimeTz } from '../../../../decoders/pgoutput/text/date-time.ts';
import { endsWithText } from '../../../../decoders/pgoutput/text/digits.ts';
import type { ColumnType, TypeContext } from './column-type.ts';
import { formatDate, formatTime } from './date-time-text.ts';
import { infinityText, named, readTimestampLiteral, temporalPrecision } from './temporal.ts';

const UTC = '+00';
const DASH = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const LETTER_T = 0x54;
const LETTER_Z = 0x5a;
/** `YYYY-MM-DD HH:MM:SS`. */
const SECONDS_LENGTH = 19;

/** timestamptz: text in UTC, its fraction padded to the declared digits. */
export function timestampTzType({ modifier }: TypeContext): ColumnType {
  const digits = temporalPrecision(modifier);
  const time: DateTime = { days: 0, micros: 0 };
  const read = (bytes: Buffer, start: number, end: number): string => {
    parseTimestamp(bytes, start, end, time);
    return Number.isFinite(time.days) ? format(time, digits) : infinityText(time.days);
  };
  const scratch = Buffer.alloc(SECONDS_LENGTH + 1 + digits + 1);
  return {
    schema: named('string', 'io.debezium.time.ZonedTimestamp'),
    read,
    write: (sink, bytes, start, end) => {
      // The session is in UTC: a year of four digits needs no arithmetic, only a T, zeros and a Z.
      if (bytes[start + 4] !== DASH || !endsWithText(bytes, start, end, UTC)) {
        sink.string(read(bytes, start, end));
        return;
      }
      parseTimestamp(bytes, start, end, time);
      for (let i = 0; i < SECONDS_LENGTH; i++) scratch[i] = bytes[start + i]!;
      scratch[10] = LETTER_T;
      let to = SECONDS_LENGTH;
      if (digits > 0) {
        scratch[to++] = DOT;
        const last = end - UTC.length;
        for (let at = start + to; to <= SECONDS_LENGTH + digits; at++) scratch[to++] = at < last ? bytes[at]! : ZERO;
      }
      scratch[to++] = LETTER_Z;
      sink.utf8(scratch, 0, to);
    },
    fallback: '1970-01-01T00:00:00Z',
    defaults: {
      computed: format({ days: 0, micros: 0 }, digits),
      parse: (text) => readTimestampLiteral(text, read),
    },
  };
}

function format(time: DateTime, digits: number): string {
  return `${formatDate(time.days)}T${formatTime(time.micros, digits)}Z`;
}

/** timetz: text in UTC, its fraction as long as it must be. */
export function timeTzType(): ColumnType {
  return {
    schema: named('string', 'io.debezium.time.ZonedTime'),
    read: (bytes, start, end) => `${formatTime(parseTimeTz(bytes, start, end), null)}Z`,
    fallback: '00:00:00Z',
  };
}
