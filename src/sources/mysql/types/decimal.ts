import { parseDecimal } from '../../../../decoders/binlog/value/decimal.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import {
  createDecimal,
  type Decimal,
  formatDecimal,
  parseNumeric,
  rescale,
} from '../../../../decoders/pgoutput/text/numeric.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import { encodeUnscaled, SAFE_UNSCALED_BYTES, writeUnscaled } from '../../../model/decimal.ts';
import type { Value } from '../../../model/schema.ts';
import type { ColumnType, Placeholder } from './column-type.ts';
import { decimalSchema } from './decimal-schema.ts';
import { parseDefaultInteger } from './integer.ts';
import type { TypeOptions } from './type-options.ts';
import type { ValueForm } from './value-form.ts';

/** DECIMAL is DECIMAL(10, 0). */
const DEFAULT_PRECISION = 10;
/** A power of ten up to this is exact as a double, so that dividing by it rounds once. */
const EXACT_POWER_OF_TEN = 22;

/** The unscaled value at the column's scale. */
type ParseUnscaled = (bytes: Buffer, start: number, end: number) => number | bigint;

export function decimalType(
  column: ColumnSchema,
  form: ValueForm,
  mode: TypeOptions['decimal.handling.mode'],
  placeholder: Placeholder,
): ColumnType {
  const precision = column.length ?? DEFAULT_PRECISION;
  const scale = column.scale ?? 0;
  const parse = form.kind === 'text' ? textParser(scale) : binlogParser(form.column.metadata, scale);
  const parseDefault = (convert: (unscaled: number | bigint) => Value) => (text: string) =>
    convert(defaultUnscaled(text, scale));
  switch (mode) {
    case 'precise': {
      const scratch = Buffer.alloc(SAFE_UNSCALED_BYTES);
      return {
        schema: decimalSchema(scale, precision),
        read: (bytes, start, end) => encodeUnscaled(parse(bytes, start, end)),
        write: (sink, bytes, start, end) => {
          const unscaled = parse(bytes, start, end);
          if (typeof unscaled === 'number') {
            sink.binary(scratch, writeUnscaled(unscaled, scratch), SAFE_UNSCALED_BYTES);
          } else {
            const encoded = encodeUnscaled(unscaled);
            sink.binary(encoded, 0, encoded.length);
          }
        },
        fallback: encodeUnscaled(0),
        parseDefault: parseDefault(encodeUnscaled),
      };
    }
    case 'double': {
      const divisor = 10 ** scale;
      const toDouble = (unscaled: number | bigint): number =>
        typeof unscaled === 'number' && scale <= EXACT_POWER_OF_TEN
          ? unscaled / divisor
          : Number(formatDecimal(unscaled, scale));
      return {
        schema: { type: 'float64', optional: false },
        read: (bytes, start, end) => toDouble(parse(bytes, start, end)),
        write: (sink, bytes, start, end) => sink.float64(toDouble(parse(bytes, start, end))),
        fallback: 0,
        parseDefault: parseDefault(toDouble),
      };
    }
    case 'string': {
      const read = (bytes: Buffer, start: number, end: number): string =>
        formatDecimal(parse(bytes, start, end), scale);
      return {
        schema: { type: 'string', optional: false },
        read,
        write: (sink, bytes, start, end) => sink.string(read(bytes, start, end)),
        fallback: formatDecimal(0, scale),
        unavailable: placeholder.text,
        parseDefault: parseDefault((unscaled) => formatDecimal(unscaled, scale)),
      };
    }
  }
}

/** `metadata` is precision * 256 + scale. */
function binlogParser(metadata: number, scale: number): ParseUnscaled {
  const storedPrecision = metadata >> 8;
  const storedScale = metadata & 0xff;
  if (storedScale === scale) return (bytes, start, end) => parseDecimal(bytes, start, end, storedPrecision, scale);
  return (_bytes, start) => {
    throw new DecodeError(
      `decimal: the binlog has ${storedScale} digits of fraction, the column's schema ${scale}`,
      start,
    );
  };
}

function textParser(scale: number): ParseUnscaled {
  const value = createDecimal();
  return (bytes, start, end) => {
    parseNumeric(bytes, start, end, value);
    if (value.special !== null) throw new DecodeError('a decimal number expected', start);
    return atScale(value, scale);
  };
}

function atScale(value: Decimal, scale: number): number | bigint {
  return value.scale === scale ? value.unscaled : rescale(value, scale);
}

const PLAIN = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;

/** The server rounds a default half away from zero, as all decimals. */
function defaultUnscaled(text: string, scale: number): number | bigint {
  const plain = text.trim();
  if (!PLAIN.test(plain)) return rescale({ unscaled: parseDefaultInteger(plain), scale: 0, special: null }, scale);
  const value = createDecimal();
  const bytes = Buffer.from(plain.replace('+', ''));
  parseNumeric(bytes, 0, bytes.length, value);
  return atScale(value, scale);
}
