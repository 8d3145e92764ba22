import { decodeUnscaled } from '../model/decimal.ts';
import type { HeaderConverter } from '../model/plugin.ts';
import type { Schema, Struct, Value } from '../model/schema.ts';
import { formatDouble, formatFloat } from './json/format-float.ts';
import { formatBigDecimal } from './json/json-value.ts';

const LOGICAL = 'org.apache.kafka.connect.data.';
const MILLIS_PER_DAY = 86_400_000;

/**
 * Kafka's SimpleHeaderConverter: a header's value as text. A string is bare at the top and quoted inside of something;
 * line breaks and controls stay as they are.
 */
export function createSimpleHeaderConverter(): HeaderConverter {
  return {
    toBytes: ({ key, schema, value }) => ({
      key,
      value: value === null ? null : Buffer.from(format(schema, value, false)),
    }),
  };
}

function format(schema: Schema, given: Value, isEmbedded: boolean): string {
  const value = given ?? schema.default ?? null;
  if (value === null) return 'null';
  switch (schema.type) {
    case 'int8':
    case 'int16':
      return String(value);
    case 'int32':
      return formatInt32(schema, value as number);
    case 'int64':
      return schema.name === `${LOGICAL}Timestamp` ? formatDate(Number(value as bigint)) : String(value);
    case 'float32':
      return formatFloat(value as number);
    case 'float64':
      return formatDouble(value as number);
    case 'boolean':
      return String(value);
    case 'string':
      return isEmbedded ? quote(value as string) : (value as string);
    case 'bytes':
      return formatBytes(schema, value as Uint8Array, isEmbedded);
    case 'array':
      return `[${(value as readonly Value[]).map((item) => format(schema.items!, item, true)).join(',')}]`;
    case 'map':
      return `{${[...(value as ReadonlyMap<Value, Value>)]
        .map(([key, item]) => `${format(schema.keys!, key, true)}:${format(schema.values!, item, true)}`)
        .join(',')}}`;
    case 'struct':
      return `{${schema
        .fields!.map(
          ({ name, schema: fieldSchema }) =>
            `${quote(name)}:${format(fieldSchema, (value as Struct)[name] ?? null, true)}`,
        )
        .join(',')}}`;
  }
}

function formatInt32(schema: Schema, value: number): string {
  if (schema.name === `${LOGICAL}Date`) return formatDate(value * MILLIS_PER_DAY);
  if (schema.name === `${LOGICAL}Time`) return formatDate(value);
  return String(value);
}

function formatBytes(schema: Schema, value: Uint8Array, isEmbedded: boolean): string {
  if (schema.name === `${LOGICAL}Decimal`) {
    return formatBigDecimal(decodeUnscaled(value), Number(schema.parameters?.scale ?? 0));
  }
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64');
  return isEmbedded ? quote(text) : text;
}

/**
 * Milliseconds since 1970 as Connect prints any java.util.Date: what is before the second day is taken for a time,
 * what is a whole day for a date.
 */
function formatDate(millis: number): string {
  const date = new Date(millis);
  // Beyond JavaScript's range of dates, as the placeholder of an infinite timestamp is.
  if (Number.isNaN(date.getTime())) return String(millis);
  const text = date.toISOString();
  const time = text.slice(text.indexOf('T') + 1);
  if (millis < MILLIS_PER_DAY) return time;
  const day = text.slice(0, text.indexOf('T')).replace(/^\+0*/, '');
  return millis % MILLIS_PER_DAY === 0 ? day : `${day}T${time}`;
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
