import { namedTables } from './named-tables.ts';
import type { Statement, TableName } from './statement.ts';
import { NotUnderstood, type TokenReader } from './token-reader.ts';
import type { SqlDialect } from './tokens.ts';

/** Statements that change rows; also those that can through a routine that they call. */
const ANY_TARGET = ['WITH', 'HANDLER', 'CALL', 'DO', 'SELECT', 'VALUES', 'EXECUTE', 'IMPORT', 'TABLE', 'BINLOG'];
const MODIFIERS = ['LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'QUICK', 'IGNORE', 'CONCURRENT', 'LOCAL'];

/** Null: no statement of this sort. */
export function parseDml(reader: TokenReader, dialect: SqlDialect): Statement | null {
  const verb = reader.acceptAny(['INSERT', 'REPLACE', 'UPDATE', 'DELETE', 'LOAD']);
  if (verb === null) {
    const other = ANY_TARGET.find((word) => reader.peek().upper === word);
    if (other === undefined) return null;
    return { kind: 'unknown', reason: `${other} can change any table`, tables: null };
  }
  if (verb === 'LOAD' && reader.accept('INDEX')) return { kind: 'no-table', what: 'LOAD INDEX' };
  const tables = simpleTarget(reader, verb) ?? namedTables(reader.text, dialect, reader.defaultDatabase);
  if (tables === null) throw reader.notUnderstood('a literal that ends');
  return { kind: 'dml', verb, tables };
}

/** The one table that the statement names as its target; null in the forms with several. */
function simpleTarget(reader: TokenReader, verb: string): readonly TableName[] | null {
  if (verb === 'LOAD') return null;
  while (reader.acceptAny(MODIFIERS) !== null);
  if (verb === 'UPDATE' || (verb === 'DELETE' && !reader.accept('FROM'))) {
    if (verb === 'DELETE') return null;
    const table = tryTableName(reader);
    return table !== null && reader.accept('SET') ? [table] : null;
  }
  if (verb !== 'DELETE') reader.accept('INTO');
  const table = tryTableName(reader);
  if (table === null || verb !== 'DELETE') return table === null ? null : [table];
  return reader.isAtEnd || ['WHERE', 'ORDER', 'LIMIT'].includes(reader.peek().upper) ? [table] : null;
}

function tryTableName(reader: TokenReader): TableName | null {
  try {
    return reader.tableName();
  } catch (error) {
    if (error instanceof NotUnderstood) return null;
    throw error;
  }
}
