import { COLUMN_TYPE } from '../../../../decoders/binlog/column-type.ts';
import { parseJson } from '../../../../decoders/binlog/value/json.ts';
import { COMPACT_JSON, formatJson } from '../../../../decoders/binlog/value/json-text.ts';
import { compactJson } from '../../../../decoders/mysql-text/json.ts';
import { charsetText } from './charset-text.ts';
import type { ColumnType, Placeholder } from './column-type.ts';
import { JSON_TEXT_MARK, type ValueForm } from './value-form.ts';

const INITIAL_BYTES = 1024;

/**
 * JSON: the text that the server prints, without spaces between tokens, as Debezium has it in streamed changes. Numbers and the
 * SQL types that a document may hold (dates, decimals, opaque bytes) are as the server prints them.
 */
export function jsonType(form: ValueForm, placeholder: Placeholder): ColumnType {
  const utf8 = charsetText('utf8mb4');
  let scratch = Buffer.alloc(0);
  /** Compacts into `scratch`. */
  const compact = (bytes: Buffer, start: number, end: number): number => {
    if (scratch.length < end - start) scratch = Buffer.allocUnsafeSlow(Math.max(INITIAL_BYTES, 2 * (end - start)));
    return compactJson(bytes, start, end, scratch);
  };
  // MariaDB's JSON is a name of LONGTEXT.
  const isBinary = form.kind === 'binlog' && form.column.type === COLUMN_TYPE.json;
  const hasText = (bytes: Buffer, start: number, end: number): boolean =>
    !isBinary || (start < end && bytes[start] === JSON_TEXT_MARK);
  const textStart = (start: number): number => (isBinary ? start + 1 : start);
  const formatted = (bytes: Buffer, start: number, end: number): string =>
    formatJson(parseJson(bytes, start, end), COMPACT_JSON);
  return {
    schema: { type: 'string', optional: false, name: 'io.debezium.data.Json', version: 1 },
    read: (bytes, start, end) => {
      if (!hasText(bytes, start, end)) return formatted(bytes, start, end);
      const length = compact(bytes, textStart(start), end);
      return utf8.read(scratch, 0, length);
    },
    write: (sink, bytes, start, end) => {
      if (!hasText(bytes, start, end)) {
        sink.string(formatted(bytes, start, end));
        return;
      }
      const length = compact(bytes, textStart(start), end);
      utf8.write(sink, scratch, 0, length);
    },
    fallback: '{}',
    unavailable: placeholder.text,
  };
}
