import { parseHstore } from '../../../../decoders/pgoutput/text/hstore.ts';
import type { Schema } from '../../../model/schema.ts';
import type { ColumnType, TypeContext } from './column-type.ts';
import { javaHashOrder, javaStringHash } from './java-hash-order.ts';
import { named } from './temporal.ts';

type Pair = readonly [key: string, value: string | null];

const MAP: Schema = {
  type: 'map',
  optional: false,
  keys: { type: 'string', optional: false },
  values: { type: 'string', optional: true },
};

export function hstoreType({ options, placeholder }: TypeContext): ColumnType {
  const parse = (bytes: Buffer, start: number, end: number): Pair[] =>
    javaHashOrder(parseHstore(bytes.toString('utf8', start, end), start), ([key]) => javaStringHash(key));
  const unavailable: Pair[] = [[placeholder.text, placeholder.text]];
  if (options['hstore.handling.mode'] === 'map') {
    return {
      schema: MAP,
      read: (bytes, start, end) => new Map(parse(bytes, start, end)),
      fallback: new Map(),
      unavailable: new Map(unavailable),
    };
  }
  return {
    schema: named('string', 'io.debezium.data.Json'),
    read: (bytes, start, end) => formatJson(parse(bytes, start, end)),
    fallback: '{}',
    unavailable: formatJson(unavailable),
  };
}

function formatJson(pairs: readonly Pair[]): string {
  return `{${pairs.map(([key, value]) => `${quote(key)}:${value === null ? 'null' : quote(value)}`).join(',')}}`;
}

/** Jackson escapes what JSON.stringify does, with upper-case digits. */
function quote(text: string): string {
  return JSON.stringify(text).replace(/\\u([0-9a-f]{4})/g, (_, digits: string) => `\\u${digits.toUpperCase()}`);
}
