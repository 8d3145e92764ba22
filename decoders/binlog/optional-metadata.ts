import { DecodeError } from '../decode-error.ts';
import { BinlogCursor } from './binlog-cursor.ts';
import type { ColumnMetadata } from './column-metadata.ts';
import { COLUMN_TYPE, isCharacter, isEnumOrSet, isNumeric } from './column-type.ts';
import type { ServerFamily } from './format-description.ts';
import type { PrimaryKeyPart } from './table-map.ts';

/** What a table map says beyond types, by index of the column. */
export interface OptionalMetadata {
  unsigned: (boolean | null)[] | null;
  names: string[] | null;
  geometryTypes: (number | null)[] | null;
  dimensions: (number | null)[] | null;
  visible: boolean[] | null;
  primaryKey: PrimaryKeyPart[] | null;
  readonly collations: (number | null)[];
  readonly members: (readonly Buffer[] | null)[];
}

/** `Table_map_event::Optional_metadata_field_type` */
const FIELD = {
  signedness: 1,
  defaultCharset: 2,
  columnCharset: 3,
  columnName: 4,
  setMembers: 5,
  enumMembers: 6,
  geometryType: 7,
  simplePrimaryKey: 8,
  primaryKeyWithPrefix: 9,
  enumAndSetDefaultCharset: 10,
  enumAndSetColumnCharset: 11,
  visibility: 12,
  vectorDimensions: 13,
} as const;

type Columns = readonly ColumnMetadata[];
type IsKind = (type: number) => boolean;

/**
 * The optional metadata at the end of a table map, `{ uint8 field, lenenc length, value }`. A field we do not know is
 * skipped, one twice or of another length than its columns ask for is a {@link DecodeError}. Lists are of the columns
 * of the kind that the field is for, in order (MySQL source, libs/mysql/binlog/event/rows_event.h,
 * `Optional_metadata_field_type`; sql/log_event.cc, `Table_map_log_event::init_metadata_fields`).
 */
export function parseOptionalMetadata(cursor: BinlogCursor, columns: Columns, family: ServerFamily): OptionalMetadata {
  const isText: IsKind = (type) => isCharacter(type, family);
  const metadata: OptionalMetadata = {
    unsigned: null,
    names: null,
    geometryTypes: null,
    dimensions: null,
    visible: null,
    primaryKey: null,
    collations: new Array<number | null>(columns.length).fill(null),
    members: new Array<readonly Buffer[] | null>(columns.length).fill(null),
  };
  const seen = new Set<number>();
  while (cursor.remaining > 0) {
    const at = cursor.position;
    const field = cursor.uint8();
    const length = cursor.lengthEncoded();
    const start = cursor.take(length);
    if (seen.has(field)) throw new DecodeError(`optional metadata has field ${field} twice`, at);
    seen.add(field);
    const value = new BinlogCursor(cursor.bytes, start, start + length);
    if (parseField(value, field, columns, isText, metadata)) value.expectEnd(`optional metadata field ${field}`);
  }
  return metadata;
}

function parseField(
  value: BinlogCursor,
  field: number,
  columns: Columns,
  isText: IsKind,
  into: OptionalMetadata,
): boolean {
  switch (field) {
    case FIELD.signedness:
      into.unsigned = scatter(columns, isNumeric, parseBits(value, countOf(columns, isNumeric)));
      return true;
    case FIELD.defaultCharset:
      parseDefaultCharset(value, columns, isText, into.collations);
      return true;
    case FIELD.columnCharset:
      parseColumnCharset(value, columns, isText, into.collations);
      return true;
    case FIELD.columnName:
      into.names = columns.map(() => value.lengthEncodedUtf8());
      return true;
    case FIELD.setMembers:
      parseMembers(value, columns, COLUMN_TYPE.set, into);
      return true;
    case FIELD.enumMembers:
      parseMembers(value, columns, COLUMN_TYPE.enum, into);
      return true;
    case FIELD.geometryType:
      into.geometryTypes = parseNumbers(value, columns, COLUMN_TYPE.geometry);
      return true;
    case FIELD.simplePrimaryKey:
      parsePrimaryKey(value, columns, false, into);
      return true;
    case FIELD.primaryKeyWithPrefix:
      parsePrimaryKey(value, columns, true, into);
      return true;
    case FIELD.enumAndSetDefaultCharset:
      parseDefaultCharset(value, columns, isEnumOrSet, into.collations);
      return true;
    case FIELD.enumAndSetColumnCharset:
      parseColumnCharset(value, columns, isEnumOrSet, into.collations);
      return true;
    case FIELD.visibility:
      into.visible = parseBits(value, columns.length);
      return true;
    case FIELD.vectorDimensions:
      into.dimensions = parseNumbers(value, columns, COLUMN_TYPE.vector);
      return true;
    default:
      return false;
  }
}

function countOf(columns: Columns, of: IsKind): number {
  let count = 0;
  for (const { type } of columns) if (of(type)) count++;
  return count;
}

/** Gives each column of the kind the next value, the others null. */
function scatter<T>(columns: Columns, of: IsKind, values: readonly T[]): (T | null)[] {
  let next = 0;
  return columns.map(({ type }) => (of(type) ? values[next++]! : null));
}

/** Bits of a byte are taken from the most significant one, unlike in the other bitmaps of these events. */
function parseBits(value: BinlogCursor, count: number): boolean[] {
  const start = value.take((count + 7) >> 3);
  return Array.from({ length: count }, (_, i) => (value.bytes[start + (i >> 3)]! & (0x80 >> (i & 7))) !== 0);
}

/** `lenenc default, { lenenc index among the columns of the kind, lenenc collation }` */
function parseDefaultCharset(value: BinlogCursor, columns: Columns, of: IsKind, collations: (number | null)[]): void {
  const indexes: number[] = [];
  const fallback = value.lengthEncoded();
  for (const [i, { type }] of columns.entries()) {
    if (!of(type)) continue;
    indexes.push(i);
    collations[i] = fallback;
  }
  while (value.remaining > 0) {
    const at = value.position;
    const column = indexes[value.lengthEncoded()];
    if (column === undefined) throw new DecodeError('collation for a column that does not exist', at);
    collations[column] = value.lengthEncoded();
  }
}

function parseColumnCharset(value: BinlogCursor, columns: Columns, of: IsKind, collations: (number | null)[]): void {
  for (const [i, { type }] of columns.entries()) if (of(type)) collations[i] = value.lengthEncoded();
}

/** `{ lenenc count, { lenenc length, char[] member } }`, copied. */
function parseMembers(value: BinlogCursor, columns: Columns, kind: number, into: OptionalMetadata): void {
  for (const [i, { type }] of columns.entries()) {
    if (type !== kind) continue;
    const at = value.position;
    const count = value.lengthEncoded();
    if (count > value.remaining) throw new DecodeError(`${count} members in ${value.remaining} bytes`, at);
    into.members[i] = Array.from({ length: count }, () => Buffer.from(value.view(value.lengthEncoded())));
  }
}

function parseNumbers(value: BinlogCursor, columns: Columns, kind: number): (number | null)[] {
  return columns.map(({ type }) => (type === kind ? value.lengthEncoded() : null));
}

function parsePrimaryKey(value: BinlogCursor, columns: Columns, hasPrefixes: boolean, into: OptionalMetadata): void {
  if (into.primaryKey !== null) throw new DecodeError('table map with two primary keys', value.position);
  const parts: PrimaryKeyPart[] = [];
  while (value.remaining > 0) {
    const at = value.position;
    const column = value.lengthEncoded();
    if (column >= columns.length) throw new DecodeError(`primary key has column ${column} of ${columns.length}`, at);
    parts.push({ column, prefix: hasPrefixes ? value.lengthEncoded() : 0 });
  }
  into.primaryKey = parts;
}
