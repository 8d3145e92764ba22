import type { Schema, Struct, Value } from '../../model/schema.ts';
import { formatDouble, formatFloat } from '../json/format-float.ts';
import { formatText, type JsonText } from './avro-schema.ts';
import { isAvroMap } from './avro-value.ts';

/** A default value in Avro's JSON form: bytes are a text of as many characters, floats are printed as Java prints them. */
export function formatDefault(schema: Schema, value: Value, fieldName: (name: string) => string): JsonText {
  if (value === null) return 'null';
  const format = (of: Schema, inner: Value): JsonText => formatDefault(of, inner, fieldName);
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
    case 'boolean':
      return String(value);
    case 'float32':
      return formatNumber(formatFloat(value as number));
    case 'float64':
      return formatNumber(formatDouble(value as number));
    case 'string':
      return formatText(value as string);
    case 'bytes':
      return formatText(Buffer.from(value as Uint8Array).toString('latin1'));
    case 'array':
      return `[${(value as readonly Value[]).map((item) => format(schema.items!, item)).join(',')}]`;
    case 'map': {
      const entries = [...(value as ReadonlyMap<Value, Value>)];
      if (isAvroMap(schema)) {
        return `{${entries.map(([key, item]) => `${formatText(key as string)}:${format(schema.values!, item)}`).join(',')}}`;
      }
      return `[${entries.map(([key, item]) => `[${format(schema.keys!, key)},${format(schema.values!, item)}]`).join(',')}]`;
    }
    case 'struct':
      return `{${schema
        .fields!.map(
          ({ name, schema: of }) => `${formatText(fieldName(name))}:${format(of, (value as Struct)[name] ?? null)}`,
        )
        .join(',')}}`;
  }
}

/** What is no number of JSON's is printed as a text. */
function formatNumber(text: string): JsonText {
  return /\d$/.test(text) ? text : formatText(text);
}
