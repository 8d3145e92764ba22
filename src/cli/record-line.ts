import { isUtf8 } from 'node:buffer';
import type { EncodedHeader, LogRecord } from '../model/record.ts';

/** What a log record and a record on its way there have in common. */
export type ShownRecord = Pick<LogRecord, 'topic' | 'key' | 'value' | 'headers'> &
  Partial<Pick<LogRecord, 'partition' | 'offset' | 'timestampMs'>>;

/**
 * A record as one line of JSON: topic, partition, offset, key, value, headers, timestamp. Keys and values that are JSON stand as they are,
 * byte for byte; others as a string, or Base64 when they are no UTF-8, with `keyEncoding` or `valueEncoding` after them.
 */
export function recordLine(record: ShownRecord): string {
  const { topic, partition, offset, key, value, headers, timestampMs } = record;
  const fields = [
    `"topic":${JSON.stringify(topic)}`,
    partition === undefined ? '' : `"partition":${partition}`,
    offset === undefined ? '' : `"offset":${offset}`,
    dataFields('key', key),
    dataFields('value', value),
    `"headers":[${headers.map(headerObject).join(',')}]`,
    timestampMs === undefined ? '' : `"timestamp":${timestampMs}`,
  ];
  return `{${fields.filter((field) => field !== '').join(',')}}\n`;
}

/** A header is text by its converter: `7` and `{"id":7}` may be strings, so none is taken for JSON. */
function headerObject({ key, value }: EncodedHeader): string {
  const name = `"key":${JSON.stringify(key)}`;
  if (value === null) return `{${name},"value":null}`;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  if (isUtf8(bytes)) return `{${name},"value":${JSON.stringify(bytes.toString('utf8'))}}`;
  return `{${name},"value":"${bytes.toString('base64')}","valueEncoding":"base64"}`;
}

function dataFields(name: string, bytes: Uint8Array | null): string {
  if (bytes === null) return `"${name}":null`;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!isUtf8(buffer)) return `"${name}":"${buffer.toString('base64')}","${name}Encoding":"base64"`;
  const text = buffer.toString('utf8');
  if (!isJson(text)) return `"${name}":${JSON.stringify(text)},"${name}Encoding":"string"`;
  // JSON strings hold no raw line breaks, so those of indented JSON can go without touching a value.
  return `"${name}":${text.replace(/[\r\n]+/g, ' ')}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
