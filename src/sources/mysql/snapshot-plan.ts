import type { Connection } from 'mysql2/promise';
import type { ColumnSchema } from '../../../decoders/table-schema.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import { snapshotTable } from './mapping.ts';
import { quoteIdentifier } from './mysql-error.ts';
import type { SchemaModel } from './schema/schema-model.ts';
import { fillModel, readServerDefaults, type SchemaStatement, schemaStatements } from './snapshot-schema.ts';
import { chooseTables, type KnownTable, readKnownTables, type TablesConfig } from './snapshot-tables.ts';
import { collectionId, createTableFilter } from './table-filter.ts';
import type { SelectedTable } from './table-select.ts';

export type PlanConfig = TablesConfig &
  Pick<
    MysqlConfig,
    | 'snapshot.select.statement.overrides'
    | 'snapshot.select.statement.overrides.<schema.table>'
    | 'schema.history.internal.store.only.captured.tables.ddl'
  >;

export interface PlanInput {
  readonly config: PlanConfig;
  /** Becomes what the catalog says. */
  readonly model: SchemaModel;
  /** Whether rows are read, not the schema alone. */
  readonly withRows: boolean;
}

export interface SnapshotPlan {
  /** Those whose rows are read, in this order. */
  readonly tables: readonly SelectedTable[];
  /** Of all tables in the captured databases, or of the captured ones alone. */
  readonly statements: readonly SchemaStatement[];
}

/** Reads what the tables are, and plans how their rows are read. Nothing may be altered meanwhile. */
export async function planSnapshot(session: Connection, { config, model, withRows }: PlanInput): Promise<SnapshotPlan> {
  const known = await readKnownTables(session, config, model.options);
  const defaults = await readServerDefaults(session);
  fillModel(model, known, defaults);
  const tables: SelectedTable[] = [];
  for (const table of withRows ? chooseTables(known, config) : []) {
    const { ddl, createTime, estimatedRows, engine } = table;
    tables.push({
      id: collectionId(table),
      table: snapshotTable(table.schema, model.options.family),
      sql: await selectStatement(session, config, table),
      version: { ddl, createTime },
      hasView: engine === 'InnoDB',
      estimatedRows,
    });
  }
  const { hasTable } = createTableFilter(config);
  const told = config['schema.history.internal.store.only.captured.tables.ddl']
    ? known.filter(({ namespace, name }) => hasTable(namespace, name))
    : known;
  return { tables, statements: schemaStatements(told, defaults) };
}

async function selectStatement(session: Connection, config: PlanConfig, table: KnownTable): Promise<string> {
  const { columns } = table.schema;
  const select = overrideOf(config, collectionId(table));
  if (select === null) {
    const from = `${quoteIdentifier(table.namespace)}.${quoteIdentifier(table.name)}`;
    return `SELECT ${columns.map(expression).join(', ')} FROM ${from}`;
  }
  const given = await columnsOf(session, collectionId(table), select);
  const isWhole = given.length === columns.length && columns.every(({ name }, i) => name.toLowerCase() === given[i]);
  // MariaDB forgets the order of rows of a statement that is part of another one.
  if (isWhole && columns.every((column) => expression(column) === quoteIdentifier(column.name))) return select;
  // In the table's order; a column that the statement leaves out is read as NULL.
  const list = columns.map((column) => (given.includes(column.name.toLowerCase()) ? expression(column) : 'NULL'));
  return `SELECT ${list.join(', ')} FROM (${select}) AS override`;
}

/** A FLOAT's text has six digits; multiplied by a DOUBLE, which an addition would cost the sign of -0, it has all. */
function expression({ name, typeName }: ColumnSchema): string {
  return typeName.startsWith('FLOAT') ? `${quoteIdentifier(name)} * 1e0` : quoteIdentifier(name);
}

function overrideOf(config: PlanConfig, id: string): string | null {
  if (!config['snapshot.select.statement.overrides'].includes(id)) return null;
  const override = config['snapshot.select.statement.overrides.<schema.table>'].find(({ table }) => table === id);
  return override?.select ?? null;
}

async function columnsOf(session: Connection, id: string, select: string): Promise<readonly string[]> {
  try {
    const [, fields] = await session.query(`SELECT * FROM (${select}) AS override LIMIT 0`);
    return fields.map(({ name }) => name.toLowerCase());
  } catch (cause) {
    const key = `snapshot.select.statement.overrides.${id}`;
    throw new TailraceError('source.snapshot', `the statement of ${key} fails: ${(cause as Error).message}`, {
      remedy: 'Try it in the mysql client; it must be one SELECT that gives the columns of the table.',
      cause,
    });
  }
}
