import type { Connection } from 'mysql2/promise';
import type { SqlDialect } from '../../../decoders/binlog/ddl/tokens.ts';
import type { TableSchema } from '../../../decoders/table-schema.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import type { PreflightCheck } from '../../model/preflight.ts';
import { createMapping, snapshotTable } from './mapping.ts';
import { isServerError, quoteAccount, quoteIdentifier } from './mysql-error.ts';
import { parseShowCreate } from './schema/show-create.ts';
import type { ServerFacts } from './server-facts.ts';
import { type ListedTable, showCreateTable } from './snapshot-tables.ts';
import { collectionId } from './table-filter.ts';

export interface TableContext {
  readonly config: MysqlConfig;
  readonly facts: ServerFacts;
}

/** ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR */
const REFUSED = [1142, 1143];
/** ER_NO_SUCH_TABLE: dropped since it was listed. */
const GONE = 1146;

/** One line per captured table: what its records will have as key and before, and what will be missing. */
export async function checkTables(
  client: Connection,
  tables: readonly ListedTable[],
  context: TableContext,
): Promise<readonly PreflightCheck[]> {
  if (tables.length === 0) {
    const message = `no table that the database and table lists choose is there, or ${context.config['database.user']} may not see it`;
    return [
      {
        name: 'tables',
        status: 'warning',
        message,
        remedy: `Check database.include.list and table.include.list; GRANT SELECT ON <database>.* TO ${quoteAccount(context.config['database.user'])};`,
      },
    ];
  }
  const checks: PreflightCheck[] = [];
  for (const table of tables) {
    const check = await checkTable(client, table, context);
    if (check !== null) checks.push(check);
  }
  return checks;
}

async function checkTable(
  client: Connection,
  table: ListedTable,
  context: TableContext,
): Promise<PreflightCheck | null> {
  const { config, facts } = context;
  const name = collectionId(table);
  // The server checks the privileges of all columns, and reads nothing.
  const sqlName = `${quoteIdentifier(table.namespace)}.${quoteIdentifier(table.name)}`;
  try {
    await client.query(`SELECT * FROM ${sqlName} LIMIT 0`);
    const ddl = await showCreateTable(client, table);
    // The session's sql_mode is empty.
    const dialect: SqlDialect = { server: facts.family, ansiQuotes: false, noBackslashEscapes: false };
    const schema = parseShowCreate(ddl, { database: table.namespace, name: table.name }, dialect, {
      ...facts,
      comments: false,
    });
    const remarks = [...unmapped(schema, context), ...engineRemarks(table, config), ...actionRemarks(ddl, facts)];
    const key = schema.primaryKey.length === 0 ? 'no primary key' : `key: ${schema.primaryKey.join(', ')}`;
    const image = (facts.rowImage ?? 'FULL') === 'FULL' ? 'before holds the whole old row' : null;
    const message = [key, ...(image === null ? [] : [image]), ...remarks].join('; ');
    return { name, status: remarks.length === 0 ? 'ok' : 'warning', message, remedy: null };
  } catch (error) {
    if (error instanceof TailraceError) {
      return { name, status: 'error', message: error.message, remedy: error.remedy ?? null };
    }
    if (!isServerError(error)) throw error;
    if (error.errno === GONE) return null;
    const remedy = REFUSED.includes(error.errno)
      ? `GRANT SELECT ON ${sqlName} TO ${quoteAccount(config['database.user'])};`
      : null;
    return { name, status: 'error', message: `it may not be read: ${error.message}`, remedy };
  }
}

function unmapped(schema: TableSchema, { config, facts }: TableContext): readonly string[] {
  const remarks: string[] = [];
  createMapping(snapshotTable(schema, facts.family), config, ({ name, typeName }) => {
    remarks.push(`${name} is left out: its type ${typeName} has no mapping`);
  });
  return remarks;
}

function engineRemarks({ engine }: ListedTable, config: MysqlConfig): readonly string[] {
  if (engine === null || engine === 'InnoDB' || config['snapshot.locking.mode'] === 'extended') return [];
  return [
    `engine ${engine} has no views: what is written while a snapshot reads it may be read and streamed, too (snapshot.locking.mode=extended keeps it from being written)`,
  ];
}

/** SHOW CREATE TABLE has a line for each constraint, and no name or comment can begin one like it. */
const FOREIGN_KEY_ACTION = /^ {2}CONSTRAINT .* FOREIGN KEY .* ON (?:DELETE|UPDATE) (?:CASCADE|SET NULL|SET DEFAULT)\b/m;

function actionRemarks(ddl: string, { logsForeignKeyActions }: ServerFacts): readonly string[] {
  if (logsForeignKeyActions || !FOREIGN_KEY_ACTION.test(ddl)) return [];
  return ['rows that its foreign key deletes or changes are not in the binlog of this server, and will not be told'];
}
