import { parseYear } from '../../../../decoders/binlog/value/temporal.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import { digitsEnd, digitsValue } from '../../../../decoders/pgoutput/text/digits.ts';
import type { ColumnType } from './column-type.ts';
import { named } from './temporal.ts';
import type { ValueForm } from './value-form.ts';

const YEAR_DIGITS = 4;

/** YEAR, of which 0000 is one. */
export function yearType(form: ValueForm): ColumnType {
  const parse = form.kind === 'text' ? parseYearText : parseYear;
  return {
    schema: named('int32', 'io.debezium.time.Year'),
    read: (bytes, start, end) => parse(bytes, start, end),
    write: (sink, bytes, start, end) => sink.integer(parse(bytes, start, end)),
    fallback: 0,
    parseDefault: parseDefaultYear,
  };
}

function parseYearText(bytes: Buffer, start: number, end: number): number {
  if (start === end || end - start > YEAR_DIGITS || digitsEnd(bytes, start, end) !== end) {
    throw new DecodeError('a year expected', start);
  }
  return digitsValue(bytes, start, end);
}

/** Of one or two digits it is a year from 1970 to 2069, as the server reads it. */
function parseDefaultYear(text: string): number {
  const plain = text.trim();
  const bytes = Buffer.from(plain);
  const year = parseYearText(bytes, 0, bytes.length);
  if (plain.length > 2) return year;
  return year < 70 ? 2000 + year : 1900 + year;
}
