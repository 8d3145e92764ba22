import { NULL_VALUE, type Row, type Table, UNCHANGED_VALUE } from '../change.ts';
import type { Cursor } from '../cursor.ts';
import { DecodeError } from '../decode-error.ts';
import type { SpanArena } from '../span-arena.ts';

const NULL = 0x6e; // n
const UNCHANGED = 0x75; // u
const TEXT = 0x74; // t
const BINARY = 0x62; // b

/**
 * TupleData, as spans over the message's bytes:
 *
 *     Int16 columns, then per column: Byte1('n') | Byte1('u') | Byte1('t') Int32 length, Byten text | Byte1('b') ...
 *
 * A key image lists every column too, those outside the key as 'n'.
 */
export function parseTuple(cursor: Cursor, table: Table, image: Row['image'], arena: SpanArena): Row {
  const bytes = cursor.bytes;
  const end = cursor.end;
  let at = cursor.take(2) + 2;
  const count = (bytes[at - 2]! << 8) | bytes[at - 1]!;
  if (count !== table.columns.length) throw columnCountError(count, table, at - 2);
  const base = arena.reserve(2 * count);
  const spans = arena.spans;
  for (let slot = base, last = base + 2 * count; slot < last; slot += 2) {
    const kind = at < end ? bytes[at] : -1;
    at++;
    if (kind === TEXT) {
      const start = at + 4;
      if (start > end) throw new DecodeError('column without its length', at);
      const length = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
      if (length < 0 || length > end - start) throw columnLengthError(length, end - start, at);
      at = start + length;
      spans[slot] = start;
      spans[slot + 1] = at;
    } else if (kind === NULL) {
      spans[slot] = NULL_VALUE;
      spans[slot + 1] = NULL_VALUE;
    } else if (kind === UNCHANGED) {
      spans[slot] = UNCHANGED_VALUE;
      spans[slot + 1] = UNCHANGED_VALUE;
    } else {
      throw columnKindError(kind, table, (slot - base) / 2, at - 1);
    }
  }
  cursor.position = at;
  return { bytes, spans, base, image };
}

function columnCountError(count: number, table: Table, at: number): DecodeError {
  const name = `${table.namespace}.${table.name}`;
  return new DecodeError(`row of ${count} columns for ${name}, announced with ${table.columns.length}`, at);
}

function columnLengthError(length: number, left: number, at: number): DecodeError {
  return new DecodeError(`column of ${length} bytes, ${left} are left`, at);
}

function columnKindError(kind: number | undefined, table: Table, index: number, at: number): DecodeError {
  const name = `${table.namespace}.${table.name}.${table.columns[index]?.name}`;
  if (kind === BINARY) return new DecodeError(`${name}: binary format was not requested`, at);
  if (kind === -1) return new DecodeError(`row ends before ${name}`, at);
  return new DecodeError(`${name}: unknown kind of column value ${kind}`, at);
}
