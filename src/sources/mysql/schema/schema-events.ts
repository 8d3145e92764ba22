import type { Statement, TableName } from '../../../../decoders/binlog/ddl/statement.ts';
import type { SqlDialect } from '../../../../decoders/binlog/ddl/tokens.ts';
import type { QueryStatus } from '../../../../decoders/binlog/query-status.ts';
import type { TableChange } from '../../../../decoders/table-schema.ts';
import { backquoted, ddlPieces } from './ddl-pieces.ts';
import { isRecorded } from './recorded-ddl.ts';

/** What the text of a statement leaves to its session; all of it is in the statement's query event. */
export interface StatementContext {
  readonly ddl: string;
  readonly defaultDatabase: string;
  readonly dialect: SqlDialect;
  /** Null where the statement comes from elsewhere, such as a history. */
  readonly status: QueryStatus | null;
  /** Of the query event; left out or 0: the statement was carried out. MariaDB logs some that failed halfway. */
  readonly errorCode?: number;
}

/** One record of the schema history and one of the schema-change topic: a statement is cut by its tables. */
export interface SchemaEvent {
  /** The database of the table, or that the statement is of; else the session's. */
  readonly database: string;
  readonly ddl: string;
  /** Null where no definition changed, or where it cannot be told from the text. */
  readonly change: TableChange | null;
}

/** What is recorded of a statement. Its changes go by the pieces of its text; null stands for a piece without one. */
export function schemaEvents(
  statement: Statement,
  context: StatementContext,
  changes: readonly (TableChange | null)[],
): readonly SchemaEvent[] {
  if (!isRecorded(statement, context.ddl)) return [];
  const pieces = ddlPieces(statement, context.ddl, context.dialect);
  return Array.from({ length: Math.max(pieces.length, changes.length) }, (_, i) => {
    const change = changes[i] ?? null;
    const database = change?.database ?? eventDatabase(statement, i, context.defaultDatabase);
    if (change !== null) return { database, ddl: pieces[i] ?? pieces[0]!, change };
    return { database, ddl: replayable(statement, i, pieces, context), change };
  });
}

/** The text of an event without a change: a history is replayed by it, in the event's database. */
function replayable(
  statement: Statement,
  piece: number,
  pieces: readonly string[],
  { ddl, defaultDatabase }: StatementContext,
): string {
  if (statement.kind === 'create-database' || statement.kind === 'drop-database') return pieces[0]!;
  if (statement.kind !== 'rename-table') return ddl.trim();
  const { from, to } = statement.renames[piece]!;
  if (to.database === defaultDatabase) return pieces[piece]!;
  return `RENAME TABLE ${tableReference(from)} TO ${tableReference(to)}`;
}

function tableReference({ database, name }: TableName): string {
  return `${backquoted(database)}.${backquoted(name)}`;
}

/** As Debezium has it: of a rename the new table's, of a statement that it cannot tell the tables of the session's. */
function eventDatabase(statement: Statement, piece: number, defaultDatabase: string): string {
  switch (statement.kind) {
    case 'create-database':
    case 'drop-database':
      return statement.database;
    case 'rename-table':
      return statement.renames[piece]?.to.database ?? defaultDatabase;
    default:
      return defaultDatabase;
  }
}
