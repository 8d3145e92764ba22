import { parseTimeText } from '../../../../decoders/mysql-text/temporal.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import type { ValueSink } from '../../../model/codec.ts';
import { TailraceError } from '../../../model/errors.ts';
import type { Schema, Value } from '../../../model/schema.ts';
import type { ColumnType } from './column-type.ts';
import { IsoText } from './iso-text.ts';
import { named } from './temporal.ts';
import { timeParser } from './temporal-form.ts';
import type { TypeOptions } from './type-options.ts';
import type { ValueForm } from './value-form.ts';

type TimeMode = TypeOptions['time.precision.mode'];

const MICROS_PER_DAY = 86_400_000_000;
const HOUR_AND_MINUTE = /^-?\d{1,3}:\d\d$/;

/** TIME is a span, from -838:59:59 to 838:59:59, that only some of the modes can hold. */
export function timeType({ length }: ColumnSchema, form: ValueForm, mode: TimeMode): ColumnType {
  const { schema, read, write, zero } = spanForm(mode);
  const parse = timeParser(form, length ?? 0);
  return {
    schema,
    read: (bytes, start, end) => read(parse(bytes, start, end)),
    write: (sink, bytes, start, end) => write(sink, parse(bytes, start, end)),
    fallback: zero,
    parseDefault: (text) => read(parseDefaultTime(text.trim())),
  };
}

interface SpanForm {
  readonly schema: Schema;
  readonly read: (micros: number) => Value;
  readonly write: (sink: ValueSink, micros: number) => void;
  readonly zero: Value;
}

function spanForm(mode: TimeMode): SpanForm {
  switch (mode) {
    case 'connect':
      return {
        schema: named('int32', 'org.apache.kafka.connect.data.Time'),
        read: (micros) => Math.floor(checkTimeOfDay(micros, mode) / 1000),
        write: (sink, micros) => sink.integer(Math.floor(checkTimeOfDay(micros, mode) / 1000)),
        zero: 0,
      };
    case 'isostring': {
      const text = new IsoText();
      // 24:00:00 is midnight again.
      const format = (micros: number): number => text.time(checkTimeOfDay(micros, mode) % MICROS_PER_DAY);
      return {
        schema: named('string', 'io.debezium.time.IsoTime'),
        read: (micros) => text.text(format(micros)),
        write: (sink, micros) => sink.utf8(text.bytes, 0, format(micros)),
        zero: '00:00:00Z',
      };
    }
    case 'nanoseconds':
      return unitsForm('io.debezium.time.NanoTime', 1000);
    default:
      return unitsForm('io.debezium.time.MicroTime', 1);
  }
}

function unitsForm(name: string, unitsPerMicro: number): SpanForm {
  return {
    schema: named('int64', name),
    read: (micros) => BigInt(micros * unitsPerMicro),
    write: (sink, micros) => sink.integer(micros * unitsPerMicro),
    zero: 0n,
  };
}

function checkTimeOfDay(micros: number, mode: TimeMode): number {
  if (micros >= 0 && micros <= MICROS_PER_DAY) return micros;
  throw new TailraceError('source.value', `time.precision.mode ${mode} cannot hold a TIME below 0 or beyond 24 hours`, {
    remedy:
      'Set time.precision.mode to adaptive_time_microseconds, microseconds or nanoseconds, or leave the column out (column.exclude.list).',
  });
}

/** `hh:mm[:ss[.f]]`, behind a date or alone; `0` is midnight. */
function parseDefaultTime(text: string): number {
  if (text === '0') return 0;
  const time = text.replace(/^\d{4}-\d\d-\d\d /, '');
  const bytes = Buffer.from(HOUR_AND_MINUTE.test(time) ? `${time}:00` : time);
  return parseTimeText(bytes, 0, bytes.length);
}
