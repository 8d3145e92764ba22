import { parseFloat32, parseFloat64 } from '../../../../decoders/binlog/value/float.ts';
import { parseFloatBytes, parseFloatText } from '../../../../decoders/pgoutput/text/float.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import type { ColumnType } from './column-type.ts';
import type { ValueForm } from './value-form.ts';

/** FLOAT(p) with more digits than these of the mantissa is a DOUBLE. */
const SINGLE_BITS = 24;
const SINGLE_BYTES = 4;

/**
 * FLOAT: a FLOAT32, but as Debezium has it a FLOAT64 of the same value for FLOAT(M,D), and for FLOAT(p > 24), which the server
 * makes a DOUBLE.
 */
export function floatType({ length, scale }: ColumnSchema, form: ValueForm): ColumnType {
  if (scale === null) return length === null || length <= SINGLE_BITS ? singleType(form) : doubleType(form);
  return float64((bytes, start, end) => readSingle(form, bytes, start, end));
}

function singleType(form: ValueForm): ColumnType {
  const read = (bytes: Buffer, start: number, end: number): number => readSingle(form, bytes, start, end);
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
  return float64((bytes, start, end) => {
    if (form.kind === 'text') return parseFloatBytes(bytes, start, end);
    // REAL is a FLOAT where a session says so (sql_mode REAL_AS_FLOAT).
    return end - start === SINGLE_BYTES ? parseFloat32(bytes, start, end) : parseFloat64(bytes, start, end);
  });
}

function float64(read: (bytes: Buffer, start: number, end: number) => number): ColumnType {
  return {
    schema: { type: 'float64', optional: false },
    read,
    write: (sink, bytes, start, end) => sink.float64(read(bytes, start, end)),
    fallback: 0,
    parseDefault: parseDefaultFloat,
  };
}

function readSingle(form: ValueForm, bytes: Buffer, start: number, end: number): number {
  return form.kind === 'text' ? Math.fround(parseFloatBytes(bytes, start, end)) : parseFloat32(bytes, start, end);
}

function parseDefaultFloat(text: string): number {
  const plain = text.trim();
  if (/^(?:true|false)$/i.test(plain)) return plain.toLowerCase() === 'true' ? 1 : 0;
  return parseFloatText(plain.replace(/^\+/, ''));
}
