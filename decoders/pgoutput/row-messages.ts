import type { Row, Table } from '../change.ts';
import type { Cursor } from '../cursor.ts';
import { DecodeError } from '../decode-error.ts';
import type { SpanArena } from '../span-arena.ts';
import type { DeleteMessage, InsertMessage, TruncateMessage, UpdateMessage } from './message.ts';
import type { RelationCache } from './relation-cache.ts';
import { parseTuple } from './tuple.ts';

const NEW_ROW = 0x4e; // N
const OLD_ROW = 0x4f; // O
const OLD_KEY = 0x4b; // K

/** The current version of a table by its OID; `at` is where the message names it. DecodeError when it is unknown. */
export type TableLookup = (id: number, at: number) => Table;

/** What rows are decoded with: the tables announced so far, and where spans go. */
export interface RowContext {
  readonly relations: RelationCache;
  readonly arena: SpanArena;
}

// The parse*Row(s) functions read the part behind Int32 relationOid and are shared with the transaction reducer,
// which does without the message objects.

/** Byte1('N') TupleData */
export function parseNewRow(cursor: Cursor, table: Table, arena: SpanArena): Row {
  expectMarker(cursor, cursor.uint8() === NEW_ROW, 'insert or update without its new row');
  const row = parseTuple(cursor, table, 'full', arena);
  cursor.expectEnd('new row');
  return row;
}

/** [ Byte1('K' | 'O') TupleData ], in front of the new row of an update */
export function parseOptionalOldRow(cursor: Cursor, table: Table, arena: SpanArena): Row | null {
  return cursor.remaining > 0 && cursor.bytes[cursor.position] === NEW_ROW ? null : parseOldTuple(cursor, table, arena);
}

/** Byte1('K' | 'O') TupleData */
export function parseOldRow(cursor: Cursor, table: Table, arena: SpanArena): Row {
  const row = parseOldTuple(cursor, table, arena);
  cursor.expectEnd('old row');
  return row;
}

function parseOldTuple(cursor: Cursor, table: Table, arena: SpanArena): Row {
  const marker = cursor.uint8();
  expectMarker(cursor, marker === OLD_KEY || marker === OLD_ROW, 'neither a key nor an old row');
  return parseTuple(cursor, table, marker === OLD_KEY ? 'key' : 'full', arena);
}

function expectMarker(cursor: Cursor, met: boolean, what: string): void {
  if (!met) throw new DecodeError(`${what}: marker ${cursor.bytes[cursor.position - 1]}`, cursor.position - 1);
}

/** `I` Int32 relationOid, new row */
export function parseInsert(cursor: Cursor, xid: number | null, context: RowContext): InsertMessage {
  const table = parseRelationId(cursor, context.relations);
  return { kind: 'insert', xid, table, after: parseNewRow(cursor, table, context.arena) };
}

/** `U` Int32 relationOid, [old row], new row */
export function parseUpdate(cursor: Cursor, xid: number | null, context: RowContext): UpdateMessage {
  const table = parseRelationId(cursor, context.relations);
  const before = parseOptionalOldRow(cursor, table, context.arena);
  return { kind: 'update', xid, table, before, after: parseNewRow(cursor, table, context.arena) };
}

/** `D` Int32 relationOid, old row */
export function parseDelete(cursor: Cursor, xid: number | null, context: RowContext): DeleteMessage {
  const table = parseRelationId(cursor, context.relations);
  return { kind: 'delete', xid, table, before: parseOldRow(cursor, table, context.arena) };
}

/** `T` Int32 relations, Int8 options (1: CASCADE, 2: RESTART IDENTITY), Int32 relationOid per relation */
export function parseTruncate(cursor: Cursor, xid: number | null, tableOf: TableLookup): TruncateMessage {
  const count = cursor.int32();
  const options = cursor.uint8();
  if (options > 3) throw new DecodeError(`truncate with unknown options ${options}`, cursor.position - 1);
  if (count !== cursor.remaining / 4) {
    throw new DecodeError(`truncate of ${count} relations in ${cursor.remaining} bytes`, cursor.position);
  }
  const tables: Table[] = [];
  for (let i = 0; i < count; i++) tables.push(tableOf(cursor.uint32(), cursor.position - 4));
  cursor.expectEnd('truncate');
  return { kind: 'truncate', xid, tables, cascade: (options & 1) !== 0, restartIdentity: (options & 2) !== 0 };
}

function parseRelationId(cursor: Cursor, relations: RelationCache): Table {
  const id = cursor.uint32();
  return relations.get(id, cursor.position - 4);
}
