import type { ClientBase } from 'pg';
import type { PostgresConfig } from '../../config/postgres.ts';
import { TailraceError } from '../../model/errors.ts';
import type { PublishedTable } from './catalog.ts';
import { quoteIdentifier } from './postgres-error.ts';
import { collectionId, type TableName } from './table-filter.ts';

/** Oids of the tables of which the role of this session may not read every published column. */
export async function unreadableTables(
  client: ClientBase,
  tables: readonly PublishedTable[],
): Promise<ReadonlySet<number>> {
  // NULL: it was dropped after what this session sees.
  const { rows } = await client.query<{ oid: number; column: string; may_enter: boolean; may_read: boolean }>(
    `SELECT c.oid::int8::float8 AS oid, a.attname AS column,
            coalesce(pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE'), true) AS may_enter,
            coalesce(pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT'), true) AS may_read
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
     WHERE c.oid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped`,
    [tables.map((table) => table.oid)],
  );
  const columnsOf = new Map(tables.map((table) => [table.oid, table.columns]));
  const missing = rows.filter(
    ({ oid, column, may_enter: mayEnter, may_read: mayRead }) =>
      !(mayEnter && mayRead) && columnsOf.get(oid)?.includes(column) === true,
  );
  return new Set(missing.map(({ oid }) => oid));
}

export function grantStatements(table: TableName, config: Pick<PostgresConfig, 'database.user'>): string {
  const user = quoteIdentifier(config['database.user']);
  const [schema, name] = [quoteIdentifier(table.namespace), quoteIdentifier(table.name)];
  return `GRANT USAGE ON SCHEMA ${schema} TO ${user}; GRANT SELECT ON ${schema}.${name} TO ${user};`;
}

type ReadableConfig = Pick<
  PostgresConfig,
  'database.user' | 'snapshot.include.collection.list' | 'snapshot.select.statement.overrides'
>;

/** Throws `source.privilege`, before a slot is made that would keep WAL for a snapshot that cannot be read. */
export async function checkReadable(
  client: ClientBase,
  config: ReadableConfig,
  published: readonly PublishedTable[],
): Promise<void> {
  // An override's statement may read from elsewhere.
  const tables = published.filter((table) => {
    const id = collectionId(table);
    const isChosen = config['snapshot.include.collection.list']?.matches(id) ?? true;
    return isChosen && !config['snapshot.select.statement.overrides'].includes(id);
  });
  const unreadable = await unreadableTables(client, tables);
  const refused = tables.filter((table) => unreadable.has(table.oid));
  if (refused.length === 0) return;
  const user = config['database.user'];
  throw new TailraceError(
    'source.privilege',
    `the snapshot may not read ${refused.map(collectionId).join(', ')}: ${user} lacks SELECT`,
    {
      remedy: `${refused.map((table) => grantStatements(table, config)).join(' ')} or start with snapshot.mode=no_data.`,
    },
  );
}
