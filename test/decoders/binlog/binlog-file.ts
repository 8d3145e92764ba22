import type { BinlogEvent } from '../../../decoders/binlog/event.ts';
import { EventParser } from '../../../decoders/binlog/parse-event.ts';
import type { RowsEvent } from '../../../decoders/binlog/rows-event.ts';
import { RowsReader } from '../../../decoders/binlog/rows-reader.ts';
import type { Row } from '../../../decoders/change.ts';

/** `fe 62 69 6e` */
const MAGIC_BYTES = 4;
const SIZE_OFFSET = 9;

export interface EventSlice {
  readonly start: number;
  readonly end: number;
}

/** Where the events of a whole binlog file lie. */
export function* slices(file: Buffer): Generator<EventSlice> {
  for (let start = MAGIC_BYTES, end = 0; start < file.length; start = end) {
    end = start + file.readUInt32LE(start + SIZE_OFFSET);
    yield { start, end };
  }
}

/** Every event with its slice; those of a transaction payload behind it, with the place behind the payload. */
export function* walk(file: Buffer): Generator<EventSlice & { event: BinlogEvent }> {
  const parser = new EventParser();
  for (const { start, end } of slices(file)) {
    const event = parser.parse(file, start, end);
    yield { start, end, event };
    if (event.kind !== 'transaction-payload') continue;
    for (const inner of parser.payload(event)) yield { start: end, end, event: inner };
  }
}

export interface RowPair {
  readonly before: Row | null;
  readonly after: Row | null;
  readonly diffs: readonly number[] | null;
}

export function rowsOf(event: RowsEvent, layout = event.table.layout): RowPair[] {
  const reader = new RowsReader();
  reader.begin(event, layout);
  const rows: RowPair[] = [];
  while (reader.next()) {
    const { before, after, diffs } = reader;
    rows.push({ before, after, diffs: diffs && [...diffs.subarray(0, layout.count)] });
  }
  return rows;
}

/** The bytes of column `i` in hex, or its negative mark. */
export function span(row: Row, i: number): string | number {
  const start = row.spans[row.base + 2 * i]!;
  return start < 0 ? start : row.bytes.toString('hex', start, row.spans[row.base + 2 * i + 1]!);
}
