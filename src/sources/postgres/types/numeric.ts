import { DecodeError } from '../../../../decoders/decode-error.ts';
import { digitsEnd } from '../../../../decoders/pgoutput/text/digits.ts';
import { parseFloatBytes } from '../../../../decoders/pgoutput/text/float.ts';
import type { Schema } from '../../../model/schema.ts';
import type { ColumnType } from './column-type.ts';

const MINUS = 0x2d;

/** smallint, integer. */
export function integerType(type: 'int16' | 'int32'): () => ColumnType {
  const schema: Schema = { type, optional: false };
  return () => ({
    schema,
    read: (bytes, start, end) => {
      checkInteger(bytes, start, end);
      return Number(bytes.toString('latin1', start, end));
    },
    write: writeInteger,
    fallback: 0,
    defaults: { computed: 0 },
  });
}

/** bigint, and oid, whose defaults stay out of the schema. */
export function bigintType(options: { readonly defaults: boolean }): () => ColumnType {
  const schema: Schema = { type: 'int64', optional: false };
  return () => ({
    schema,
    read: (bytes, start, end) => {
      checkInteger(bytes, start, end);
      return BigInt(bytes.toString('latin1', start, end));
    },
    write: writeInteger,
    fallback: 0n,
    ...(options.defaults ? { defaults: { computed: 0n } } : {}),
  });
}

export function floatType(type: 'float32' | 'float64'): () => ColumnType {
  const schema: Schema = { type, optional: false };
  const read = (bytes: Buffer, start: number, end: number): number => {
    const value = parseFloatBytes(bytes, start, end);
    return type === 'float32' ? Math.fround(value) : value;
  };
  return () => ({
    schema,
    read,
    write:
      type === 'float32'
        ? (sink, bytes, start, end) => sink.float32(read(bytes, start, end))
        : (sink, bytes, start, end) => sink.float64(read(bytes, start, end)),
    fallback: 0,
    defaults: { computed: 0 },
  });
}

const writeInteger: NonNullable<ColumnType['write']> = (sink, bytes, start, end) => {
  checkInteger(bytes, start, end);
  sink.integerText(bytes, start, end);
};

function checkInteger(bytes: Buffer, start: number, end: number): void {
  const first = bytes[start] === MINUS ? start + 1 : start;
  if (first >= end || digitsEnd(bytes, first, end) !== end) throw new DecodeError('an integer expected', start);
}
