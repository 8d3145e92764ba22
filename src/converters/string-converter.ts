import { decodeUnscaled } from '../model/decimal.ts';
import type { Converter } from '../model/plugin.ts';
import type { Schema, Struct, Value } from '../model/schema.ts';
import { formatDouble, formatFloat } from './json/format-float.ts';
import { formatBigDecimal } from './json/json-value.ts';

const LOGICAL = 'org.apache.kafka.connect.data.';
const MILLIS_PER_DAY = 86_400_000;
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Kafka's org.apache.kafka.connect.storage.StringConverter: what Java's toString gives, in UTF-8. */
export function createStringConverter(): Converter {
  return {
    toBytes: (_topic, schema, value) =>
      value === null || schema === null ? null : Buffer.from(formatJavaString(schema, value)),
  };
}

/** A value as toString of Connect's Struct, Java's collections and numbers prints it: null fields are left out of a struct. */
export function formatJavaString(schema: Schema, value: Value): string {
  if (value === null) return 'null';
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'boolean':
    case 'string':
      return String(value);
    case 'int32':
      if (schema.name === `${LOGICAL}Date`) return formatJavaDate((value as number) * MILLIS_PER_DAY);
      return schema.name === `${LOGICAL}Time` ? formatJavaDate(value as number) : String(value);
    case 'int64':
      return schema.name === `${LOGICAL}Timestamp` ? formatJavaDate(Number(value as bigint)) : String(value);
    case 'float32':
      return formatFloat(value as number);
    case 'float64':
      return formatDouble(value as number);
    case 'bytes':
      return formatBytes(schema, value as Uint8Array);
    case 'array':
      return `[${(value as readonly Value[]).map((item) => formatJavaString(schema.items!, item)).join(', ')}]`;
    case 'map':
      return `{${[...(value as ReadonlyMap<Value, Value>)]
        .map(([key, item]) => `${formatJavaString(schema.keys!, key)}=${formatJavaString(schema.values!, item)}`)
        .join(', ')}}`;
    case 'struct':
      return `Struct{${schema
        .fields!.flatMap(({ name, schema: of }) => {
          const inner = (value as Struct)[name] ?? null;
          return inner === null ? [] : [`${name}=${formatJavaString(of, inner)}`];
        })
        .join(',')}}`;
  }
}

/** What Java says of a buffer of bytes: how many there are, and nothing else. */
function formatBytes(schema: Schema, value: Uint8Array): string {
  if (schema.name === `${LOGICAL}Decimal`) {
    return formatBigDecimal(decodeUnscaled(value), Number(schema.parameters?.scale ?? 0));
  }
  return `java.nio.HeapByteBuffer[pos=0 lim=${value.length} cap=${value.length}]`;
}

/** java.util.Date.toString of a JVM whose time zone is UTC. */
function formatJavaDate(millis: number): string {
  const date = new Date(millis);
  // Beyond JavaScript's range of dates.
  if (Number.isNaN(date.getTime())) return String(millis);
  const two = (part: number): string => String(part).padStart(2, '0');
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  const day = `${DAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${two(date.getUTCDate())}`;
  return `${day} ${time} UTC ${date.getUTCFullYear()}`;
}
