import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import type { ValueSink } from '../../../model/codec.ts';
import { TailraceError } from '../../../model/errors.ts';
import type { Schema, SchemaType, Value } from '../../../model/schema.ts';
import type { ColumnType } from './column-type.ts';
import { IsoText } from './iso-text.ts';
import { dateDefault, dateTimeDefault, timestampDefault } from './temporal-default.ts';
import { dateParser, dateTimeParser, type Moment, type ParseMoment, timestampParser } from './temporal-form.ts';
import type { TypeOptions } from './type-options.ts';
import type { ValueForm } from './value-form.ts';

type TimeMode = TypeOptions['time.precision.mode'];

const MILLIS_PER_DAY = 86_400_000;
const MICROS_PER_DAY = 86_400_000_000;
const NANOS_PER_DAY = 86_400_000_000_000n;
const INT64_MAX = 9_223_372_036_854_775_807n;
const INT64_MIN = -9_223_372_036_854_775_808n;
/** Days whose microseconds are certain to be a safe integer: to the year 2255. */
const SAFE_DAYS_OF_MICROS = Math.floor(Number.MAX_SAFE_INTEGER / MICROS_PER_DAY) - 1;
/** A DATETIME of at most so many digits is told in milliseconds. */
const MILLISECOND_DIGITS = 3;

/** How a kind of moment appears. */
interface MomentForm {
  readonly schema: Schema;
  readonly read: (moment: Moment) => Value;
  readonly write: (sink: ValueSink, moment: Moment) => void;
  /** 1970-01-01. */
  readonly epoch: Value;
}

/** A default's text; null without one, `zero` for one that counts as NULL. */
export type ParseDefaultMoment = (text: string, optional: boolean, into: Moment) => 'moment' | 'zero' | null;

export function dateType(form: ValueForm, mode: TimeMode): ColumnType {
  return momentType(dateForm(mode), dateParser(form), dateDefault);
}

export function dateTimeType({ length }: ColumnSchema, form: ValueForm, mode: TimeMode): ColumnType {
  const digits = length ?? 0;
  return momentType(dateTimeForm(mode, digits), dateTimeParser(form, digits), dateTimeDefault);
}

/** TIMESTAMP: text in UTC, its fraction padded to the declared digits, in every mode. */
export function timestampType({ length }: ColumnSchema, form: ValueForm): ColumnType {
  const digits = length ?? 0;
  const text = new IsoText();
  const zoned: MomentForm = {
    schema: named('string', 'io.debezium.time.ZonedTimestamp'),
    read: (moment) => text.text(text.dateTime(moment, digits)),
    write: (sink, moment) => sink.utf8(text.bytes, 0, text.dateTime(moment, digits)),
    epoch: '1970-01-01T00:00:00Z',
  };
  return momentType(zoned, timestampParser(form, digits), timestampDefault);
}

function momentType(
  { schema, read, write, epoch }: MomentForm,
  parse: ParseMoment,
  parseDefault: ParseDefaultMoment,
): ColumnType {
  const moment: Moment = { days: 0, micros: 0 };
  return {
    schema,
    read: (bytes, start, end) => (parse(bytes, start, end, moment) ? read(moment) : null),
    writeUnlessZero: (sink, bytes, start, end) => {
      if (!parse(bytes, start, end, moment)) return false;
      write(sink, moment);
      return true;
    },
    fallback: epoch,
    parseDefault: (text, optional) => {
      const found = parseDefault(text, optional, moment);
      if (found === 'moment') return read(moment);
      return found === 'zero' && !optional ? epoch : null;
    },
  };
}

function dateForm(mode: TimeMode): MomentForm {
  if (mode === 'isostring') {
    const text = new IsoText();
    return {
      schema: named('string', 'io.debezium.time.IsoDate'),
      read: ({ days }) => text.text(text.date(days)),
      write: (sink, { days }) => sink.utf8(text.bytes, 0, text.date(days)),
      epoch: '1970-01-01Z',
    };
  }
  return {
    schema: named('int32', mode === 'connect' ? 'org.apache.kafka.connect.data.Date' : 'io.debezium.time.Date'),
    read: ({ days }) => days,
    write: (sink, { days }) => sink.integer(days),
    epoch: 0,
  };
}

function dateTimeForm(mode: TimeMode, digits: number): MomentForm {
  switch (mode) {
    case 'isostring': {
      const text = new IsoText();
      return {
        schema: named('string', 'io.debezium.time.IsoTimestamp'),
        read: (moment) => text.text(text.dateTime(moment, null)),
        write: (sink, moment) => sink.utf8(text.bytes, 0, text.dateTime(moment, null)),
        epoch: '1970-01-01T00:00:00Z',
      };
    }
    case 'connect':
      return millisForm('org.apache.kafka.connect.data.Timestamp');
    case 'nanoseconds':
      return {
        schema: named('int64', 'io.debezium.time.NanoTimestamp'),
        read: nanos,
        write: (sink, moment) => sink.bigint(nanos(moment)),
        epoch: 0n,
      };
    case 'microseconds':
      return microsForm();
    case 'adaptive_time_microseconds':
      return digits <= MILLISECOND_DIGITS ? millisForm('io.debezium.time.Timestamp') : microsForm();
  }
}

function millisForm(name: string): MomentForm {
  const millis = ({ days, micros }: Moment): number => days * MILLIS_PER_DAY + Math.floor(micros / 1000);
  return {
    schema: named('int64', name),
    read: (moment) => BigInt(millis(moment)),
    write: (sink, moment) => sink.integer(millis(moment)),
    epoch: 0n,
  };
}

function microsForm(): MomentForm {
  const exact = ({ days, micros }: Moment): bigint => BigInt(days) * BigInt(MICROS_PER_DAY) + BigInt(micros);
  return {
    schema: named('int64', 'io.debezium.time.MicroTimestamp'),
    read: exact,
    write: (sink, moment) => {
      const { days, micros } = moment;
      if (days < SAFE_DAYS_OF_MICROS && days > -SAFE_DAYS_OF_MICROS) sink.integer(days * MICROS_PER_DAY + micros);
      else sink.bigint(exact(moment));
    },
    epoch: 0n,
  };
}

function nanos({ days, micros }: Moment): bigint {
  const value = BigInt(days) * NANOS_PER_DAY + BigInt(micros) * 1000n;
  if (value > INT64_MAX || value < INT64_MIN) {
    throw new TailraceError('source.value', 'the DATETIME is out of the range that NanoTimestamp can hold in 64 bits', {
      remedy: 'Set time.precision.mode to one without nanoseconds, or leave the column out (column.exclude.list).',
    });
  }
  return value;
}

export function named(type: SchemaType, name: string): Schema {
  return { type, optional: false, name, version: 1 };
}
