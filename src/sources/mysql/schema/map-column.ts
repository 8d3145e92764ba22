import { COLUMN_TYPE } from '../../../../decoders/binlog/column-type.ts';
import type { ServerFamily } from '../../../../decoders/binlog/format-description.ts';
import type { TableMapColumn } from '../../../../decoders/binlog/table-map.ts';
import { charsetOfCollation } from '../../../../decoders/binlog/value/collation.ts';
import { textParser } from '../../../../decoders/binlog/value/text.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import { parseDataType } from '../types/data-type.ts';
import { bytesPerCharacter } from './charset-name.ts';
import { usesCharset } from './column-schema.ts';
import { jdbcType } from './type-name.ts';

/** MariaDB keeps these in the bytes of a BINARY. */
const FIXED_BYTES: Readonly<Record<string, number>> = { uuid: 16, inet6: 16, inet4: 4 };

/** Whether a table map's column can be the one of a definition: false means that it was made by other DDL. */
export function isColumnOf(map: TableMapColumn, column: ColumnSchema, family: ServerFamily): boolean {
  const { type, metadata } = map;
  const data = parseDataType(column.typeName);
  if (data === null) return true;
  if (map.unsigned !== null && map.unsigned !== data.unsigned && type !== COLUMN_TYPE.year) return false;
  switch (data.name) {
    case 'tinyint':
      return type === COLUMN_TYPE.tiny;
    case 'smallint':
      return type === COLUMN_TYPE.short;
    case 'mediumint':
      return type === COLUMN_TYPE.int24;
    case 'int':
      return type === COLUMN_TYPE.long;
    case 'bigint':
      return type === COLUMN_TYPE.longlong;
    // FLOAT(25) is a DOUBLE, and by a mode of the session REAL is a FLOAT.
    case 'float':
    case 'double':
      return type === COLUMN_TYPE.float || type === COLUMN_TYPE.double;
    case 'decimal':
      return type === COLUMN_TYPE.newdecimal && metadata === (column.length ?? 10) * 256 + (column.scale ?? 0);
    case 'bit':
      return type === COLUMN_TYPE.bit && metadata === (column.length ?? 1);
    case 'year':
      return type === COLUMN_TYPE.year;
    case 'date':
      return type === COLUMN_TYPE.date || type === COLUMN_TYPE.newdate;
    case 'time':
      return type === COLUMN_TYPE.time || (type === COLUMN_TYPE.time2 && metadata === (column.length ?? 0));
    case 'datetime':
      return type === COLUMN_TYPE.datetime || (type === COLUMN_TYPE.datetime2 && metadata === (column.length ?? 0));
    case 'timestamp':
      return type === COLUMN_TYPE.timestamp || (type === COLUMN_TYPE.timestamp2 && metadata === (column.length ?? 0));
    case 'char':
    case 'binary':
      return type === COLUMN_TYPE.string;
    case 'varchar':
    case 'varbinary':
      return type === COLUMN_TYPE.varchar || type === COLUMN_TYPE.varcharCompressed;
    case 'text':
    case 'blob':
      return type === COLUMN_TYPE.blob || type === COLUMN_TYPE.blobCompressed;
    case 'enum':
      return type === COLUMN_TYPE.enum;
    case 'set':
      return type === COLUMN_TYPE.set;
    case 'json':
      return type === (family === 'mysql' ? COLUMN_TYPE.json : COLUMN_TYPE.blob);
    case 'point':
    case 'geometry':
      return type === COLUMN_TYPE.geometry;
    case 'vector':
      return type === (family === 'mysql' ? COLUMN_TYPE.vector : COLUMN_TYPE.varchar);
    case 'uuid':
    case 'inet4':
    case 'inet6':
      return type === COLUMN_TYPE.string && metadata === FIXED_BYTES[data.name];
    default:
      return data.name satisfies never;
  }
}

const NUMBERS: Readonly<Record<number, string>> = {
  [COLUMN_TYPE.tiny]: 'TINYINT',
  [COLUMN_TYPE.short]: 'SMALLINT',
  [COLUMN_TYPE.int24]: 'MEDIUMINT',
  [COLUMN_TYPE.long]: 'INT',
  [COLUMN_TYPE.longlong]: 'BIGINT',
  [COLUMN_TYPE.float]: 'FLOAT',
  [COLUMN_TYPE.double]: 'DOUBLE',
  [COLUMN_TYPE.newdecimal]: 'DECIMAL',
};

const TIMES: Readonly<Record<number, string>> = {
  [COLUMN_TYPE.date]: 'DATE',
  [COLUMN_TYPE.newdate]: 'DATE',
  [COLUMN_TYPE.time]: 'TIME',
  [COLUMN_TYPE.time2]: 'TIME',
  [COLUMN_TYPE.datetime]: 'DATETIME',
  [COLUMN_TYPE.datetime2]: 'DATETIME',
  [COLUMN_TYPE.timestamp]: 'TIMESTAMP',
  [COLUMN_TYPE.timestamp2]: 'TIMESTAMP',
  [COLUMN_TYPE.year]: 'YEAR',
};

/** By {@link TableMapColumn.geometryType}. */
const GEOMETRIES = [
  'GEOMETRY',
  'POINT',
  'LINESTRING',
  'POLYGON',
  'MULTIPOINT',
  'MULTILINESTRING',
  'MULTIPOLYGON',
  'GEOMETRYCOLLECTION',
];

/** By bytes of the length. */
const SIZES = ['TINY', '', 'MEDIUM', 'LONG'];

/** Collation number of what is no text. */
const BINARY_COLLATION = 63;

type Type = Pick<ColumnSchema, 'typeName' | 'length' | 'scale'>;

/**
 * The definition that a table map with full metadata tells of a column; what it does not tell (defaults, comments,
 * MariaDB's UUID, which comes as BINARY(16)) is as if there was none, or as in `known`, its definition as DDL has it.
 */
export function describeColumn(map: TableMapColumn, position: number, known: ColumnSchema | null): ColumnSchema {
  const type = describeType(map);
  const charset = usesCharset(type.typeName) ? charsetName(map, known) : null;
  const hasValue = known?.hasDefault === true && known.defaultValue !== null;
  return {
    name: map.name ?? known?.name ?? '',
    position,
    ...type,
    jdbcType: jdbcType(type.typeName.replace(/ UNSIGNED$/, '')),
    charset,
    optional: map.nullable,
    autoIncremented: known?.autoIncremented ?? false,
    generated: known?.generated ?? false,
    comment: known?.comment ?? null,
    hasDefault: hasValue || map.nullable,
    defaultValue: hasValue ? known.defaultValue : null,
    labels: labelsOf(map, charset, known),
  };
}

function describeType(map: TableMapColumn): Type {
  const { type, metadata } = map;
  const number = NUMBERS[type];
  if (number !== undefined) {
    const isDecimal = type === COLUMN_TYPE.newdecimal;
    const typeName = number + (map.unsigned === true ? ' UNSIGNED' : '');
    return { typeName, length: isDecimal ? metadata >> 8 : null, scale: isDecimal ? metadata & 0xff : null };
  }
  const time = TIMES[type];
  const plain = (typeName: string, length: number | null = null): Type => ({ typeName, length, scale: null });
  if (time !== undefined) return plain(time, metadata > 0 ? metadata : null);
  const isBinary = map.collation === null || map.collation === BINARY_COLLATION;
  const characters = Math.floor(metadata / bytesPerCharacter(isBinary ? 'binary' : charsetOfCollation(map.collation)));
  switch (type) {
    case COLUMN_TYPE.bit:
      return plain('BIT', metadata);
    case COLUMN_TYPE.string:
    case COLUMN_TYPE.varString:
      return plain(isBinary ? 'BINARY' : 'CHAR', characters);
    case COLUMN_TYPE.varchar:
    case COLUMN_TYPE.varcharCompressed:
      return plain(isBinary ? 'VARBINARY' : 'VARCHAR', characters);
    case COLUMN_TYPE.enum:
      return plain('ENUM', 1);
    case COLUMN_TYPE.set:
      return plain('SET', Math.max(0, 2 * (map.members?.length ?? 0) - 1));
    case COLUMN_TYPE.json:
      return plain('JSON');
    case COLUMN_TYPE.geometry:
      return plain(GEOMETRIES[map.geometryType ?? 0] ?? 'GEOMETRY');
    case COLUMN_TYPE.vector:
      return plain('VECTOR', map.dimensions);
    default:
      return plain(`${SIZES[metadata - 1] ?? ''}${isBinary ? 'BLOB' : 'TEXT'}`);
  }
}

function charsetName({ collation }: TableMapColumn, known: ColumnSchema | null): string | null {
  return (collation === null ? null : charsetOfCollation(collation)) ?? known?.charset ?? null;
}

function labelsOf({ members }: TableMapColumn, charset: string | null, known: ColumnSchema | null): readonly string[] {
  if (members === null) return [];
  // Members of an ENUM in the set `binary` are bytes, which the server shows as they are.
  const isText = charset !== 'binary' && charset !== null;
  const parse = isText ? textParser(charset as Parameters<typeof textParser>[0]) : null;
  return members.map((label, i) => {
    if (parse === null) return label.toString('latin1');
    try {
      return parse(label, 0, label.length);
    } catch (error) {
      // MySQL garbles labels when it converts them to wide characters; what its definition shows is as good as any.
      if (!(error instanceof DecodeError)) throw error;
      return known?.labels[i] ?? label.toString('latin1');
    }
  });
}

/** Whether a definition says all that the table map says: then it is the better one. */
export function saysTheSame(map: TableMapColumn, column: ColumnSchema, family: ServerFamily): boolean {
  if (!isColumnOf(map, column, family) || map.nullable !== column.optional) return false;
  const { charset, labels } = describeColumn(map, column.position, column);
  const isText = charset !== null && usesCharset(column.typeName);
  if (isText && serverName(charset) !== serverName(column.charset)) return false;
  return (
    map.members === null || (labels.length === column.labels.length && labels.every((l, i) => l === column.labels[i]))
  );
}

function serverName(charset: string | null): string | null {
  return charset === 'utf8' ? 'utf8mb3' : charset;
}
