import { decodeUnscaled } from '../../model/decimal.ts';
import type { Schema, Struct, Value } from '../../model/schema.ts';
import type { JsonSink } from './json-sink.ts';

/** JsonConverter's settings that change how a value prints. */
export interface JsonFormat {
  /** `decimal.format`: Connect Decimals as Base64 of their bytes, or as JSON numbers. */
  readonly decimalFormat: 'BASE64' | 'NUMERIC';
  /** `replace.null.with.default`. */
  readonly replaceNullWithDefault: boolean;
}

/** JsonConverter's defaults. */
export const CONNECT_JSON: JsonFormat = { decimalFormat: 'BASE64', replaceNullWithDefault: true };

const DECIMAL = 'org.apache.kafka.connect.data.Decimal';
const OPEN_BRACE = Buffer.from('{');
const CLOSE_BRACE = Buffer.from('}');
const OPEN_BRACKET = Buffer.from('[');
const CLOSE_BRACKET = Buffer.from(']');
const COMMA = Buffer.from(',');
const COLON = Buffer.from(':');

/** Prints a value under its schema as org.apache.kafka.connect.json.JsonConverter does. */
export function writeJsonValue(sink: JsonSink, schema: Schema, value: Value, format: JsonFormat): void {
  if (value === null) {
    writeNull(sink, schema, format);
    return;
  }
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
      sink.integer(value as number);
      return;
    case 'int64':
      sink.bigint(value as bigint);
      return;
    case 'float32':
      sink.float32(value as number);
      return;
    case 'float64':
      sink.float64(value as number);
      return;
    case 'boolean':
      sink.boolean(value as boolean);
      return;
    case 'string':
      sink.string(value as string);
      return;
    case 'bytes':
      writeBytes(sink, schema, value as Uint8Array, format);
      return;
    case 'array':
      writeArray(sink, schema.items!, value as readonly Value[], format);
      return;
    case 'map':
      writeMap(sink, schema, value as ReadonlyMap<Value, Value>, format);
      return;
    case 'struct':
      writeStruct(sink, schema, value as Struct, format);
      return;
  }
}

function writeNull(sink: JsonSink, schema: Schema, format: JsonFormat): void {
  const { default: replacement } = schema;
  if (format.replaceNullWithDefault && replacement !== undefined && replacement !== null) {
    writeJsonValue(sink, schema, replacement, format);
  } else {
    sink.null();
  }
}

function writeBytes(sink: JsonSink, schema: Schema, value: Uint8Array, format: JsonFormat): void {
  if (format.decimalFormat === 'NUMERIC' && schema.name === DECIMAL) {
    sink.ascii(formatBigDecimal(decodeUnscaled(value), Number(schema.parameters?.scale ?? 0)));
  } else {
    sink.binary(value, 0, value.length);
  }
}

function writeArray(sink: JsonSink, items: Schema, value: readonly Value[], format: JsonFormat): void {
  sink.raw(OPEN_BRACKET);
  for (let i = 0; i < value.length; i++) {
    if (i > 0) sink.raw(COMMA);
    writeJsonValue(sink, items, value[i]!, format);
  }
  sink.raw(CLOSE_BRACKET);
}

/** An object where keys are strings, else an array of pairs. */
function writeMap(sink: JsonSink, schema: Schema, value: ReadonlyMap<Value, Value>, format: JsonFormat): void {
  const keys = schema.keys!;
  const isObject = keys.type === 'string';
  sink.raw(isObject ? OPEN_BRACE : OPEN_BRACKET);
  let isFirst = true;
  for (const [key, item] of value) {
    if (!isFirst) sink.raw(COMMA);
    isFirst = false;
    if (!isObject) sink.raw(OPEN_BRACKET);
    writeJsonValue(sink, keys, key, format);
    sink.raw(isObject ? COLON : COMMA);
    writeJsonValue(sink, schema.values!, item, format);
    if (!isObject) sink.raw(CLOSE_BRACKET);
  }
  sink.raw(isObject ? CLOSE_BRACE : CLOSE_BRACKET);
}

function writeStruct(sink: JsonSink, schema: Schema, value: Struct, format: JsonFormat): void {
  sink.raw(OPEN_BRACE);
  const fields = schema.fields!;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    if (i > 0) sink.raw(COMMA);
    sink.string(field.name);
    sink.raw(COLON);
    writeJsonValue(sink, field.schema, value[field.name] ?? null, format);
  }
  sink.raw(CLOSE_BRACE);
}

/** java.math.BigDecimal.toString: an exponent for a negative scale and below 10^-6. */
export function formatBigDecimal(unscaled: bigint, scale: number): string {
  const isNegative = unscaled < 0n;
  const digits = (isNegative ? -unscaled : unscaled).toString();
  const sign = isNegative ? '-' : '';
  const exponent = digits.length - 1 - scale;
  if (scale === 0) return sign + digits;
  if (scale < 0 || exponent < -6) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${sign}${digits[0]}${fraction}E${exponent > 0 ? '+' : ''}${exponent}`;
  }
  const padded = digits.padStart(scale + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}
