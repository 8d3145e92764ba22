import { parseAlterActions } from './alter-table.ts';
import { parseCreateTable } from './create-table.ts';
import { parseDml } from './dml-statement.ts';
import { namedTables } from './named-tables.ts';
import type { Statement, TableName } from './statement.ts';
import { parseUniqueKey } from './table-element.ts';
import { acceptTextOption, skipOption } from './table-options.ts';
import { NotUnderstood, TokenReader } from './token-reader.ts';
import type { SqlDialect } from './tokens.ts';
import { parseTransactionStatement } from './transaction-statement.ts';

const BEGIN: Statement = { kind: 'begin' };
const COMMIT: Statement = { kind: 'commit' };

/** First words of statements that change no table, whatever follows. */
const NO_TABLE = new Set(
  `GRANT REVOKE FLUSH ANALYZE OPTIMIZE REPAIR CHECK CHECKSUM CACHE INSTALL UNINSTALL USE KILL SHUTDOWN RESET PURGE CHANGE
  START STOP LOCK UNLOCK BACKUP HELP EXPLAIN DESCRIBE DESC SHOW CLONE RESTART SIGNAL RESIGNAL GET PREPARE DEALLOCATE`.split(
    /\s+/,
  ),
);

/** What CREATE, ALTER and DROP can be followed by that is no table and holds no rows. */
const NO_TABLE_OBJECTS: readonly (readonly string[])[] = [
  ['USER'],
  ['ROLE'],
  ['FUNCTION'],
  ['PROCEDURE'],
  ['PACKAGE'],
  ['TRIGGER'],
  ['EVENT'],
  ['VIEW'],
  ['SERVER'],
  ['LIBRARY'],
  ['INSTANCE'],
  ['TABLESPACE'],
  ['UNDO', 'TABLESPACE'],
  ['LOGFILE', 'GROUP'],
  ['RESOURCE', 'GROUP'],
  ['SPATIAL', 'REFERENCE', 'SYSTEM'],
  ['PREPARE'],
];

/**
 * Says what one statement of a QUERY_EVENT is and which tables it changes, `defaultDatabase` being the event's.
 * Never throws: what it does not understand is `unknown`, with every table that the text could name.
 *
 * Sources: the statement grammars of the MySQL and MariaDB manuals and of sql/sql_yacc.yy.
 */
export function classifyStatement(text: string, dialect: SqlDialect, defaultDatabase: string): Statement {
  // One of each per transaction: worth a comparison before anything is read.
  if (text === 'BEGIN') return BEGIN;
  if (text === 'COMMIT') return COMMIT;
  const reader = new TokenReader(text, dialect, defaultDatabase);
  try {
    skipPrefix(reader);
    return (
      parseTransactionStatement(reader) ??
      parseDdl(reader, dialect) ??
      parseDml(reader, dialect) ??
      parseOther(reader) ??
      unknown(reader, dialect, 'a statement')
    );
  } catch (error) {
    if (!(error instanceof NotUnderstood)) throw error;
    return { kind: 'unknown', reason: error.message, tables: namedTables(text, dialect, defaultDatabase) };
  }
}

function unknown(reader: TokenReader, dialect: SqlDialect, expected: string): Statement {
  const { message } = reader.notUnderstood(expected);
  return { kind: 'unknown', reason: message, tables: namedTables(reader.text, dialect, reader.defaultDatabase) };
}

/** MariaDB: SET STATEMENT variable = value, ... FOR statement. */
function skipPrefix(reader: TokenReader): void {
  if (!reader.accept('SET', 'STATEMENT')) return;
  while (!reader.accept('FOR')) {
    if (reader.isAtEnd || reader.peek().kind === 'broken') throw reader.notUnderstood('FOR');
    if (reader.peek().upper === '(') reader.skipParentheses();
    else reader.next();
  }
}

function parseOther(reader: TokenReader): Statement | null {
  // MariaDB writes a comment alone in place of an event that the replica would not know.
  if (reader.isAtEnd) return { kind: 'no-table', what: 'an empty statement' };
  const { kind, upper } = reader.peek();
  if (kind !== 'word' || !(NO_TABLE.has(upper) || upper === 'SET')) return null;
  return { kind: 'no-table', what: upper };
}

function parseDdl(reader: TokenReader, dialect: SqlDialect): Statement | null {
  if (reader.accept('CREATE')) return parseCreate(reader);
  if (reader.accept('ALTER')) return parseAlter(reader, dialect);
  if (reader.accept('DROP')) return parseDrop(reader);
  if (reader.accept('RENAME')) return parseRename(reader);
  if (!reader.accept('TRUNCATE')) return null;
  reader.accept('TABLE');
  const table = reader.tableName();
  acceptWait(reader);
  reader.expectEnd();
  return { kind: 'truncate-table', tables: [table] };
}

function parseCreate(reader: TokenReader): Statement {
  const orReplace = reader.accept('OR', 'REPLACE');
  const noTable = acceptNoTableObject(reader, 'CREATE');
  if (noTable !== null) return noTable;
  if (reader.accept('TEMPORARY')) {
    if (reader.acceptAny(['TABLE', 'SEQUENCE']) === null) throw reader.notUnderstood('TABLE');
    return { kind: 'no-table', what: 'CREATE TEMPORARY TABLE' };
  }
  reader.accept('EXTERNAL');
  if (reader.accept('TABLE')) return parseCreateTable(reader, orReplace);
  if (reader.acceptAny(['DATABASE', 'SCHEMA']) !== null) return parseDatabase(reader, 'create-database');
  if (reader.accept('SEQUENCE')) {
    reader.accept('IF', 'NOT', 'EXISTS');
    return { kind: 'sequence', action: 'create', tables: [reader.tableName()] };
  }
  return parseCreateIndex(reader);
}

/** `[ONLINE|OFFLINE] [UNIQUE|FULLTEXT|SPATIAL|VECTOR] INDEX [IF NOT EXISTS] name [USING type] ON table ...` */
function parseCreateIndex(reader: TokenReader): Statement {
  reader.acceptAny(['ONLINE', 'OFFLINE']);
  const isUnique = reader.acceptAny(['UNIQUE', 'FULLTEXT', 'SPATIAL', 'VECTOR', 'RTREE']) === 'UNIQUE';
  reader.expect('INDEX');
  reader.accept('IF', 'NOT', 'EXISTS');
  reader.identifier();
  if (reader.acceptAny(['USING', 'TYPE']) !== null) reader.identifier();
  reader.expect('ON');
  const table = reader.tableName();
  const columns = isUnique ? parseUniqueKey(reader) : null;
  const action =
    columns === null
      ? ({ kind: 'other', what: 'CREATE INDEX' } as const)
      : ({ kind: 'add-unique-key', columns } as const);
  return { kind: 'alter-table', tables: [table], actions: [action] };
}

function parseAlter(reader: TokenReader, dialect: SqlDialect): Statement {
  const noTable = acceptNoTableObject(reader, 'ALTER');
  if (noTable !== null) return noTable;
  if (reader.acceptAny(['DATABASE', 'SCHEMA']) !== null) return parseDatabase(reader, 'alter-database');
  if (reader.accept('SEQUENCE')) {
    reader.accept('IF', 'EXISTS');
    return { kind: 'sequence', action: 'alter', tables: [reader.tableName()] };
  }
  reader.acceptAny(['ONLINE', 'OFFLINE']);
  reader.accept('IGNORE');
  reader.expect('TABLE');
  reader.accept('IF', 'EXISTS');
  const table = reader.tableName();
  try {
    const { actions, otherTables } = parseAlterActions(reader);
    return { kind: 'alter-table', tables: [table, ...otherTables], actions };
  } catch (error) {
    if (!(error instanceof NotUnderstood)) throw error;
    const named = namedTables(reader.text, dialect, reader.defaultDatabase);
    if (named === null) throw error;
    return { kind: 'alter-table', tables: [table, ...named], actions: null };
  }
}

function parseDrop(reader: TokenReader): Statement {
  const noTable = acceptNoTableObject(reader, 'DROP');
  if (noTable !== null) return noTable;
  if (reader.accept('TEMPORARY')) {
    if (reader.acceptAny(['TABLE', 'TABLES', 'SEQUENCE']) === null) throw reader.notUnderstood('TABLE');
    return { kind: 'no-table', what: 'DROP TEMPORARY TABLE' };
  }
  if (reader.acceptAny(['DATABASE', 'SCHEMA']) !== null) return parseDatabase(reader, 'drop-database');
  reader.acceptAny(['ONLINE', 'OFFLINE']);
  if (reader.accept('INDEX')) {
    reader.accept('IF', 'EXISTS');
    const isPrimary = reader.identifier().toUpperCase() === 'PRIMARY';
    reader.expect('ON');
    const action = isPrimary
      ? ({ kind: 'drop-primary-key' } as const)
      : ({ kind: 'other', what: 'DROP INDEX' } as const);
    return { kind: 'alter-table', tables: [reader.tableName()], actions: [action] };
  }
  const isSequence = reader.accept('SEQUENCE');
  if (!isSequence && reader.acceptAny(['TABLE', 'TABLES']) === null) throw reader.notUnderstood('what to drop');
  const ifExists = reader.accept('IF', 'EXISTS');
  const tables = parseTableNames(reader);
  acceptWait(reader);
  reader.acceptAny(['RESTRICT', 'CASCADE']);
  reader.expectEnd();
  return isSequence ? { kind: 'sequence', action: 'drop', tables } : { kind: 'drop-table', tables, ifExists };
}

function parseRename(reader: TokenReader): Statement {
  if (reader.accept('USER')) return { kind: 'no-table', what: 'RENAME USER' };
  if (reader.acceptAny(['TABLE', 'TABLES']) === null) throw reader.notUnderstood('TABLE or USER');
  reader.accept('IF', 'EXISTS');
  const renames: { from: TableName; to: TableName }[] = [];
  do {
    const from = reader.tableName();
    acceptWait(reader);
    reader.expect('TO');
    renames.push({ from, to: reader.tableName() });
  } while (reader.accept(','));
  reader.expectEnd();
  return { kind: 'rename-table', tables: renames.flatMap(({ from, to }) => [from, to]), renames };
}

function parseDatabase(reader: TokenReader, kind: 'create-database' | 'alter-database' | 'drop-database'): Statement {
  if (reader.accept('IF')) {
    reader.accept('NOT');
    reader.expect('EXISTS');
  }
  const options = { charset: null, collation: null, comment: null };
  // ALTER DATABASE may leave the name out: then an option comes first.
  const isNameless = kind === 'alter-database' && acceptTextOption(reader, options);
  const database = isNameless ? reader.defaultDatabase : reader.identifier();
  while (!reader.isAtEnd) {
    if (acceptTextOption(reader, options) || reader.accept('UPGRADE', 'DATA', 'DIRECTORY', 'NAME')) continue;
    if (reader.accept('READ', 'ONLY')) {
      reader.accept('=');
      reader.next();
    } else {
      reader.accept('DEFAULT');
      skipOption(reader);
    }
  }
  return { kind, database, charset: options.charset, collation: options.collation };
}

/** Takes an object that is no table, with the modifiers that may come before it; otherwise takes nothing. */
function acceptNoTableObject(reader: TokenReader, verb: string): Statement | null {
  const mark = reader.mark;
  for (;;) {
    if (reader.accept('ALGORITHM', '=')) reader.next();
    else if (reader.accept('DEFINER', '=')) skipAccount(reader);
    else if (reader.accept('SQL', 'SECURITY')) reader.next();
    else if (reader.accept('JSON', 'DUALITY') || reader.accept('JSON', 'RELATIONAL', 'DUALITY')) continue;
    else if (!reader.accept('AGGREGATE')) break;
  }
  const object = NO_TABLE_OBJECTS.find((words) => reader.accept(...words));
  if (object !== undefined) return { kind: 'no-table', what: `${verb} ${object.join(' ')}` };
  reader.reset(mark);
  return null;
}

/** `user[@host]` in any quotes, CURRENT_USER[()] or a role. */
function skipAccount(reader: TokenReader): void {
  reader.next();
  if (reader.accept('@')) reader.next();
  if (reader.peek().upper === '(') reader.skipParentheses();
}

function parseTableNames(reader: TokenReader): TableName[] {
  const tables: TableName[] = [];
  do tables.push(reader.tableName());
  while (reader.accept(','));
  return tables;
}

/** MariaDB: how long to wait for the table's lock. */
function acceptWait(reader: TokenReader): void {
  if (reader.accept('WAIT')) reader.next();
  else reader.accept('NOWAIT');
}
