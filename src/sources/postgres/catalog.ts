import type { ClientBase } from 'pg';
import type { Table } from '../../../decoders/change.ts';
import type { CatalogColumn, CatalogTable, PgType } from './catalog-types.ts';

const TYPE_KINDS: Readonly<Record<string, PgType['kind']>> = {
  b: 'base',
  c: 'composite',
  d: 'domain',
  e: 'enum',
  m: 'multirange',
  p: 'pseudo',
  r: 'range',
};

/** Every type of the database, by OID. */
export async function readTypes(client: ClientBase): Promise<Map<number, PgType>> {
  // A true array type is one that its element type names as such: pg_type.typelem is set for point and name, too.
  const { rows } = await client.query<{
    oid: number;
    namespace: string;
    name: string;
    kind: string;
    element: number | null;
    base: number;
    modifier: number;
    labels: string[] | null;
  }>(`
    SELECT t.oid::int8::float8 AS oid, n.nspname AS namespace, t.typname AS name, t.typtype AS kind,
           e.oid::int8::float8 AS element, t.typbasetype::int8::float8 AS base, t.typtypmod AS modifier,
           (SELECT array_agg(l.enumlabel::text ORDER BY l.enumsortorder) FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid) AS labels
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid`);
  return new Map(
    rows.map((row) => [
      row.oid,
      {
        oid: row.oid,
        namespace: row.namespace,
        name: row.name,
        kind: TYPE_KINDS[row.kind] ?? 'base',
        elementOid: row.element ?? 0,
        baseOid: row.base,
        baseModifier: row.modifier,
        enumLabels: row.labels ?? [],
      },
    ]),
  );
}

/** The tables of these OIDs as they are now, in one query; those that were dropped are missing from the map. */
export async function readTables(client: ClientBase, oids: readonly number[]): Promise<Map<number, CatalogTable>> {
  if (oids.length === 0) return new Map();
  const { rows } = await client.query<{
    oid: number;
    namespace: string;
    name: string;
    columns: CatalogColumn[] | null;
    primary_key: string[] | null;
    identity_index: string[] | null;
  }>(
    `
    SELECT c.oid::int8::float8 AS oid, n.nspname AS namespace, c.relname AS name,
      (SELECT json_agg(json_build_object('name', a.attname, 'typeOid', a.atttypid::int8, 'modifier', a.atttypmod,
                'notNull', a.attnotnull OR t.typtype = 'd' AND t.typnotnull, 'generated', a.attgenerated <> '',
                'defaultExpression', CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END)
              ORDER BY a.attnum)
       FROM pg_catalog.pg_attribute a
       JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
       LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
      (${indexColumns('i.indisprimary')}) AS primary_key,
      (${indexColumns('i.indisreplident')}) AS identity_index
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = ANY($1::oid[])`,
    [oids],
  );
  return new Map(
    rows.map((row) => [
      row.oid,
      {
        oid: row.oid,
        namespace: row.namespace,
        name: row.name,
        columns: row.columns ?? [],
        primaryKey: row.primary_key ?? [],
        identityIndex: row.identity_index ?? [],
      },
    ]),
  );
}

/** Column names of an index of `c` in index order; columns that it merely INCLUDEs are no key. */
function indexColumns(which: string): string {
  return `SELECT array_agg(a.attname::text ORDER BY k.place)
       FROM pg_catalog.pg_index i
       CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
       JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
       WHERE i.indrelid = c.oid AND ${which} AND k.place <= i.indnkeyatts`;
}

/** A table as the publication publishes it. */
export interface PublishedTable {
  readonly oid: number;
  readonly namespace: string;
  readonly name: string;
  readonly replicaIdentity: Table['replicaIdentity'];
  /** A partitioned table, published under its own name (publish_via_partition_root). */
  readonly partitioned: boolean;
  /** Names of the columns that the stream carries, in the table's order. */
  readonly columns: readonly string[];
  /** Generated columns that the stream does not carry. */
  readonly hiddenColumns: readonly string[];
  /** Row filter (WHERE of the publication) as SQL; null: every row. */
  readonly rowFilter: string | null;
  /** The planner's estimate; null when the table was never analysed. */
  readonly estimatedRows: number | null;
  readonly hasPrimaryKey: boolean;
}

/** By pg_class.relreplident. */
export const IDENTITIES: Readonly<Record<string, Table['replicaIdentity']>> = {
  d: 'default',
  n: 'nothing',
  f: 'full',
  i: 'index',
};

/** What a publication publishes, in one query, ordered by name: partitions by their own names or by their root's, never both. */
export async function readPublishedTables(
  client: ClientBase,
  publication: string,
  serverVersion: number,
): Promise<readonly PublishedTable[]> {
  // Column lists and row filters came with 15, generated columns in publications with 18.
  const lists = serverVersion >= 150_000;
  const generatedToo = serverVersion >= 180_000;
  const { rows } = await client.query<{
    oid: number;
    namespace: string;
    name: string;
    identity: string;
    kind: string;
    columns: string[] | null;
    hidden: string[] | null;
    row_filter: string | null;
    estimate: number;
    has_key: boolean;
  }>(
    `
    SELECT c.oid::int8::float8 AS oid, n.nspname AS namespace, c.relname AS name, c.relreplident AS identity, c.relkind AS kind,
      (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         ${lists ? 'AND a.attname = ANY(p.attnames)' : ''} ${generatedToo ? '' : "AND a.attgenerated = ''"}) AS columns,
      (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> ''
         ${generatedToo ? 'AND a.attname <> ALL(p.attnames)' : ''}) AS hidden,
      ${lists ? 'p.rowfilter' : 'NULL'} AS row_filter,
      CASE WHEN c.relkind = 'p'
        THEN (SELECT sum(greatest(l.reltuples, 0)) FROM pg_catalog.pg_partition_tree(c.oid) t
              JOIN pg_catalog.pg_class l ON l.oid = t.relid WHERE t.isleaf)
        ELSE c.reltuples END::float8 AS estimate,
      EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS has_key
    FROM pg_catalog.pg_publication_tables p
    JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
    WHERE p.pubname = $1
    ORDER BY n.nspname, c.relname`,
    [publication],
  );
  return rows.map((row) => ({
    oid: row.oid,
    namespace: row.namespace,
    name: row.name,
    replicaIdentity: IDENTITIES[row.identity] ?? 'default',
    partitioned: row.kind === 'p',
    columns: row.columns ?? [],
    hiddenColumns: row.hidden ?? [],
    rowFilter: row.row_filter,
    // -1: never analysed (before 14: 0).
    estimatedRows: row.estimate >= 0 ? row.estimate : null,
    hasPrimaryKey: row.has_key,
  }));
}

/** A published table in the form of a relation message, for the rows that a snapshot reads. */
export function tableOf(published: PublishedTable, catalog: CatalogTable): Table {
  const { oid, namespace, name, replicaIdentity } = published;
  const key = replicaIdentity === 'index' ? catalog.identityIndex : catalog.primaryKey;
  const columns = catalog.columns
    .filter((column) => published.columns.includes(column.name))
    .map((column) => ({
      name: column.name,
      type: column.typeOid,
      modifier: column.modifier,
      identity: replicaIdentity === 'full' || (replicaIdentity !== 'nothing' && key.includes(column.name)),
    }));
  return { id: oid, namespace, name, columns, replicaIdentity };
}

export interface PublishableTable {
  readonly namespace: string;
  readonly name: string;
  /** A partitioned table, or a partition. */
  readonly partitioned: boolean;
  readonly owned: boolean;
}

/** Ordinary and partitioned tables that could be published, for `publication.autocreate.mode=filtered`. */
export async function readPublishableTables(client: ClientBase): Promise<readonly PublishableTable[]> {
  const { rows } = await client.query<PublishableTable>(`
    SELECT n.nspname AS namespace, c.relname AS name, c.relkind = 'p' OR c.relispartition AS partitioned,
           pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE') AS owned
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    ORDER BY 1, 2`);
  return rows;
}

/** server_version_num: 150004 for 15.4. */
export async function readServerVersion(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    "SELECT current_setting('server_version_num')::int AS version",
  );
  return rows[0]!.version;
}
