import type { Row } from '../change.ts';
import type { TableMap } from './table-map.ts';
import { UnreadableChangeError } from './unreadable-change-error.ts';
import { parseJson } from './value/json.ts';
import { applyJsonDiffs, parseJsonDiffs } from './value/json-diff.ts';
import { formatJson, SERVER_JSON } from './value/json-text.ts';

/** No binary JSON begins with this byte: behind it a column's value is the server's text of the document, in UTF-8. */
export const JSON_TEXT_MARK = 0xff;

/**
 * The row after a partial update, in bytes of its own: each document that came as differences (`diffs[column] = 1`) is
 * the one of `before` with these applied, as {@link JSON_TEXT_MARK} and text.
 */
export function completeJson(table: TableMap, before: Row | null, after: Row, diffs: Uint8Array): Row {
  const { count } = table.layout;
  const spans = new Int32Array(2 * count);
  const pieces: Buffer[] = [];
  let length = 0;
  for (let column = 0; column < count; column++) {
    const start = after.spans[after.base + 2 * column]!;
    const end = after.spans[after.base + 2 * column + 1]!;
    let piece: Buffer | null = null;
    if (start >= 0) {
      const isDiff = diffs[column] === 1;
      piece = isDiff ? document(table, before, column, after.bytes, start, end) : after.bytes.subarray(start, end);
      pieces.push(piece);
    }
    spans[2 * column] = piece === null ? start : length;
    length += piece?.length ?? 0;
    spans[2 * column + 1] = piece === null ? end : length;
  }
  return { bytes: Buffer.concat(pieces, length), spans, base: 0, image: after.image };
}

function document(
  table: TableMap,
  before: Row | null,
  column: number,
  bytes: Buffer,
  start: number,
  end: number,
): Buffer {
  const beforeStart = before === null ? -1 : before.spans[before.base + 2 * column]!;
  if (before === null || beforeStart < 0) {
    const name = table.columns[column]?.name ?? `column ${column + 1}`;
    throw new UnreadableChangeError(
      `an update of ${table.database}.${table.name} tells how the JSON in ${name} changed, but not what it was before`,
      "SET GLOBAL binlog_row_value_options = '', or binlog_row_image = FULL, for every session that writes; then read the table again: snapshot.mode=when_needed or always.",
    );
  }
  const value = parseJson(before.bytes, beforeStart, before.spans[before.base + 2 * column + 1]!);
  const text = formatJson(applyJsonDiffs(value, parseJsonDiffs(bytes, start, end), start), SERVER_JSON);
  const piece = Buffer.allocUnsafe(1 + Buffer.byteLength(text));
  piece[0] = JSON_TEXT_MARK;
  piece.write(text, 1);
  return piece;
}
