import type { ColumnMetadata } from './column-metadata.ts';
import { COLUMN_TYPE } from './column-type.ts';
import type { ServerFamily } from './format-description.ts';
import { decimalByteLength } from './value/decimal.ts';
import { fractionByteLength } from './value/temporal.ts';

/** How long the values of a table's columns are in a row image: all that splitting rows needs to know. */
export interface ColumnLayout {
  readonly count: number;
  /** Bytes of every value of the column; negative: bytes of the little-endian length before each value. */
  readonly sizes: Int8Array;
  /** 1 for a JSON column, which a partial update may hold diffs of. */
  readonly json: Uint8Array;
  readonly jsonCount: number;
  /** Columns whose length depends on digits of the second that the binlog does not tell; empty: rows can be divided. */
  readonly unknownDigits: readonly number[];
}

/** By digits of the second: MariaDB source, sql/field.cc, `sec_part_bytes`, `time_hires_bytes`, `datetime_hires_bytes`. */
export const OLD_TIMESTAMP_BYTES = [4, 5, 5, 6, 6, 7, 7];
export const OLD_TIME_BYTES = [3, 4, 4, 5, 5, 5, 6];
export const OLD_DATETIME_BYTES = [8, 6, 6, 7, 7, 7, 8];

/**
 * `digits`, by index of the column, is for MariaDB's temporal columns of before 10.1 (`mysql56_temporal_format=OFF`):
 * their digits of the second are nowhere in the binlog, only in the table's definition. MySQL's old ones never had any.
 */
export function createColumnLayout(
  columns: readonly ColumnMetadata[],
  family: ServerFamily,
  digits?: readonly number[],
): ColumnLayout {
  const sizes = Int8Array.from(columns, valueBytes);
  const unknownDigits: number[] = [];
  for (const [i, { type }] of columns.entries()) {
    const bytes = family === 'mariadb' ? oldTemporalBytes(type) : null;
    if (bytes === null) continue;
    const size = bytes[digits?.[i] ?? -1];
    if (size === undefined) unknownDigits.push(i);
    else sizes[i] = size;
  }
  const json = Uint8Array.from(columns, ({ type }) => (type === COLUMN_TYPE.json ? 1 : 0));
  const jsonCount = json.reduce((count, is) => count + is, 0);
  return { count: columns.length, sizes, json, jsonCount, unknownDigits };
}

function oldTemporalBytes(type: number): readonly number[] | null {
  if (type === COLUMN_TYPE.timestamp) return OLD_TIMESTAMP_BYTES;
  if (type === COLUMN_TYPE.time) return OLD_TIME_BYTES;
  if (type === COLUMN_TYPE.datetime) return OLD_DATETIME_BYTES;
  return null;
}

/**
 * Length of a value, as the server computes it to walk over a row image (MySQL source,
 * libs/mysql/binlog/event/export/binary_log_funcs.h and sql/rpl_utility.cc, `calc_field_size`).
 */
function valueBytes({ type, metadata }: ColumnMetadata): number {
  switch (type) {
    case COLUMN_TYPE.null:
      return 0;
    case COLUMN_TYPE.tiny:
    case COLUMN_TYPE.year:
      return 1;
    case COLUMN_TYPE.short:
      return 2;
    case COLUMN_TYPE.int24:
    case COLUMN_TYPE.date:
    case COLUMN_TYPE.newdate:
    case COLUMN_TYPE.time:
      return 3;
    case COLUMN_TYPE.long:
    case COLUMN_TYPE.timestamp:
      return 4;
    case COLUMN_TYPE.longlong:
    case COLUMN_TYPE.datetime:
      return 8;
    case COLUMN_TYPE.float:
    case COLUMN_TYPE.double:
    case COLUMN_TYPE.enum:
    case COLUMN_TYPE.set:
      return metadata;
    case COLUMN_TYPE.bit:
      return (metadata + 7) >> 3;
    case COLUMN_TYPE.newdecimal:
      return decimalByteLength(metadata >> 8, metadata & 0xff);
    case COLUMN_TYPE.timestamp2:
      return 4 + fractionByteLength(metadata);
    case COLUMN_TYPE.datetime2:
      return 5 + fractionByteLength(metadata);
    case COLUMN_TYPE.time2:
      return 3 + fractionByteLength(metadata);
    case COLUMN_TYPE.varchar:
    case COLUMN_TYPE.varcharCompressed:
    case COLUMN_TYPE.string:
      return metadata > 0xff ? -2 : -1;
    // parseColumnMetadata lets nothing else through than what has the bytes of its length as metadata.
    default:
      return -metadata;
  }
}
