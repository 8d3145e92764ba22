import { type DateTime, parseTimestamp, parseTimeTz } from '../../../../decoders/pgoutput/text/date-time.ts';
import { endsWithText } from '../../../../decoders/pgoutput/text/digits.ts';
import type { ColumnType, TypeContext } from './column-type.ts';
import { formatDate, formatTime } from './date-time-text.ts';
import { infinityText, named, readTimestampLiteral, temporalPrecision } from './temporal.ts';

const UTC = '+00';
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
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
      const length = copyPlain(bytes, start, end, scratch, digits);
      if (length === 0) sink.string(read(bytes, start, end));
      else sink.utf8(scratch, 0, length);
    },
    fallback: '1970-01-01T00:00:00Z',
    defaults: {
      computed: format({ days: 0, micros: 0 }, digits),
      parse: (text) => readTimestampLiteral(text, read),
    },
  };
}

/** 1 where `YYYY-MM-DD HH:MM:SS` has a digit, else the character that stands there. */
const SHAPE = Uint8Array.from('1111-11-11 11:11:11', (char) => (char === '1' ? 1 : char.charCodeAt(0)));

/**
 * Writes `YYYY-MM-DD HH:MM:SS[.f]+00` to `out` as `YYYY-MM-DDTHH:MM:SS.ffffffZ` with so many digits and returns how long
 * that is; 0 for a text of another shape.
 */
function copyPlain(bytes: Buffer, start: number, end: number, out: Buffer, digits: number): number {
  const last = end - UTC.length;
  if (last - start < SECONDS_LENGTH || !endsWithText(bytes, start, end, UTC)) return 0;
  for (let i = 0; i < SECONDS_LENGTH; i++) {
    const byte = bytes[start + i]!;
    const expected = SHAPE[i]!;
    if (expected === 1 ? byte < ZERO || byte > NINE : byte !== expected) return 0;
    out[i] = byte;
  }
  out[10] = LETTER_T;
  let from = start + SECONDS_LENGTH;
  if (from < last && (bytes[from++] !== DOT || from === last || last - from > digits)) return 0;
  let to = SECONDS_LENGTH;
  if (digits > 0) {
    out[to++] = DOT;
    for (; from < last; from++) {
      const byte = bytes[from]!;
      if (byte < ZERO || byte > NINE) return 0;
      out[to++] = byte;
    }
    while (to <= SECONDS_LENGTH + digits) out[to++] = ZERO;
  }
  out[to++] = LETTER_Z;
  return to;
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
