import { DecodeError } from '../decode-error.ts';
import { BinlogCursor } from './binlog-cursor.ts';
import { type ColumnLayout, createColumnLayout } from './column-layout.ts';
import { parseColumnMetadata } from './column-metadata.ts';
import type { ServerFamily } from './format-description.ts';
import { type OptionalMetadata, parseOptionalMetadata } from './optional-metadata.ts';

/** A column as the table map tells of it. With `binlog_row_metadata=MINIMAL` it has no name, members or visibility. */
export interface TableMapColumn {
  /** {@link COLUMN_TYPE}, with ENUM and SET told from STRING. */
  readonly type: number;
  /** See {@link ColumnMetadata.metadata}. */
  readonly metadata: number;
  readonly nullable: boolean;
  /** null of a column that is not numeric, and where the metadata was not sent. */
  readonly unsigned: boolean | null;
  /** Number of its collation, 63 of binary columns; null of types without one, and where it was not sent. */
  readonly collation: number | null;
  readonly name: string | null;
  /** Members of an ENUM or SET, in the bytes of its character set. */
  readonly members: readonly Buffer[] | null;
  /** 0 geometry, 1 point, 2 linestring, 3 polygon, 4 multipoint, 5 multilinestring, 6 multipolygon, 7 collection. */
  readonly geometryType: number | null;
  /** Of a VECTOR. */
  readonly dimensions: number | null;
  readonly visible: boolean | null;
}

export interface PrimaryKeyPart {
  /** Index of the column. */
  readonly column: number;
  /** Characters of it (bytes of a binary one) that the key has; 0: all. */
  readonly prefix: number;
}

/** One version of a table, as a table map describes it; see {@link TableMapCache}. */
export interface TableMap {
  readonly database: string;
  readonly name: string;
  readonly columns: readonly TableMapColumn[];
  /** In the order of the key; null when there is none or it was not sent. */
  readonly primaryKey: readonly PrimaryKeyPart[] | null;
  readonly layout: ColumnLayout;
}

/** `NAME_LEN`: 64 characters of 3 bytes. */
const MAX_NAME_BYTES = 192;
/** `MAX_FIELDS`; it also keeps a corrupt count from being believed. */
const MAX_COLUMNS = 4096;

/**
 * TABLE_MAP_EVENT behind its table id and flags:
 *
 *     lenenc length, char[] database, 0, lenenc length, char[] table, 0, lenenc columns, uint8[] types,
 *     lenenc length, byte[] metadata, bit[] nullable (least significant first), optional metadata
 *
 * (MySQL source, libs/mysql/binlog/event/rows_event.h, `Table_map_event`.) Keeps no reference to the bytes.
 */
export function parseTableMap(cursor: BinlogCursor, family: ServerFamily): TableMap {
  const database = parseName(cursor, 'database');
  const name = parseName(cursor, 'table');
  const countAt = cursor.position;
  const count = cursor.lengthEncoded();
  if (count < 1 || count > MAX_COLUMNS) throw new DecodeError(`table map of ${count} columns`, countAt);
  const typesAt = cursor.take(count);
  const metadataBytes = cursor.lengthEncoded();
  const metadataAt = cursor.take(metadataBytes);
  const metadata = new BinlogCursor(cursor.bytes, metadataAt, metadataAt + metadataBytes);
  const types = Array.from({ length: count }, (_, i) => parseColumnMetadata(metadata, cursor.bytes[typesAt + i]!, i));
  metadata.expectEnd(`metadata of the columns of ${database}.${name}`);
  const nullableAt = cursor.take((count + 7) >> 3);
  const optional = parseOptionalMetadata(cursor, types, family);
  const columns = types.map(({ type, metadata }, i): TableMapColumn => {
    const nullable = (cursor.bytes[nullableAt + (i >> 3)]! & (1 << (i & 7))) !== 0;
    return { type, metadata, nullable, ...describe(optional, i) };
  });
  return { database, name, columns, primaryKey: optional.primaryKey, layout: createColumnLayout(types, family) };
}

function parseName(cursor: BinlogCursor, what: string): string {
  const at = cursor.position;
  const length = cursor.lengthEncoded();
  if (length < 1 || length > MAX_NAME_BYTES) throw new DecodeError(`name of a ${what} of ${length} bytes`, at);
  const name = cursor.utf8(length);
  cursor.expectByte(0, `end of the ${what} name`);
  return name;
}

function describe(optional: OptionalMetadata, i: number): Omit<TableMapColumn, 'type' | 'metadata' | 'nullable'> {
  return {
    unsigned: optional.unsigned?.[i] ?? null,
    collation: optional.collations[i] ?? null,
    name: optional.names?.[i] ?? null,
    members: optional.members[i] ?? null,
    geometryType: optional.geometryTypes?.[i] ?? null,
    dimensions: optional.dimensions?.[i] ?? null,
    visible: optional.visible?.[i] ?? null,
  };
}
