import type { ServerFamily } from './format-description.ts';

/**
 * `enum_field_types`: the type codes of a table map, of which ENUM and SET are hidden in STRING's metadata
 * (MySQL source, include/field_types.h; the compressed ones are MariaDB's, include/mysql_com.h).
 */
export const COLUMN_TYPE = {
  decimal: 0,
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestamp: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  time: 11,
  datetime: 12,
  year: 13,
  newdate: 14,
  varchar: 15,
  bit: 16,
  timestamp2: 17,
  datetime2: 18,
  time2: 19,
  typedArray: 20,
  blobCompressed: 140,
  varcharCompressed: 141,
  vector: 242,
  json: 245,
  newdecimal: 246,
  enum: 247,
  set: 248,
  tinyBlob: 249,
  mediumBlob: 250,
  longBlob: 251,
  blob: 252,
  varString: 253,
  string: 254,
  geometry: 255,
} as const;

/** Columns that the SIGNEDNESS field of the optional metadata has a bit for. */
export function isNumeric(type: number): boolean {
  switch (type) {
    case COLUMN_TYPE.tiny:
    case COLUMN_TYPE.short:
    case COLUMN_TYPE.int24:
    case COLUMN_TYPE.long:
    case COLUMN_TYPE.longlong:
    case COLUMN_TYPE.newdecimal:
    case COLUMN_TYPE.float:
    case COLUMN_TYPE.double:
    case COLUMN_TYPE.year:
      return true;
    default:
      return false;
  }
}

/** Columns that the charset fields count: binary ones too, with the collation `binary`, MySQL's vectors and MariaDB's geometry. */
export function isCharacter(type: number, family: ServerFamily): boolean {
  switch (type) {
    case COLUMN_TYPE.string:
    case COLUMN_TYPE.varString:
    case COLUMN_TYPE.varchar:
    case COLUMN_TYPE.blob:
    case COLUMN_TYPE.varcharCompressed:
    case COLUMN_TYPE.blobCompressed:
      return true;
    case COLUMN_TYPE.vector:
      return family === 'mysql';
    case COLUMN_TYPE.geometry:
      return family === 'mariadb';
    default:
      return false;
  }
}

export function isEnumOrSet(type: number): boolean {
  return type === COLUMN_TYPE.enum || type === COLUMN_TYPE.set;
}
