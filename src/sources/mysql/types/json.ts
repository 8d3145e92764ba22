import { COLUMN_TYPE } from '../../../../decoders/binlog/column-type.ts';
import { CompactJsonWriter } from '../../../../decoders/binlog/value/compact-json-writer.ts';
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
  const compact = form.kind === 'binlog' && form.column.type === COLUMN_TYPE.json ? binaryCompactor() : textCompactor();
  return {
    schema: { type: 'string', optional: false, name: 'io.debezium.data.Json', version: 1 },
    read: (bytes, start, end) => {
      const text = compact(bytes, start, end);
      return utf8.read(text.bytes, 0, text.length);
    },
    write: (sink, bytes, start, end) => {
      const text = compact(bytes, start, end);
      utf8.write(sink, text.bytes, 0, text.length);
    },
    fallback: '{}',
    unavailable: placeholder.text,
  };
}

/** Text in the first bytes of a buffer; the next call writes over it. */
interface CompactText {
  bytes: Buffer;
  length: number;
}

type Compact = (bytes: Buffer, start: number, end: number) => CompactText;

/** Of MySQL's binary form, or of text behind its mark. */
function binaryCompactor(): Compact {
  const writer = new CompactJsonWriter();
  const compactText = textCompactor();
  return (bytes, start, end) => {
    if (start < end && bytes[start] === JSON_TEXT_MARK) return compactText(bytes, start + 1, end);
    writer.write(bytes, start, end);
    return writer;
  };
}

/** Of the server's text; MariaDB's JSON is a name of LONGTEXT. */
function textCompactor(): Compact {
  const text: CompactText = { bytes: Buffer.alloc(0), length: 0 };
  return (bytes, start, end) => {
    if (text.bytes.length < end - start) {
      text.bytes = Buffer.allocUnsafeSlow(Math.max(INITIAL_BYTES, 2 * (end - start)));
    }
    text.length = compactJson(bytes, start, end, text.bytes);
    return text;
  };
}
