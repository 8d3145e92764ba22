import type { Connection, RowDataPacket } from 'mysql2/promise';
import { classifyStatement } from '../../../../decoders/binlog/ddl/classify.ts';
import type { TableName } from '../../../../decoders/binlog/ddl/statement.ts';
import type { SqlDialect } from '../../../../decoders/binlog/ddl/tokens.ts';
import type { TableSchema } from '../../../../decoders/table-schema.ts';
import { TailraceError } from '../../../model/errors.ts';
import { createTable } from './create-table.ts';
import { backquoted } from './ddl-pieces.ts';
import type { SchemaModelOptions } from './schema-model.ts';

/** A table as the catalog has it, and the statement that would make it. */
export interface CatalogTable {
  readonly schema: TableSchema;
  readonly ddl: string;
}

/** Default character set and collation of a database. */
export interface DatabaseDefaults {
  readonly charset: string;
  readonly collation: string;
}

/** ER_BAD_DB_ERROR, ER_NO_SUCH_TABLE, ER_NO_SUCH_TABLE_IN_ENGINE */
const GONE = [1049, 1146, 1932];

/**
 * The tables of these names as they are now, in this order; those that are gone, or are views, are left out. The session
 * must show generated invisible primary keys, which is the server's default.
 * @throws TailraceError `source.table` for a definition that cannot be read; errors of the connection are the driver's.
 */
export async function readTables(
  connection: Connection,
  names: readonly TableName[],
  options: SchemaModelOptions,
): Promise<readonly CatalogTable[]> {
  const dialect = await sessionDialect(connection, options);
  const tables: CatalogTable[] = [];
  for (const name of names) {
    const ddl = await showCreate(connection, name);
    if (ddl !== null) tables.push({ schema: parseShowCreate(ddl, name, dialect, options), ddl });
  }
  return tables;
}

/**
 * The table that a SHOW CREATE TABLE describes. It leaves nothing to the database or the session.
 * @throws TailraceError `source.table`
 */
export function parseShowCreate(
  ddl: string,
  name: TableName,
  dialect: SqlDialect,
  options: SchemaModelOptions,
): TableSchema {
  const statement = classifyStatement(ddl, dialect, name.database);
  if (statement.kind !== 'create-table' || statement.definition === null) {
    throw new TailraceError(
      'source.table',
      `the definition of ${name.database}.${name.name} that the server shows cannot be read`,
      { remedy: 'Leave the table out (table.exclude.list), and report its SHOW CREATE TABLE.' },
    );
  }
  // What tables are called in SHOW CREATE TABLE does not tell their database.
  const lower = options.lowerCaseTableNames === 1;
  const table = {
    database: lower ? name.database.toLowerCase() : name.database,
    name: lower ? name.name.toLowerCase() : name.name,
  };
  return createTable(table, statement.definition, {
    dialect,
    charset: null,
    explicitDefaultsForTimestamp: true,
    comments: options.comments,
  });
}

/** Defaults of all databases, by name. */
export async function readDatabaseDefaults(connection: Connection): Promise<ReadonlyMap<string, DatabaseDefaults>> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT SCHEMA_NAME AS name, DEFAULT_CHARACTER_SET_NAME AS charset, DEFAULT_COLLATION_NAME AS collation
     FROM information_schema.SCHEMATA`,
  );
  return new Map(rows.map(({ name, charset, collation }) => [name as string, { charset, collation }]));
}

/** Null of a table that is gone or is none. */
async function showCreate(connection: Connection, { database, name }: TableName): Promise<string | null> {
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      `SHOW CREATE TABLE ${backquoted(database)}.${backquoted(name)}`,
    );
    return (rows[0]?.['Create Table'] as string | undefined) ?? null;
  } catch (error) {
    if (GONE.includes((error as { readonly errno?: number }).errno ?? 0)) return null;
    throw error;
  }
}

/** How the session quotes names. What it shows has backslashes in literals escaped in any mode. */
async function sessionDialect(connection: Connection, { family }: SchemaModelOptions): Promise<SqlDialect> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT @@session.sql_mode AS mode');
  const modes = String(rows[0]?.mode ?? '').split(',');
  return { server: family, ansiQuotes: modes.includes('ANSI_QUOTES'), noBackslashEscapes: false };
}
