import { parseCharsetName, parseColumnType } from './column-type.ts';
import type { ColumnDefinition } from './table-definition.ts';
import type { TokenReader } from './token-reader.ts';

/** Words at which a column's definition ends in ALTER TABLE without a comma. */
const AFTER_COLUMN = ['FIRST', 'AFTER', 'PARTITION'];

/** `name type [attribute ...]` (MySQL manual, "CREATE TABLE Statement": column_definition); stops before `,`, `)`, FIRST or AFTER. */
export function parseColumnDefinition(reader: TokenReader): ColumnDefinition {
  const name = reader.identifier();
  const mark = reader.mark;
  const { type, charset, collation: typeCollation, isSerial } = parseColumnType(reader);
  const typeText = reader.textSince(mark);
  const column: Draft = {
    name,
    type,
    typeText,
    charset,
    collation: typeCollation,
    nullable: null,
    defaultText: null,
    onUpdate: null,
    autoIncrement: isSerial,
    generated: null,
    primaryKey: false,
    unique: isSerial,
    invisible: false,
    comment: null,
  };
  while (!isAtColumnEnd(reader)) parseAttribute(reader, column);
  // The servers make it so whatever is written.
  if (column.autoIncrement) column.nullable = false;
  return column;
}

type Draft = { -readonly [K in keyof ColumnDefinition]: ColumnDefinition[K] };

function isAtColumnEnd(reader: TokenReader): boolean {
  const { kind, upper } = reader.peek();
  if (kind === 'end' || upper === ',' || upper === ')' || upper === ';') return true;
  return AFTER_COLUMN.includes(upper) || (upper === 'REMOVE' && reader.peek(1).upper === 'PARTITIONING');
}

function parseAttribute(reader: TokenReader, column: Draft): void {
  if (reader.accept('NOT', 'NULL')) column.nullable = false;
  else if (reader.accept('NULL')) column.nullable = true;
  else if (reader.accept('SERIAL', 'DEFAULT', 'VALUE')) {
    column.nullable = false;
    column.autoIncrement = true;
    column.unique = true;
  } else if (reader.accept('DEFAULT')) {
    column.defaultText = parseDefault(reader);
    const isNow = /^(?:CURRENT_TIMESTAMP|NOW|LOCALTIME)/i.test(column.defaultText);
    if (isNow && reader.accept('ON', 'UPDATE')) parseOnUpdate(reader, column, 'with default');
  } else if (reader.accept('ON', 'UPDATE')) parseOnUpdate(reader, column, 'alone');
  else if (reader.accept('AUTO_INCREMENT')) column.autoIncrement = true;
  else if (reader.accept('UNIQUE')) {
    column.unique = true;
    reader.accept('KEY');
  } else if (reader.accept('PRIMARY', 'KEY') || reader.accept('KEY')) column.primaryKey = true;
  else if (reader.accept('COMMENT')) column.comment = parseString(reader);
  else if (reader.accept('COLLATE')) column.collation = parseCharsetName(reader);
  else if (reader.accept('INVISIBLE')) column.invisible = true;
  else if (reader.accept('VISIBLE')) column.invisible = false;
  else if (reader.accept('GENERATED', 'ALWAYS', 'AS') || reader.accept('AS')) parseGenerated(reader, column);
  else if (reader.accept('REFERENCES')) skipReference(reader);
  else if (reader.accept('CONSTRAINT')) {
    if (reader.peek().upper !== 'CHECK') reader.identifier();
    skipCheck(reader);
  } else if (reader.peek().upper === 'CHECK') skipCheck(reader);
  else if (reader.acceptAny(['COLUMN_FORMAT', 'STORAGE']) !== null || reader.accept('SRID')) reader.next();
  else if (reader.accept('REF_SYSTEM_ID')) {
    reader.accept('=');
    reader.next();
  } else if (reader.acceptAny(['ENGINE_ATTRIBUTE', 'SECONDARY_ENGINE_ATTRIBUTE']) !== null) {
    reader.accept('=');
    parseString(reader);
  } else if (reader.accept('NOT', 'SECONDARY') || reader.accept('WITHOUT', 'SYSTEM', 'VERSIONING')) return;
  else if (reader.accept('WITH', 'SYSTEM', 'VERSIONING')) return;
  else if (reader.server === 'mariadb' && reader.peek(1).upper === '=') {
    // An attribute of the storage engine: name = value.
    reader.identifier();
    reader.expect('=');
    reader.next();
  } else throw reader.notUnderstood('an attribute of a column');
}

/** From behind ON UPDATE. */
function parseOnUpdate(reader: TokenReader, column: Draft, where: ColumnDefinition['onUpdate']): void {
  parseDefault(reader);
  column.onUpdate = where;
}

function parseGenerated(reader: TokenReader, column: Draft): void {
  if (reader.accept('ROW')) {
    // MariaDB: the period columns of a versioned table.
    const border = reader.acceptAny(['START', 'END']);
    if (border === null) throw reader.notUnderstood('START or END');
    column.generated = border === 'START' ? 'row-start' : 'row-end';
    column.nullable = false;
    return;
  }
  reader.skipParentheses();
  column.generated = reader.acceptAny(['STORED', 'PERSISTENT']) === null ? 'virtual' : 'stored';
  if (column.generated === 'virtual') reader.accept('VIRTUAL');
}

/** A literal, with sign or introducer, a function without or with parentheses, or an expression in them; as written. */
export function parseDefault(reader: TokenReader): string {
  const mark = reader.mark;
  if (reader.peek().upper === '(') reader.skipParentheses();
  else if (reader.server === 'mariadb' && reader.accept('NEXT', 'VALUE', 'FOR')) reader.tableName();
  else {
    if (reader.acceptAny(['+', '-']) === null && isIntroducer(reader)) reader.next();
    const { kind } = reader.peek();
    if (kind !== 'word' && kind !== 'number' && kind !== 'string') throw reader.notUnderstood('a default value');
    reader.next();
    // More of a string, or what a word before it makes of it: x'41', DATE '2001-01-01'.
    if (kind !== 'number') while (reader.peek().kind === 'string') reader.next();
    if (kind === 'word' && reader.peek().upper === '(') reader.skipParentheses();
  }
  const text = reader.textSince(mark);
  // An expression without parentheses around it, which MariaDB takes in places.
  const { kind, upper } = reader.peek();
  if (kind === 'symbol' && !',);'.includes(upper)) throw reader.notUnderstood('the end of the default value');
  return text;
}

/** `_charset` before a literal. */
function isIntroducer(reader: TokenReader): boolean {
  const { kind, value } = reader.peek();
  const after = reader.peek(1);
  const isLiteral =
    after.kind === 'string' || after.kind === 'number' || (after.kind === 'word' && reader.peek(2).kind === 'string');
  return kind === 'word' && value.startsWith('_') && isLiteral && !['COMMENT', 'COLLATE'].includes(after.upper);
}

export function parseString(reader: TokenReader): string {
  if (reader.peek().kind !== 'string') throw reader.notUnderstood('a string');
  let value = '';
  while (reader.peek().kind === 'string') value += reader.next().value;
  return value;
}

function skipCheck(reader: TokenReader): void {
  reader.expect('CHECK');
  reader.skipParentheses();
  if (!reader.accept('NOT', 'ENFORCED')) reader.accept('ENFORCED');
}

/** `table [(columns)] [MATCH x] [ON DELETE action] [ON UPDATE action]`: a foreign key changes nothing of the other table. */
function skipReference(reader: TokenReader): void {
  reader.tableName();
  if (reader.peek().upper === '(') reader.skipParentheses();
  for (;;) {
    if (reader.accept('MATCH')) reader.next();
    else if (reader.accept('ON', 'DELETE') || reader.accept('ON', 'UPDATE')) {
      if (!reader.accept('NO', 'ACTION') && !reader.accept('SET', 'NULL') && !reader.accept('SET', 'DEFAULT'))
        reader.next();
    } else return;
  }
}
