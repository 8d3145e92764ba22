import { parseFloat32, parseFloat64 } from '../../../../decoders/binlog/value/float.ts';
import { parseFloatBytes, parseFloatText } from '../../../../decoders/pgoutput/text/float.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import type { ColumnType } from './column-type.ts';
import type { ValueForm } from './value-form.ts';

/** FLOAT(p) with more digits than these of the mantissa is a DOUBLE. */
const SINGLE_BITS = 24;
const SINGLE_BYTES = 4;

/**
 * FLOAT: a single (FLOAT32), as Debezium has it but for FLOAT(p > 24), which the server makes a DOUBLE, and for FLOAT(M,D): a
 * FLOAT64 of the number as the server prints it, with D digits.
 */
export function floatType({ length, scale }: ColumnSchema, form: ValueForm): ColumnType {
  if (scale === null) return length === null || length <= SINGLE_BITS ? singleType(form) : doubleType(form);
  const round = (value: number): number => Number(Math.fround(value).toFixed(scale));
  const read = (bytes: Buffer, start: number, end: number): number =>
    round(form.kind === 'text' ? parseFloatBytes(bytes, start, end) : parseFloat32(bytes, start, end));
  return {
    schema: { type: 'float64', optional: false },
    read,
    write: (sink, bytes, start, end) => sink.float64(read(bytes, start, end)),
    fallback: 0,
    parseDefault: (text) => parseDefaultFloat(text),
  };
}

function singleType(form: ValueForm): ColumnType {
  const read = (bytes: Buffer, start: number, end: number): number =>
    form.kind === 'text' ? Math.fround(parseFloatBytes(bytes, start, end)) : parseFloat32(bytes, start, end);
  return {
    schema: { type: 'float32', optional: false },
    read,
    write: (sink, bytes, start, end) => sink.float32(read(bytes, start, end)),
    fallback: 0,
    parseDefault: (text) => Math.fround(parseDefaultFloat(text)),
  };
}

/** DOUBLE, and REAL however the column was learnt: the server makes it a DOUBLE. */
export function doubleType(form: ValueForm): ColumnType {
  const read = (bytes: Buffer, start: number, end: number): number => {
    if (form.kind === 'text') return parseFloatBytes(bytes, start, end);
    // REAL is a FLOAT where a session says so (sql_mode REAL_AS_FLOAT).
    return end - start === SINGLE_BYTES ? parseFloat32(bytes, start, end) : parseFloat64(bytes, start, end);
  };
  return {
    schema: { type: 'float64', optional: false },
    read,
    write: (sink, bytes, start, end) => sink.float64(read(bytes, start, end)),
    fallback: 0,
    parseDefault: parseDefaultFloat,
  };
}

function parseDefaultFloat(text: string): number {
  const plain = text.trim();
  if (/^(?:true|false)$/i.test(plain)) return plain.toLowerCase() === 'true' ? 1 : 0;
  return parseFloatText(plain.replace(/^\+/, ''));
}
