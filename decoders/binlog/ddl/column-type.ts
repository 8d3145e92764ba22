import type { ColumnType } from './table-definition.ts';
import type { TokenReader } from './token-reader.ts';

/** Types of one word, by the name that the server gives them. */
const TYPES: Readonly<Record<string, string>> = {
  BIT: 'bit',
  TINYINT: 'tinyint',
  INT1: 'tinyint',
  SMALLINT: 'smallint',
  INT2: 'smallint',
  MEDIUMINT: 'mediumint',
  MIDDLEINT: 'mediumint',
  INT3: 'mediumint',
  INT: 'int',
  INTEGER: 'int',
  INT4: 'int',
  BIGINT: 'bigint',
  INT8: 'bigint',
  DECIMAL: 'decimal',
  DEC: 'decimal',
  NUMERIC: 'decimal',
  FIXED: 'decimal',
  FLOAT: 'float',
  FLOAT4: 'float',
  DOUBLE: 'double',
  FLOAT8: 'double',
  REAL: 'double',
  DATE: 'date',
  TIME: 'time',
  DATETIME: 'datetime',
  TIMESTAMP: 'timestamp',
  YEAR: 'year',
  CHAR: 'char',
  CHARACTER: 'char',
  NCHAR: 'char',
  VARCHAR: 'varchar',
  VARCHARACTER: 'varchar',
  NVARCHAR: 'varchar',
  BINARY: 'binary',
  VARBINARY: 'varbinary',
  TINYBLOB: 'tinyblob',
  BLOB: 'blob',
  MEDIUMBLOB: 'mediumblob',
  LONGBLOB: 'longblob',
  TINYTEXT: 'tinytext',
  TEXT: 'text',
  MEDIUMTEXT: 'mediumtext',
  LONGTEXT: 'longtext',
  ENUM: 'enum',
  SET: 'set',
  JSON: 'json',
  VECTOR: 'vector',
  GEOMETRY: 'geometry',
  POINT: 'point',
  LINESTRING: 'linestring',
  POLYGON: 'polygon',
  MULTIPOINT: 'multipoint',
  MULTILINESTRING: 'multilinestring',
  MULTIPOLYGON: 'multipolygon',
  GEOMETRYCOLLECTION: 'geometrycollection',
  GEOMCOLLECTION: 'geometrycollection',
  UUID: 'uuid',
  INET4: 'inet4',
  INET6: 'inet6',
};

/** Lengths that the server fills in where none is written. */
const IMPLIED: Readonly<Record<string, readonly number[]>> = {
  char: [1],
  binary: [1],
  bit: [1],
  decimal: [10, 0],
  vector: [2048],
};

/** What text becomes when its character set is `binary`. */
const AS_BINARY: Readonly<Record<string, string>> = {
  char: 'binary',
  varchar: 'varbinary',
  tinytext: 'tinyblob',
  text: 'blob',
  mediumtext: 'mediumblob',
  longtext: 'longblob',
};

export interface ParsedType {
  readonly type: ColumnType;
  readonly charset: string | null;
  readonly collation: string | null;
  /** SERIAL stands for more than a type. */
  readonly isSerial: boolean;
}

/** A data type with its own attributes (UNSIGNED, CHARACTER SET ...), as in the servers' grammars (`field_type`, sql/sql_yacc.yy). */
export function parseColumnType(reader: TokenReader): ParsedType {
  if (reader.accept('SERIAL')) {
    const type = { name: 'bigint', parameters: [], labels: [], unsigned: true, zerofill: false };
    return { type, charset: null, collation: null, isSerial: true };
  }
  let { name, charset, implied } = parseTypeName(reader);
  let parameters: readonly number[] = [];
  let labels: readonly string[] = [];
  if (name === 'enum' || name === 'set') labels = parseLabels(reader);
  else if (implied !== null) parameters = implied;
  else if (reader.peek().upper === '(') parameters = parseNumbers(reader);

  let unsigned = false;
  let zerofill = false;
  let collation: string | null = null;
  for (;;) {
    if (reader.accept('UNSIGNED')) unsigned = true;
    else if (reader.accept('SIGNED')) continue;
    else if (reader.accept('ZEROFILL')) zerofill = unsigned = true;
    else if (acceptCharset(reader)) charset = parseCharsetName(reader);
    else if (reader.accept('COLLATE')) collation = parseCharsetName(reader);
    else if (reader.accept('ASCII')) charset = 'latin1';
    else if (reader.accept('UNICODE')) charset = 'ucs2';
    else if (reader.accept('BYTE')) charset = 'binary';
    // `BINARY` alone asks for the set's _bin collation, whose name depends on the set.
    else if (reader.accept('BINARY')) continue;
    else if (reader.accept('COMPRESSED')) reader.accept('=') && reader.next();
    else break;
  }
  if (charset === 'binary' && name in AS_BINARY) {
    name = AS_BINARY[name]!;
    charset = null;
  }
  if (name === 'json' && reader.server === 'mariadb') {
    name = 'longtext';
    charset = 'utf8mb4';
    collation = 'utf8mb4_bin';
  }
  if (name === 'geometrycollection' && reader.server === 'mysql') name = 'geomcollection';
  if (name === 'float' && parameters.length === 1) {
    if (parameters[0]! > 24) name = 'double';
    parameters = [];
  }
  if (name === 'decimal' && parameters.length === 1) parameters = [parameters[0]!, 0];
  if (parameters.length === 0) parameters = IMPLIED[name] ?? [];
  return { type: { name, parameters, labels, unsigned, zerofill }, charset, collation, isSerial: false };
}

function parseTypeName(reader: TokenReader): {
  name: string;
  charset: string | null;
  implied: readonly number[] | null;
} {
  const named = (name: string, charset: string | null = null) => ({ name, charset, implied: null });
  if (reader.acceptAny(['BOOL', 'BOOLEAN']) !== null) return { name: 'tinyint', charset: null, implied: [1] };
  if (reader.accept('LONG')) {
    if (reader.accept('VARBINARY')) return named('mediumblob');
    if (reader.accept('CHAR', 'VARYING') || reader.accept('CHARACTER', 'VARYING')) return named('mediumtext');
    reader.acceptAny(['VARCHAR', 'VARCHARACTER']);
    return named('mediumtext');
  }
  const isNational = reader.accept('NATIONAL');
  const first = reader.peek();
  const name = first.kind === 'word' ? TYPES[first.upper] : undefined;
  if (name === undefined) throw reader.notUnderstood('a data type');
  reader.next();
  if (name === 'double') reader.accept('PRECISION');
  const charset = isNational || first.upper === 'NCHAR' || first.upper === 'NVARCHAR' ? 'utf8mb3' : null;
  if (name !== 'char') return named(name, charset);
  return named(reader.acceptAny(['VARYING', 'VARCHAR', 'VARCHARACTER']) === null ? 'char' : 'varchar', charset);
}

function parseNumbers(reader: TokenReader): readonly number[] {
  const numbers: number[] = [];
  reader.expect('(');
  do {
    const token = reader.next();
    if (token.kind !== 'number' || !/^\d+$/.test(token.value)) throw reader.notUnderstood('a length');
    numbers.push(Number(token.value));
  } while (reader.accept(','));
  reader.expect(')');
  return numbers;
}

function parseLabels(reader: TokenReader): readonly string[] {
  const labels: string[] = [];
  reader.expect('(');
  do labels.push(parseLabel(reader));
  while (reader.accept(','));
  reader.expect(')');
  return labels;
}

/** A label in plain quotes. In hexadecimal or with a character set of its own it is left to the catalog. */
function parseLabel(reader: TokenReader): string {
  if (reader.peek().kind !== 'string') throw reader.notUnderstood('a label in quotes');
  // Trailing spaces of a label are cut by the server.
  return reader.next().value.replace(/ +$/, '');
}

/** CHARACTER SET, CHARSET, CHAR SET. */
export function acceptCharset(reader: TokenReader): boolean {
  return reader.accept('CHARACTER', 'SET') || reader.accept('CHARSET') || reader.accept('CHAR', 'SET');
}

/** A character set's or collation's name, lower case; `utf8` as written. Null for DEFAULT. */
export function parseCharsetName(reader: TokenReader): string | null {
  if (reader.accept('DEFAULT')) return null;
  const token = reader.peek();
  if (token.kind !== 'word' && token.kind !== 'quoted' && token.kind !== 'string') {
    throw reader.notUnderstood('the name of a character set or collation');
  }
  return reader.next().value.toLowerCase();
}
