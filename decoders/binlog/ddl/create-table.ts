import type { Statement } from './statement.ts';
import type { ColumnDefinition, TableDefinition } from './table-definition.ts';
import { parseTableElement } from './table-element.ts';
import { acceptTextOption, skipOption } from './table-options.ts';
import { NotUnderstood, type TokenReader } from './token-reader.ts';
import type { Token } from './tokens.ts';

/** Words at which the SELECT of CREATE TABLE ... SELECT begins. */
const QUERY_START = ['AS', 'IGNORE', 'REPLACE', 'SELECT', 'VALUES', 'TABLE', '('];

/** From behind `CREATE [OR REPLACE] TABLE`. Throws NotUnderstood only when it cannot tell the table. */
export function parseCreateTable(reader: TokenReader, orReplace: boolean): Statement {
  const ifNotExists = reader.accept('IF', 'NOT', 'EXISTS');
  const table = reader.tableName();
  const statement = { kind: 'create-table', tables: [table], ifNotExists, orReplace } as const;

  if (reader.accept('LIKE') || reader.accept('(', 'LIKE')) {
    const like = reader.tableName();
    reader.accept(')');
    reader.expectEnd();
    return { ...statement, like, definition: null, startsTransaction: false, selectsRows: false };
  }
  const mark = reader.mark;
  let definition: TableDefinition | null = null;
  try {
    definition = parseDefinition(reader);
  } catch (error) {
    if (!(error instanceof NotUnderstood)) throw error;
  }
  reader.reset(mark);
  const { startsTransaction, hasQuery } = scanParts(reader);
  return { ...statement, like: null, definition, startsTransaction, selectsRows: hasQuery && definition === null };
}

/** What stands outside of parentheses, or begins one. */
function scanParts(reader: TokenReader): { readonly startsTransaction: boolean; readonly hasQuery: boolean } {
  let startsTransaction = false;
  let hasQuery = false;
  while (!reader.isAtEnd) {
    if (reader.accept('START', 'TRANSACTION')) startsTransaction = true;
    else if (reader.peek().upper === '(') {
      let depth = 1;
      while (reader.peek(depth).upper === '(') depth++;
      hasQuery ||= beginsQuery(reader.peek(depth));
      reader.skipParentheses();
    } else {
      hasQuery ||= beginsQuery(reader.peek()) && reader.peek().upper !== 'WITH';
      const { kind, upper } = reader.next();
      if (kind === 'broken' || upper === ';') throw reader.notUnderstood('the end of the statement');
    }
  }
  return { startsTransaction, hasQuery };
}

/** All of these words are reserved. WITH is one of options, too; with a query behind it that query is found. */
function beginsQuery({ kind, upper }: Token): boolean {
  return kind !== 'quoted' && ['SELECT', 'WITH', 'VALUES', 'TABLE'].includes(upper);
}

/** Null when a SELECT gives the columns, or some of them. */
function parseDefinition(reader: TokenReader): TableDefinition | null {
  if (reader.peek().upper !== '(' || ['SELECT', 'WITH', 'VALUES', 'TABLE', '('].includes(reader.peek(1).upper))
    return null;
  const columns: ColumnDefinition[] = [];
  let primaryKey: readonly string[] | null = null;
  const uniqueKeys: (readonly string[])[] = [];
  const periodColumns: string[] = [];
  reader.expect('(');
  do {
    const element = parseTableElement(reader);
    if (element.kind === 'column') columns.push(element.column);
    if (element.kind === 'primary-key') primaryKey = element.columns;
    if (element.kind === 'unique-key') uniqueKeys.push(element.columns);
    if (element.kind === 'period') periodColumns.push(...element.columns.map((name) => name.toLowerCase()));
  } while (reader.accept(','));
  reader.expect(')');

  const options = { charset: null, collation: null, comment: null };
  let systemVersioned = false;
  while (!reader.isAtEnd) {
    if (reader.accept(',') || acceptTextOption(reader, options)) continue;
    if (reader.accept('START', 'TRANSACTION')) continue;
    if (reader.accept('WITH', 'SYSTEM', 'VERSIONING')) systemVersioned = true;
    else if (reader.accept('PARTITION', 'BY')) {
      if (!skipPartitioning(reader)) return null;
    } else if (QUERY_START.includes(reader.peek().upper) || reader.peek().upper === 'WITH') return null;
    else skipOption(reader);
  }
  return {
    columns: columns.map((column) =>
      periodColumns.includes(column.name.toLowerCase()) ? { ...column, nullable: false } : column,
    ),
    primaryKey: primaryKey ?? columns.filter((column) => column.primaryKey).map(({ name }) => name),
    uniqueKeys,
    charset: options.charset,
    collation: options.collation,
    comment: options.comment,
    systemVersioned,
  };
}

/** Skips what follows PARTITION BY; false when a SELECT follows. */
function skipPartitioning(reader: TokenReader): boolean {
  while (!reader.isAtEnd) {
    const { kind, upper } = reader.peek();
    if (kind === 'broken' || upper === ';') throw reader.notUnderstood('partitions');
    if (upper === 'SELECT' || upper === 'AS' || upper === 'VALUES' || upper === 'TABLE') return false;
    if (upper === '(' && ['SELECT', 'WITH', '('].includes(reader.peek(1).upper)) return false;
    if (upper === 'START' && reader.peek(1).upper === 'TRANSACTION') return true;
    if (upper === '(') reader.skipParentheses();
    else reader.next();
  }
  return true;
}
