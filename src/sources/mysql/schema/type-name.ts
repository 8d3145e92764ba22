import type { ColumnDefinition } from '../../../../decoders/binlog/ddl/table-definition.ts';

/** A type in Debezium's terms: its words as they are written, and java.sql.Types. */
export interface NamedType {
  readonly typeName: string;
  readonly jdbcType: number;
  readonly length: number | null;
  readonly scale: number | null;
}

/** java.sql.Types */
const JDBC = {
  bit: -7,
  bigint: -5,
  varbinary: -3,
  binary: -2,
  char: 1,
  numeric: 2,
  decimal: 3,
  integer: 4,
  smallint: 5,
  float: 6,
  real: 7,
  double: 8,
  varchar: 12,
  boolean: 16,
  date: 91,
  time: 92,
  timestamp: 93,
  other: 1111,
  timestampWithTimezone: 2014,
  blob: 2004,
  nvarchar: -9,
  nchar: -15,
} as const;

/** Of types that keep their words, without what is said of signs (Debezium's MySQL DDL parser, `initializeDataTypeResolver`). */
const JDBC_TYPES: Readonly<Record<string, number>> = {
  TINYINT: JDBC.smallint,
  INT1: JDBC.smallint,
  SMALLINT: JDBC.smallint,
  INT2: JDBC.smallint,
  MEDIUMINT: JDBC.integer,
  INT3: JDBC.integer,
  MIDDLEINT: JDBC.integer,
  INT: JDBC.integer,
  INTEGER: JDBC.integer,
  INT4: JDBC.integer,
  YEAR: JDBC.integer,
  BIGINT: JDBC.bigint,
  INT8: JDBC.bigint,
  REAL: JDBC.real,
  DOUBLE: JDBC.double,
  'DOUBLE PRECISION': JDBC.double,
  FLOAT8: JDBC.double,
  FLOAT: JDBC.float,
  FLOAT4: JDBC.float,
  DECIMAL: JDBC.decimal,
  DEC: JDBC.decimal,
  FIXED: JDBC.decimal,
  NUMERIC: JDBC.numeric,
  BIT: JDBC.bit,
  BOOL: JDBC.boolean,
  BOOLEAN: JDBC.boolean,
  DATE: JDBC.date,
  TIME: JDBC.time,
  DATETIME: JDBC.timestamp,
  TIMESTAMP: JDBC.timestampWithTimezone,
  BINARY: JDBC.binary,
  VARBINARY: JDBC.varbinary,
  TINYBLOB: JDBC.blob,
  BLOB: JDBC.blob,
  MEDIUMBLOB: JDBC.blob,
  LONGBLOB: JDBC.blob,
  'LONG VARBINARY': JDBC.blob,
  CHAR: JDBC.char,
  CHARACTER: JDBC.char,
  ENUM: JDBC.char,
  SET: JDBC.char,
};

/** MAX_VALUE of Java's int, which is all that a record of the history can hold. */
const MAX_LENGTH = 0x7fff_ffff;

/** What follows a type's name and is not part of it. */
const CHARSET_WORDS =
  /\b(?:CHARACTER\s+SET|CHAR\s+SET|CHARSET|COLLATE)\s*(?:`[^`]*`|'[^']*'|"[^"]*"|[\w$]+)|\b(?:ASCII|UNICODE|BYTE)\b|\bCOMPRESSED\b(?:\s*=\s*\w+)?/gi;

/** Type, length and scale of a column as its definition writes them. */
export function namedType(column: ColumnDefinition): NamedType {
  const { type, typeText } = column;
  if (type.name === 'enum' || type.name === 'set') {
    // Debezium counts the characters of a set of one-letter members.
    const length = type.name === 'enum' ? 1 : Math.max(0, type.labels.length * 2 - 1);
    return { typeName: type.name.toUpperCase(), jdbcType: JDBC.char, length, scale: null };
  }
  const words = baseWords(typeText);
  const numbers = writtenNumbers(typeText);
  // The name in the server's own words says more where a character set makes binary of text, or MariaDB text of JSON.
  const isSpelled = spells(words, type.name);
  const base = isSpelled ? words : type.name.toUpperCase();
  const sign = type.zerofill
    ? ' UNSIGNED ZEROFILL'
    : type.unsigned
      ? ' UNSIGNED'
      : /\bSIGNED\b/i.test(typeText)
        ? ' SIGNED'
        : '';
  return { typeName: base + sign, jdbcType: jdbcType(base), ...lengthAndScale(base, numbers) };
}

/** The type of a column whose name of the server is known, without length. */
export function jdbcType(base: string): number {
  const known = JDBC_TYPES[base];
  if (known !== undefined) return known;
  const words = base.split(' ');
  if (words.at(-1) === 'BINARY') return jdbcType(words.slice(0, -1).join(' '));
  const isNational = words[0] === 'NATIONAL' || words[0]!.startsWith('N');
  if (isNational && /CHAR/.test(base)) return /VAR/.test(base) ? JDBC.nvarchar : JDBC.nchar;
  return /CHAR|TEXT|^LONG/.test(base) ? JDBC.varchar : JDBC.other;
}

function baseWords(typeText: string): string {
  if (/^SERIAL\b/i.test(typeText)) return 'BIGINT';
  return (
    typeText
      .replace(/\([^)]*\)/g, ' ')
      // What executable comments hold counts.
      .replace(/\/\*M?!\d*|\/\*[^!].*?\*\/|\*\//gs, ' ')
      .replace(CHARSET_WORDS, ' ')
      .replace(/\b(?:UNSIGNED|SIGNED|ZEROFILL)\b/gi, ' ')
      .trim()
      .replace(/\s+/g, ' ')
      .toUpperCase()
  );
}

/** False where the server makes another type of it than the words say. */
function spells(words: string, name: string): boolean {
  if (/BINARY|BLOB/i.test(name)) return /^(?:VAR)?BINARY$|BLOB$|^LONG VARBINARY$/.test(words);
  return !(words === 'JSON' && name !== 'json');
}

function writtenNumbers(typeText: string): readonly number[] {
  const match = /\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)/.exec(typeText);
  if (match === null) return [];
  return [match[1], match[2]].flatMap((digits) => (digits === undefined ? [] : Math.min(Number(digits), MAX_LENGTH)));
}

function lengthAndScale(base: string, [length, scale]: readonly number[]): Pick<NamedType, 'length' | 'scale'> {
  switch (base) {
    case 'DECIMAL':
    case 'DEC':
    case 'FIXED':
    case 'NUMERIC':
      return { length: length ?? 10, scale: scale ?? 0 };
    case 'BIT':
    case 'NCHAR':
      return { length: length ?? 1, scale: null };
    default:
      return { length: length ?? null, scale: scale ?? null };
  }
}
