import { DecodeError } from '../decode-error.ts';
import type { BinlogCursor } from './binlog-cursor.ts';
import { EVENT_TYPE, type EventHeader } from './event-header.ts';
import { decompress } from './mariadb-compression.ts';
import type { TableMap } from './table-map.ts';
import type { TableMapCache } from './table-map-cache.ts';

/** Row changes of one table. The rows themselves are still undivided: {@link RowsReader} walks over them. */
export interface RowsEvent {
  readonly kind: 'rows';
  readonly header: EventHeader;
  readonly op: 'c' | 'u' | 'd';
  readonly table: TableMap;
  /** Its last rows event: the statement is over. */
  readonly endsStatement: boolean;
  /** What the images before and after hold; null: there is none, as before an insert and after a delete. */
  readonly before: Presence | null;
  readonly after: Presence | null;
  /** An update whose JSON columns may come as diffs of the value before (PARTIAL_UPDATE_ROWS_EVENT). */
  readonly partial: boolean;
  /** The rows are `bytes[start, end)`: the event's own bytes, or what they decompress to. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Which columns of a table a row image holds. */
export interface Presence {
  /** 1 or 0 by index of the column; null: every column. */
  readonly columns: Uint8Array | null;
  readonly count: number;
}

/** `Rows_event::STMT_END_F` */
const FLAG_STATEMENT_END = 1;
/** The length of the extra row information counts itself. */
const EXTRA_LENGTH_BYTES = 2;

interface RowsKind {
  readonly op: RowsEvent['op'];
  readonly version: 1 | 2;
  readonly partial?: true;
  readonly compressed?: true;
}

const KINDS = new Map<number, RowsKind>([
  [EVENT_TYPE.writeRowsV1, { op: 'c', version: 1 }],
  [EVENT_TYPE.updateRowsV1, { op: 'u', version: 1 }],
  [EVENT_TYPE.deleteRowsV1, { op: 'd', version: 1 }],
  [EVENT_TYPE.writeRows, { op: 'c', version: 2 }],
  [EVENT_TYPE.updateRows, { op: 'u', version: 2 }],
  [EVENT_TYPE.deleteRows, { op: 'd', version: 2 }],
  [EVENT_TYPE.partialUpdateRows, { op: 'u', version: 2, partial: true }],
  [EVENT_TYPE.mariadbWriteRowsCompressedV1, { op: 'c', version: 1, compressed: true }],
  [EVENT_TYPE.mariadbUpdateRowsCompressedV1, { op: 'u', version: 1, compressed: true }],
  [EVENT_TYPE.mariadbDeleteRowsCompressedV1, { op: 'd', version: 1, compressed: true }],
  [EVENT_TYPE.mariadbWriteRowsCompressed, { op: 'c', version: 2, compressed: true }],
  [EVENT_TYPE.mariadbUpdateRowsCompressed, { op: 'u', version: 2, compressed: true }],
  [EVENT_TYPE.mariadbDeleteRowsCompressed, { op: 'd', version: 2, compressed: true }],
]);

export function isRowsEvent(type: number): boolean {
  return KINDS.has(type);
}

/**
 * The head of a rows event:
 *
 *     uint48 tableId, uint16 flags, [version 2: uint16 length (its own two bytes included), byte[] extra information],
 *     lenenc columns, bit[] present before (update: bit[] present after), rows (MariaDB's compressed form: compressed)
 *
 * (MySQL source, libs/mysql/binlog/event/rows_event.h, `Rows_event`.) The extra information names partitions and what
 * NDB wants; nothing of it is about values.
 */
export function parseRowsEvent(cursor: BinlogCursor, header: EventHeader, tables: TableMapCache): RowsEvent {
  const { op, version, partial = false, compressed = false } = KINDS.get(header.type)!;
  const at = cursor.position;
  const tableId = cursor.uint48();
  const flags = cursor.uint16();
  if (version === 2) {
    const extra = cursor.uint16();
    if (extra < EXTRA_LENGTH_BYTES) throw new DecodeError(`extra row information of ${extra} bytes`, at + 8);
    cursor.take(extra - EXTRA_LENGTH_BYTES);
  }
  const table = tables.get(tableId, at);
  const countAt = cursor.position;
  const count = cursor.lengthEncoded();
  if (count !== table.layout.count) {
    const name = `${table.database}.${table.name}`;
    throw new DecodeError(`rows of ${count} columns for ${name}, announced with ${table.layout.count}`, countAt);
  }
  const first = parsePresence(cursor, count);
  const before = op === 'c' ? null : first;
  const after = op === 'u' ? parsePresence(cursor, count) : op === 'c' ? first : null;
  const endsStatement = (flags & FLAG_STATEMENT_END) !== 0;
  let bytes = cursor.bytes;
  let start = cursor.position;
  let end = cursor.end;
  if (compressed) {
    bytes = decompress(bytes, start, end);
    start = 0;
    end = bytes.length;
  }
  return { kind: 'rows', header, op, table, endsStatement, before, after, partial, bytes, start, end };
}

/** Least significant bit first; bits beyond the last column say nothing, and the server leaves them as they are. */
function parsePresence(cursor: BinlogCursor, columns: number): Presence {
  const start = cursor.take((columns + 7) >> 3);
  const { bytes } = cursor;
  let count = 0;
  for (let i = 0; i < columns; i++) count += (bytes[start + (i >> 3)]! >> (i & 7)) & 1;
  if (count === columns) return { columns: null, count };
  return { columns: Uint8Array.from({ length: columns }, (_, i) => (bytes[start + (i >> 3)]! >> (i & 7)) & 1), count };
}
