import { expectLength } from '../../../../decoders/binlog/value/fixed-length.ts';
import {
  parseSigned,
  parseSigned64,
  parseUnsigned,
  parseUnsigned64,
} from '../../../../decoders/binlog/value/integer.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import { digitsEnd } from '../../../../decoders/pgoutput/text/digits.ts';
import { encodeUnscaled, SAFE_UNSCALED_BYTES, writeUnscaled } from '../../../model/decimal.ts';
import type { Schema } from '../../../model/schema.ts';
import type { ColumnType } from './column-type.ts';
import { decimalSchema } from './decimal-schema.ts';
import type { TypeOptions } from './type-options.ts';
import type { ValueForm } from './value-form.ts';

const MINUS = 0x2d;
const ZERO = 0x30;
const TWO_32 = 4_294_967_296;
/** Upper halves of 64 bits between which a number is exact. */
const SAFE_HIGH = 2_097_151;
/** So many digits always are a safe integer. */
const SAFE_DIGITS = 15;
const BIGINT_UNSIGNED_DIGITS = 20;
const BIGINT_BYTES = 8;

type IntegerName = 'tinyint' | 'smallint' | 'mediumint' | 'int';

interface Width {
  readonly bytes: number;
  readonly signed: 'int16' | 'int32';
  readonly unsigned: 'int16' | 'int32' | 'int64';
}

/** Connect's types are signed, so that unsigned ones need the next wider; TINYINT has two bytes as Debezium 3.6 has it. */
const WIDTHS: Readonly<Record<IntegerName, Width>> = {
  tinyint: { bytes: 1, signed: 'int16', unsigned: 'int16' },
  smallint: { bytes: 2, signed: 'int16', unsigned: 'int32' },
  mediumint: { bytes: 3, signed: 'int32', unsigned: 'int32' },
  int: { bytes: 4, signed: 'int32', unsigned: 'int64' },
};

/** TINYINT to INT. */
export function integerType(name: IntegerName, unsigned: boolean, form: ValueForm): ColumnType {
  const width = WIDTHS[name];
  const type = unsigned ? width.unsigned : width.signed;
  const schema: Schema = { type, optional: false };
  const shared = {
    schema,
    fallback: type === 'int64' ? 0n : 0,
    parseDefault: (text: string) => (type === 'int64' ? parseDefaultInteger(text) : Number(parseDefaultInteger(text))),
  };
  if (form.kind === 'text') {
    return {
      ...shared,
      read: (bytes, start, end) => {
        const value = Number(integerText(bytes, start, end));
        return type === 'int64' ? BigInt(value) : value;
      },
      write: writeIntegerText,
    };
  }
  const parseBits = unsigned ? parseUnsigned : parseSigned;
  const parse = (bytes: Buffer, start: number, end: number): number => {
    expectLength(name, start, end, width.bytes);
    return parseBits(bytes, start, end);
  };
  return {
    ...shared,
    read: type === 'int64' ? (bytes, start, end) => BigInt(parse(bytes, start, end)) : parse,
    write: (sink, bytes, start, end) => sink.integer(parse(bytes, start, end)),
  };
}

/** BIGINT; unsigned beyond 2^63 - 1 wraps (`long`) or is a Decimal (`precise`). */
export function bigintType(
  unsigned: boolean,
  form: ValueForm,
  mode: TypeOptions['bigint.unsigned.handling.mode'],
): ColumnType {
  if (unsigned && mode === 'precise') return preciseBigintType(form);
  const parseText = (bytes: Buffer, start: number, end: number): bigint => {
    const value = BigInt(integerText(bytes, start, end));
    return unsigned ? BigInt.asIntN(64, value) : value;
  };
  const shared = {
    schema: { type: 'int64', optional: false } as const,
    fallback: 0n,
    parseDefault: (text: string) => BigInt.asIntN(64, parseDefaultInteger(text)),
  };
  if (form.kind === 'text') {
    return {
      ...shared,
      read: parseText,
      write: (sink, bytes, start, end) => {
        // 2^63 has 19 digits.
        if (unsigned && end - start >= BIGINT_UNSIGNED_DIGITS - 1) sink.bigint(parseText(bytes, start, end));
        else writeIntegerText(sink, bytes, start, end);
      },
    };
  }
  return {
    ...shared,
    read: parseSigned64,
    write: (sink, bytes, start, end) => {
      expectLength('bigint', start, end, BIGINT_BYTES);
      const high = parseSigned(bytes, start + 4, end);
      const isSafe = high < SAFE_HIGH && high > -SAFE_HIGH;
      if (isSafe) sink.integer(high * TWO_32 + parseUnsigned(bytes, start, start + 4));
      else sink.bigint(parseSigned64(bytes, start, end));
    },
  };
}

function preciseBigintType(form: ValueForm): ColumnType {
  const scratch = Buffer.alloc(SAFE_UNSCALED_BYTES);
  const parse = (bytes: Buffer, start: number, end: number): number | bigint => {
    if (form.kind === 'text') {
      const text = integerText(bytes, start, end);
      return text.length <= SAFE_DIGITS ? Number(text) : BigInt(text);
    }
    expectLength('bigint', start, end, BIGINT_BYTES);
    const high = parseUnsigned(bytes, start + 4, end);
    return high <= SAFE_HIGH
      ? high * TWO_32 + parseUnsigned(bytes, start, start + 4)
      : parseUnsigned64(bytes, start, end);
  };
  return {
    schema: decimalSchema(0, BIGINT_UNSIGNED_DIGITS),
    read: (bytes, start, end) => encodeUnscaled(parse(bytes, start, end)),
    write: (sink, bytes, start, end) => {
      const value = parse(bytes, start, end);
      if (typeof value === 'number') {
        sink.binary(scratch, writeUnscaled(value, scratch), SAFE_UNSCALED_BYTES);
      } else {
        const encoded = encodeUnscaled(value);
        sink.binary(encoded, 0, encoded.length);
      }
    },
    fallback: encodeUnscaled(0),
    parseDefault: (text) => encodeUnscaled(parseDefaultInteger(text)),
  };
}

/** Where the digits begin that count: ZEROFILL pads with zeros. */
function significantStart(bytes: Buffer, start: number, end: number): number {
  const first = bytes[start] === MINUS ? start + 1 : start;
  if (first >= end || digitsEnd(bytes, first, end) !== end) throw new DecodeError('an integer expected', start);
  if (first !== start) return start;
  let at = first;
  while (at < end - 1 && bytes[at] === ZERO) at++;
  return at;
}

function integerText(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', significantStart(bytes, start, end), end);
}

const writeIntegerText: NonNullable<ColumnType['write']> = (sink, bytes, start, end) => {
  sink.integerText(bytes, significantStart(bytes, start, end), end);
};

/** A number as the server rounds it to an integer, `true` or `false`. */
export function parseDefaultInteger(text: string): bigint {
  const plain = text.trim();
  if (/^[+-]?\d+$/.test(plain)) return BigInt(plain.replace('+', ''));
  if (/^(?:true|false)$/i.test(plain)) return plain.toLowerCase() === 'true' ? 1n : 0n;
  const value = plain === '' ? Number.NaN : Number(plain);
  if (!Number.isFinite(value)) throw new DecodeError('an integer expected', 0);
  return BigInt(Math.sign(value) * Math.round(Math.abs(value)));
}
