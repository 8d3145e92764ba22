import { DecodeError } from '../decode-error.ts';
import type { BinlogCursor } from './binlog-cursor.ts';
import { COLUMN_TYPE } from './column-type.ts';

export interface ColumnMetadata {
  /** {@link COLUMN_TYPE}; ENUM and SET are told from STRING. */
  readonly type: number;
  /**
   * By type: float, double: bytes; varchar, string: longest value in bytes; bit: bits; newdecimal: precision * 256 +
   * scale; blobs, json, geometry, vector: bytes of the length; enum, set: bytes of the value; time2, datetime2,
   * timestamp2: digits of the second; else 0.
   */
  readonly metadata: number;
}

/** Digits of the second, and of a decimal. */
const MAX_FRACTION_DIGITS = 6;
const MAX_PRECISION = 65;
const MAX_SCALE = 38;

/**
 * The metadata of one column, as many bytes as its type has (MySQL source, libs/mysql/binlog/event/rows_event.h,
 * "Table_map_event column types"; sql/rpl_utility.h, `read_field_metadata`).
 */
export function parseColumnMetadata(cursor: BinlogCursor, type: number, index: number): ColumnMetadata {
  const at = cursor.position;
  const bad = (value: number): DecodeError =>
    new DecodeError(`column ${index} of type ${type} has metadata ${value}, which it cannot have`, at);
  switch (type) {
    case COLUMN_TYPE.tiny:
    case COLUMN_TYPE.short:
    case COLUMN_TYPE.long:
    case COLUMN_TYPE.longlong:
    case COLUMN_TYPE.int24:
    case COLUMN_TYPE.null:
    case COLUMN_TYPE.timestamp:
    case COLUMN_TYPE.date:
    case COLUMN_TYPE.newdate:
    case COLUMN_TYPE.time:
    case COLUMN_TYPE.datetime:
    case COLUMN_TYPE.year:
      return { type, metadata: 0 };
    case COLUMN_TYPE.float:
    case COLUMN_TYPE.double: {
      const bytes = cursor.uint8();
      if (bytes !== (type === COLUMN_TYPE.float ? 4 : 8)) throw bad(bytes);
      return { type, metadata: bytes };
    }
    case COLUMN_TYPE.time2:
    case COLUMN_TYPE.datetime2:
    case COLUMN_TYPE.timestamp2: {
      const digits = cursor.uint8();
      if (digits > MAX_FRACTION_DIGITS) throw bad(digits);
      return { type, metadata: digits };
    }
    case COLUMN_TYPE.blob:
    case COLUMN_TYPE.tinyBlob:
    case COLUMN_TYPE.mediumBlob:
    case COLUMN_TYPE.longBlob:
    case COLUMN_TYPE.blobCompressed:
    case COLUMN_TYPE.json:
    case COLUMN_TYPE.geometry:
    case COLUMN_TYPE.vector: {
      const lengthBytes = cursor.uint8();
      if (lengthBytes < 1 || lengthBytes > 4) throw bad(lengthBytes);
      return { type, metadata: lengthBytes };
    }
    case COLUMN_TYPE.varchar:
    case COLUMN_TYPE.varcharCompressed:
      return { type, metadata: cursor.uint16() };
    case COLUMN_TYPE.bit: {
      const rest = cursor.uint8();
      const bits = cursor.uint8() * 8 + rest;
      if (rest > 7 || bits < 1 || bits > 64) throw bad(bits);
      return { type, metadata: bits };
    }
    case COLUMN_TYPE.newdecimal: {
      const precision = cursor.uint8();
      const scale = cursor.uint8();
      if (precision < 1 || precision > MAX_PRECISION || scale > precision || scale > MAX_SCALE) throw bad(precision);
      return { type, metadata: precision * 256 + scale };
    }
    case COLUMN_TYPE.string:
    case COLUMN_TYPE.varString:
      return parseStringMetadata(cursor, bad);
    default:
      throw new DecodeError(`column ${index} has type ${type}, whose values nobody here can read`, at);
  }
}

/**
 * `uint8 realType, uint8 length`. A CHAR of more than 255 bytes has bits 8 and 9 of its length, inverted, in bits 4 and 5
 * of the type, which are ones in every type that comes here.
 */
function parseStringMetadata(cursor: BinlogCursor, bad: (value: number) => DecodeError): ColumnMetadata {
  const first = cursor.uint8();
  const length = cursor.uint8();
  const type = first | 0x30;
  switch (type) {
    case COLUMN_TYPE.string:
    case COLUMN_TYPE.varString:
      return { type: COLUMN_TYPE.string, metadata: length + (((first & 0x30) ^ 0x30) << 4) };
    case COLUMN_TYPE.enum:
      if (first !== type || length < 1 || length > 2) throw bad(length);
      return { type, metadata: length };
    case COLUMN_TYPE.set:
      if (first !== type || length < 1 || length > 8) throw bad(length);
      return { type, metadata: length };
    default:
      throw bad(first);
  }
}
