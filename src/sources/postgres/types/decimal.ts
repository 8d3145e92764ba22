import { parseMoney } from '../../../../decoders/pgoutput/text/money.ts';
import {
  createDecimal,
  type Decimal,
  formatDecimal,
  type NumericSpecial,
  parseNumeric,
  rescale,
} from '../../../../decoders/pgoutput/text/numeric.ts';
import { encodeUnscaled, SAFE_UNSCALED_BYTES, writeUnscaled } from '../../../model/decimal.ts';
import { TailraceError } from '../../../model/errors.ts';
import { createStruct, type Schema, type Struct } from '../../../model/schema.ts';
import type { ColumnType, TypeContext } from './column-type.ts';

const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
/** Added to numeric's type modifier, so that it never looks like "none" (VARHDRSZ). */
const MODIFIER_OFFSET = 4;

/** What Debezium prints for values without digits where decimals are strings. */
const SPECIAL_NAMES: Readonly<Record<NumericSpecial, string>> = {
  NaN: 'NAN',
  Infinity: 'POSITIVE_INFINITY',
  '-Infinity': 'NEGATIVE_INFINITY',
};

/** Connect's Decimal; without a precision only the scale is told (money). */
export function decimalSchema(scale: number, precision: number | null): Schema {
  return {
    type: 'bytes',
    optional: false,
    name: 'org.apache.kafka.connect.data.Decimal',
    version: 1,
    parameters: {
      scale: String(scale),
      ...(precision === null ? {} : { 'connect.decimal.precision': String(precision) }),
    },
  };
}

const VARIABLE_SCALE_DECIMAL: Schema = {
  type: 'struct',
  optional: false,
  name: 'io.debezium.data.VariableScaleDecimal',
  version: 1,
  doc: 'Variable scaled decimal',
  fields: [
    { name: 'scale', schema: { type: 'int32', optional: false } },
    { name: 'value', schema: { type: 'bytes', optional: false } },
  ],
};

/** Precision and scale of numeric's type modifier; null without one. From Postgres 15 on the scale is -1000 to 1000. */
export function numericModifier(modifier: number): { readonly precision: number; readonly scale: number } | null {
  if (modifier === -1) return null;
  const packed = modifier - MODIFIER_OFFSET;
  // The scale is eleven bits with a sign.
  return { precision: (packed >> 16) & 0xffff, scale: ((packed & 0x7ff) ^ 1024) - 1024 };
}

export function numericType(context: TypeContext): ColumnType {
  const { modifier, options } = context;
  const declared = numericModifier(modifier);
  const scale = declared === null ? null : Math.max(declared.scale, 0);
  switch (options['decimal.handling.mode']) {
    case 'double':
      return doubleType();
    case 'string':
      return stringType(context, scale);
    case 'precise':
      if (declared === null || scale === null) return variableScaleType(context);
      // A negative scale has that many more digits before the point. Avro knows no negative scale.
      return fixedScaleType(context, scale, declared.precision + scale - declared.scale);
  }
}

function fixedScaleType({ placeholder }: TypeContext, scale: number, precision: number): ColumnType {
  const value = createDecimal();
  const scratch = Buffer.alloc(SAFE_UNSCALED_BYTES);
  const parse = (bytes: Buffer, start: number, end: number): number | bigint => {
    parseNumeric(bytes, start, end, value);
    if (value.special !== null) throw notADecimal(value.special);
    return value.scale === scale ? value.unscaled : rescale(value, scale);
  };
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
    unavailable: placeholder.bytes,
    defaults: { computed: encodeUnscaled(0) },
  };
}

/** A numeric of no declared scale carries the scale of each value, without trailing zeros. */
function variableScaleType({ placeholder }: TypeContext): ColumnType {
  const value = createDecimal();
  return {
    schema: VARIABLE_SCALE_DECIMAL,
    read: (bytes, start, end) => {
      parseNumeric(bytes, start, withoutTrailingZeros(bytes, start, end), value);
      if (value.special !== null) throw notADecimal(value.special);
      return variableScale(value.scale, encodeUnscaled(value.unscaled));
    },
    fallback: variableScale(0, encodeUnscaled(0)),
    unavailable: variableScale(0, placeholder.bytes),
  };
}

function variableScale(scale: number, value: Uint8Array): Struct {
  const struct = createStruct();
  struct.scale = scale;
  struct.value = value;
  return struct;
}

/** Where the digits that count end, for text with a decimal point. */
function withoutTrailingZeros(bytes: Buffer, start: number, end: number): number {
  const point = bytes.subarray(start, end).indexOf(DOT);
  if (point === -1) return end;
  let last = end;
  while (bytes[last - 1] === ZERO) last--;
  return bytes[last - 1] === DOT ? last - 1 : last;
}

function doubleType(): ColumnType {
  const value = createDecimal();
  const read = (bytes: Buffer, start: number, end: number): number => {
    parseNumeric(bytes, start, end, value);
    return Number(value.special ?? bytes.toString('latin1', start, end));
  };
  return {
    schema: { type: 'float64', optional: false },
    read,
    write: (sink, bytes, start, end) => sink.float64(read(bytes, start, end)),
    fallback: 0,
    unavailable: Number.NaN,
    defaults: { computed: 0 },
  };
}

/** Digits as the server prints them; a default is brought to the scale, null being a scale of each value. */
function stringType({ placeholder }: TypeContext, scale: number | null): ColumnType {
  const value = createDecimal();
  const read = (bytes: Buffer, start: number, end: number): string => {
    parseNumeric(bytes, start, end, value);
    return value.special === null ? bytes.toString('latin1', start, end) : SPECIAL_NAMES[value.special];
  };
  return {
    schema: { type: 'string', optional: false },
    read,
    write: (sink, bytes, start, end) => {
      const last = bytes[end - 1]!;
      if (last >= ZERO && last <= NINE) sink.utf8(bytes, start, end);
      else sink.string(read(bytes, start, end));
    },
    fallback: formatDecimal(0, scale ?? 0),
    unavailable: placeholder.text,
    defaults: {
      computed: formatDecimal(0, scale ?? 1),
      parse: (text) => {
        const bytes = Buffer.from(text);
        const plain = read(bytes, 0, bytes.length);
        return scale === null || value.special !== null ? plain : formatDecimal(rescale(value, scale), scale);
      },
    },
  };
}

/** money: its scale comes from the configuration, its text from lc_monetary. */
export function moneyType({ options }: TypeContext): ColumnType {
  const scale = options['money.fraction.digits'];
  const parse = (bytes: Buffer, start: number, end: number): Decimal =>
    parseMoney(bytes.toString('utf8', start, end), scale, start);
  switch (options['decimal.handling.mode']) {
    case 'double':
      return {
        schema: { type: 'float64', optional: false },
        read: (bytes, start, end) => {
          const value = parse(bytes, start, end);
          return Number(formatDecimal(value.unscaled, value.scale));
        },
        fallback: 0,
      };
    case 'string':
      return {
        schema: { type: 'string', optional: false },
        read: (bytes, start, end) => {
          const value = parse(bytes, start, end);
          return formatDecimal(value.unscaled, value.scale);
        },
        fallback: formatDecimal(0, scale),
      };
    case 'precise':
      return {
        schema: decimalSchema(scale, null),
        read: (bytes, start, end) => encodeUnscaled(rescale(parse(bytes, start, end), scale)),
        fallback: encodeUnscaled(0),
      };
  }
}

function notADecimal(special: NumericSpecial): TailraceError {
  return new TailraceError('source.value', `numeric ${special} has no form as a Connect Decimal`, {
    remedy: 'Set decimal.handling.mode to double or string, which can hold it, or leave the column out.',
  });
}
