import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { TableSchema } from '../../../decoders/table-schema.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import { isServerError, quoteIdentifier } from './mysql-error.ts';
import type { SchemaModelOptions } from './schema/schema-model.ts';
import { parseShowCreate } from './schema/show-create.ts';
import {
  collectionId,
  createTableFilter,
  type FilterConfig,
  isSystemDatabase,
  type TableName,
} from './table-filter.ts';

export type TablesConfig = FilterConfig & Pick<MysqlConfig, 'snapshot.include.collection.list'>;

/** A table as the catalog lists it. */
export interface ListedTable extends TableName {
  readonly engine: string | null;
  /** Both servers set it anew with each ALTER TABLE, MariaDB with each new name, too; whole seconds. */
  readonly createTime: string | null;
  readonly estimatedRows: number | null;
}

/** A table as the catalog has it. */
export interface KnownTable extends ListedTable {
  readonly schema: TableSchema;
  /** SHOW CREATE TABLE */
  readonly ddl: string;
}

/** ER_TABLEACCESS_DENIED_ERROR: some privilege on a table makes it visible, another one shows its definition. */
const ACCESS_DENIED = 1142;

/** All tables of the captured databases that the user may know of, in Debezium's order: by the UTF-16 units of their ids. */
export async function listTables(session: Connection, config: TablesConfig): Promise<readonly ListedTable[]> {
  const { hasDatabase } = createTableFilter(config);
  const [rows] = await session.query<RowDataPacket[]>(
    `SELECT TABLE_SCHEMA AS namespace, TABLE_NAME AS name, ENGINE AS engine, CREATE_TIME AS createTime,
            TABLE_ROWS AS estimatedRows
     FROM information_schema.TABLES WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')`,
  );
  return rows
    .map(({ namespace, name, engine, createTime, estimatedRows }): ListedTable => {
      return {
        namespace,
        name,
        engine,
        createTime,
        estimatedRows: estimatedRows === null ? null : Number(estimatedRows),
      };
    })
    .filter(({ namespace }) => !isSystemDatabase(namespace) && hasDatabase(namespace))
    .sort((a, b) => (collectionId(a) < collectionId(b) ? -1 : 1));
}

/**
 * Those whose rows a snapshot reads, in Debezium's order: that of the expressions in the include list, and by name among
 * those that one expression matches.
 */
export function chooseTables<T extends TableName>(listed: readonly T[], config: TablesConfig): readonly T[] {
  const { hasTable } = createTableFilter(config);
  const included = config['snapshot.include.collection.list'];
  const patterns = config['table.include.list']?.patterns ?? [];
  const rank = (table: T): number => patterns.findIndex((pattern) => pattern.test(collectionId(table)));
  return listed
    .filter(({ namespace, name }) => hasTable(namespace, name))
    .filter((table) => included === null || included.matches(collectionId(table)))
    .toSorted((a, b) => rank(a) - rank(b));
}

/** The tables and their definitions. One that is not captured is left out if its definition cannot be had or read. */
export async function readKnownTables(
  session: Connection,
  config: TablesConfig,
  model: SchemaModelOptions,
): Promise<readonly KnownTable[]> {
  const { hasTable } = createTableFilter(config);
  // The session's sql_mode is empty.
  const dialect = { server: model.family, ansiQuotes: false, noBackslashEscapes: false };
  const known: KnownTable[] = [];
  for (const table of await listTables(session, config)) {
    const { namespace, name } = table;
    try {
      const ddl = await showCreateTable(session, table);
      known.push({ ...table, ddl, schema: parseShowCreate(ddl, { database: namespace, name }, dialect, model) });
    } catch (error) {
      if (hasTable(namespace, name) || !isOfTheTable(error)) throw error;
    }
  }
  return known;
}

/** Rejects with the server's report when there is no such table. */
export async function showCreateTable(session: Connection, { namespace, name }: TableName): Promise<string> {
  const [rows] = await session.query<RowDataPacket[]>(
    `SHOW CREATE TABLE ${quoteIdentifier(namespace)}.${quoteIdentifier(name)}`,
  );
  return rows[0]!['Create Table'] as string;
}

function isOfTheTable(error: unknown): boolean {
  if (isServerError(error)) return error.errno === ACCESS_DENIED;
  return error instanceof TailraceError && error.code === 'source.table';
}
