/** Data types by the server's names. */
export type DataTypeName =
  | 'tinyint'
  | 'smallint'
  | 'mediumint'
  | 'int'
  | 'bigint'
  | 'decimal'
  | 'float'
  | 'double'
  | 'bit'
  | 'year'
  | 'date'
  | 'time'
  | 'datetime'
  | 'timestamp'
  | 'char'
  | 'varchar'
  | 'text'
  | 'binary'
  | 'varbinary'
  | 'blob'
  | 'enum'
  | 'set'
  | 'json'
  | 'point'
  | 'geometry'
  | 'vector'
  | 'uuid'
  | 'inet4'
  | 'inet6';

export interface DataType {
  /** `text` and `blob` stand for all their sizes, `geometry` for all kinds but points. */
  readonly name: DataTypeName;
  readonly unsigned: boolean;
}

/** Spellings in DDL, as Debezium's schema history keeps them; those not named here are the type's own name. */
const SPELLINGS: Readonly<Record<string, DataTypeName>> = {
  INT1: 'tinyint',
  INT2: 'smallint',
  INT3: 'mediumint',
  MIDDLEINT: 'mediumint',
  INTEGER: 'int',
  INT4: 'int',
  INT8: 'bigint',
  // Only DDL calls it so: the server makes it a TINYINT(1), and a value has one form however its table was learnt.
  BOOL: 'tinyint',
  BOOLEAN: 'tinyint',
  DEC: 'decimal',
  FIXED: 'decimal',
  NUMERIC: 'decimal',
  FLOAT4: 'float',
  FLOAT8: 'double',
  REAL: 'double',
  'DOUBLE PRECISION': 'double',
  CHARACTER: 'char',
  NCHAR: 'char',
  'NATIONAL CHAR': 'char',
  'NATIONAL CHARACTER': 'char',
  'CHAR BYTE': 'binary',
  'CHAR VARYING': 'varchar',
  'CHARACTER VARYING': 'varchar',
  VARCHARACTER: 'varchar',
  NVARCHAR: 'varchar',
  'NCHAR VARYING': 'varchar',
  'NCHAR VARCHAR': 'varchar',
  'NCHAR VARCHARACTER': 'varchar',
  'NATIONAL VARCHAR': 'varchar',
  'NATIONAL VARCHARACTER': 'varchar',
  'NATIONAL CHAR VARYING': 'varchar',
  'NATIONAL CHARACTER VARYING': 'varchar',
  TINYTEXT: 'text',
  MEDIUMTEXT: 'text',
  LONGTEXT: 'text',
  LONG: 'text',
  'LONG VARCHAR': 'text',
  'LONG VARCHARACTER': 'text',
  'LONG CHAR VARYING': 'text',
  'LONG CHARACTER VARYING': 'text',
  TINYBLOB: 'blob',
  MEDIUMBLOB: 'blob',
  LONGBLOB: 'blob',
  'LONG VARBINARY': 'blob',
  LINESTRING: 'geometry',
  POLYGON: 'geometry',
  MULTIPOINT: 'geometry',
  MULTILINESTRING: 'geometry',
  MULTIPOLYGON: 'geometry',
  GEOMETRYCOLLECTION: 'geometry',
  GEOMCOLLECTION: 'geometry',
};

const OWN_NAMES: ReadonlySet<string> = new Set<DataTypeName>([
  'tinyint',
  'smallint',
  'mediumint',
  'int',
  'bigint',
  'decimal',
  'float',
  'double',
  'bit',
  'year',
  'date',
  'time',
  'datetime',
  'timestamp',
  'char',
  'varchar',
  'text',
  'binary',
  'varbinary',
  'blob',
  'enum',
  'set',
  'json',
  'point',
  'geometry',
  'vector',
  'uuid',
  'inet4',
  'inet6',
]);

/** Behind the name: what changes a number's range, the collation of a text or how it is stored. */
const ATTRIBUTES = /(?: (?:UNSIGNED|SIGNED|ZEROFILL|COMPRESSED|ASCII|UNICODE|BINARY))+$/;

/**
 * The type that `ColumnSchema.typeName` means: upper case or not, in any of the servers' spellings, with attributes, with
 * or without a length in parentheses. Null of a type that has no mapping.
 */
export function parseDataType(typeName: string): DataType | null {
  const words = typeName
    .toUpperCase()
    .replace(/\([^)]*\)/g, ' ')
    .trim()
    .replace(/\s+/g, ' ');
  const attributes = ATTRIBUTES.exec(words)?.[0] ?? '';
  const spelling = words.slice(0, words.length - attributes.length);
  if (spelling === 'SERIAL') return { name: 'bigint', unsigned: true };
  const own = spelling.toLowerCase();
  const name = Object.hasOwn(SPELLINGS, spelling)
    ? SPELLINGS[spelling]!
    : OWN_NAMES.has(own)
      ? (own as DataTypeName)
      : null;
  // ZEROFILL makes a column unsigned.
  return name === null ? null : { name, unsigned: / (?:UNSIGNED|ZEROFILL)\b/.test(attributes) };
}
