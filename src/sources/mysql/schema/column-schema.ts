import type { ColumnDefinition } from '../../../../decoders/binlog/ddl/table-definition.ts';
import type { SqlDialect } from '../../../../decoders/binlog/ddl/tokens.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import { bytesPerCharacter, charsetOf } from './charset-name.ts';
import { defaultValue, NOW } from './default-value.ts';
import { jdbcType, namedType } from './type-name.ts';

/** What a column's definition leaves to its table, its session and its server. */
export interface ColumnContext {
  readonly dialect: SqlDialect;
  /** The table's default character set. */
  readonly charset: string | null;
  /** Off: a TIMESTAMP without NULL is NOT NULL, and has a default. */
  readonly explicitDefaultsForTimestamp: boolean;
  /** Whether comments are kept (`include.schema.comments`). */
  readonly comments: boolean;
}

/** MySQL and MariaDB: a VARCHAR or VARBINARY holds no more bytes. */
const MAX_VARCHAR_BYTES = 65_535;

const ZERO = '0000-00-00 00:00:00';

const TEXT_SIZES = ['TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT'];
/** Bytes of the length before a value. */
const SIZE_LIMITS = [0xff, 0xffff, 0xff_ffff];

/** A column of CREATE TABLE or ALTER TABLE as the server makes it; `position` is the caller's. */
function columnSchema(column: ColumnDefinition, context: ColumnContext): ColumnSchema {
  const type = namedType(column);
  const isText = usesCharset(type.typeName);
  const isNational = /^N|^NATIONAL/.test(type.typeName) && /CHAR/.test(type.typeName);
  const charset = !isText ? null : isNational ? 'utf8' : charsetOf(column, context.charset);
  const implicitTime = /^TIMESTAMP/.test(type.typeName) && !context.explicitDefaultsForTimestamp;
  const optional = column.primaryKey ? false : (column.nullable ?? !implicitTime);
  const isMade = column.autoIncrement || isUpdated(column, context);
  const schema: ColumnSchema = {
    name: column.name,
    position: 0,
    ...type,
    charset,
    optional,
    // Debezium's words for it; a column that is computed from others is one like any other.
    autoIncremented: isMade,
    generated: isMade,
    comment: context.comments ? column.comment : null,
    ...defaultValue(column.defaultText, optional, context.dialect),
    labels: column.type.labels,
  };
  return charset === 'binary' && column.type.labels.length === 0 ? asBinary(schema) : outgrown(schema);
}

/** Debezium takes ON UPDATE for AUTO_INCREMENT; its parser for MariaDB only where it is no part of a default. */
function isUpdated({ onUpdate }: ColumnDefinition, { dialect }: ColumnContext): boolean {
  return onUpdate === 'alone' || (onUpdate !== null && dialect.server === 'mysql');
}

/** Whether values of the type are text in a character set. */
export function usesCharset(typeName: string): boolean {
  return /CHAR|TEXT|^LONG$|^LONG VARCHAR$|^ENUM|^SET/.test(typeName);
}

/** Makes columns of one statement's definitions, and knows which TIMESTAMPs among them are given a default by the server. */
export class ColumnMaker {
  readonly #context: ColumnContext;
  readonly #silent = new Set<ColumnSchema>();

  constructor(context: ColumnContext) {
    this.#context = context;
  }

  make(definition: ColumnDefinition): ColumnSchema {
    const column = columnSchema(definition, this.#context);
    const saysNothing = definition.defaultText === null && definition.generated === null;
    if (!this.#context.explicitDefaultsForTimestamp && saysNothing && isRequiredTimestamp(column)) {
      this.#silent.add(column);
    }
    return column;
  }

  /**
   * The columns of the whole table with the defaults of those that the statement defined: the first of all that are NOT
   * NULL is set to now, others to zero (sql/sql_table.cc, `promote_first_timestamp_column`).
   */
  withDefaults(columns: readonly ColumnSchema[]): readonly ColumnSchema[] {
    if (this.#silent.size === 0) return columns;
    const first = columns.find(isRequiredTimestamp);
    return columns.map((column) => {
      if (!this.#silent.has(column)) return column;
      const zero = `${ZERO}${column.length ? `.${'0'.repeat(column.length)}` : ''}`;
      return { ...column, hasDefault: true, defaultValue: column === first ? NOW : zero };
    });
  }
}

function isRequiredTimestamp(column: ColumnSchema): boolean {
  return column.typeName === 'TIMESTAMP' && !column.optional;
}

/** A key's columns are not NULL, and do not have NULL as a default. */
export function notNull(column: ColumnSchema): ColumnSchema {
  if (!column.optional) return column;
  return { ...column, optional: false, hasDefault: column.hasDefault && column.defaultValue !== null };
}

/** CONVERT TO CHARACTER SET: text gets the set, and the size that it then needs. */
export function convertedColumn(column: ColumnSchema, charset: string | null): ColumnSchema {
  if (column.charset === null || column.charset === 'binary' || charset === null) return column;
  const sized = writtenSize(column);
  const size = TEXT_SIZES.indexOf(sized);
  // What is written as TEXT(n) keeps the size that it has.
  const converted = size === -1 ? { ...column, charset } : { ...column, charset, typeName: sized, length: null };
  if (charset === 'binary') return column.labels.length === 0 ? asBinary(converted) : converted;
  if (size === -1) return outgrown(converted);
  if (bytesPerCharacter(charset) <= bytesPerCharacter(column.charset)) return converted;
  return { ...converted, typeName: TEXT_SIZES[Math.min(size + 1, 3)]! };
}

/** The server's name of a type: TEXT(n) and BLOB(n) are of the smallest type that holds n characters. */
export function writtenSize(column: ColumnSchema): string {
  const { length, charset } = column;
  const typeName = column.typeName
    .replace(/TEXT BINARY$/, 'TEXT')
    .replace(/^LONG VARBINARY$/, 'MEDIUMBLOB')
    .replace(/^LONG( VARCHAR| CHAR VARYING)?( BINARY)?$/, 'MEDIUMTEXT');
  if ((typeName !== 'TEXT' && typeName !== 'BLOB') || length === null) return typeName;
  const size = TEXT_SIZES[sizeFor(length * bytesPerCharacter(charset))]!;
  return typeName === 'TEXT' ? size : size.replace('TEXT', 'BLOB');
}

function sizeFor(bytes: number): number {
  const size = SIZE_LIMITS.findIndex((limit) => bytes <= limit);
  return size === -1 ? SIZE_LIMITS.length : size;
}

/** The server makes TEXT or BLOB of a VARCHAR or VARBINARY that is too long (where its mode does not refuse that). */
function outgrown(column: ColumnSchema): ColumnSchema {
  if (!/VAR|VARYING/.test(column.typeName) || /^LONG/.test(column.typeName) || column.length === null) return column;
  const bytes = column.length * bytesPerCharacter(column.charset);
  if (bytes <= MAX_VARCHAR_BYTES) return column;
  const text = TEXT_SIZES[sizeFor(bytes)]!;
  const typeName = column.typeName === 'VARBINARY' ? text.replace('TEXT', 'BLOB') : text;
  return { ...column, typeName, jdbcType: jdbcType(typeName), length: null };
}

/** Text whose character set is `binary` is no text. */
function asBinary(column: ColumnSchema): ColumnSchema {
  const name = column.typeName;
  const typeName = /TEXT|^LONG/.test(name)
    ? name
        .replace(/ BINARY$/, '')
        .replace('TEXT', 'BLOB')
        .replace(/^LONG( VARCHAR)?$/, 'MEDIUMBLOB')
    : /VAR/.test(name)
      ? 'VARBINARY'
      : 'BINARY';
  return outgrown({ ...column, typeName, jdbcType: jdbcType(typeName), charset: null });
}
