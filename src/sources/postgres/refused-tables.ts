import type { ClientBase } from 'pg';
import { TailraceError } from '../../model/errors.ts';
import { quoteIdentifier } from './postgres-error.ts';
import { collectionId, type TableName } from './table-filter.ts';

/** A table of which the server refuses operations, because it is published and nothing identifies its rows. */
export interface RefusedTable extends TableName {
  readonly update: boolean;
  readonly delete: boolean;
}

/** A database may have hundreds of them. */
const SHOWN = 10;

/**
 * By what all publications publish, as this session sees it: CheckCmdReplicaIdentity in Postgres' execReplication.c. It
 * asks the partition that holds the row, whatever name the change is published under, and takes no deferrable key.
 */
export async function readRefusedTables(client: ClientBase): Promise<readonly RefusedTable[]> {
  const { rows } = await client.query<RefusedTable>(`
    SELECT n.nspname AS namespace, c.relname AS name, bool_or(p.pubupdate) AS update, bool_or(p.pubdelete) AS delete
    FROM pg_catalog.pg_publication p
    JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname
    JOIN pg_catalog.pg_namespace rn ON rn.nspname = t.schemaname
    JOIN pg_catalog.pg_class r ON r.relnamespace = rn.oid AND r.relname = t.tablename
    CROSS JOIN LATERAL (SELECT r.oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(r.oid)) part (oid)
    JOIN pg_catalog.pg_class c ON c.oid = part.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE (p.pubupdate OR p.pubdelete) AND c.relkind = 'r' AND c.relpersistence = 'p' AND c.relreplident <> 'f'
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_index i
        WHERE i.indrelid = c.oid AND (c.relreplident = 'd' AND i.indisprimary AND i.indimmediate
                                      OR c.relreplident = 'i' AND i.indisreplident))
    GROUP BY n.nspname, c.relname
    ORDER BY n.nspname, c.relname`);
  return rows;
}

/** Those of `after` of which something is refused that was not before. */
export function newlyRefused(before: readonly RefusedTable[], after: readonly RefusedTable[]): readonly RefusedTable[] {
  const earlier = new Map(before.map((table) => [collectionId(table), table]));
  return after.filter((table) => {
    const known = earlier.get(collectionId(table));
    return known === undefined || (table.update && !known.update) || (table.delete && !known.delete);
  });
}

/** That we do not make a publication which would break the application that writes these tables. */
export function refusalError(publication: string, tables: readonly TableName[]): TailraceError {
  const shown = tables.slice(0, SHOWN);
  const more = tables.length - shown.length;
  const names = [...shown.map(collectionId), ...(more > 0 ? [`${more} more`] : [])].join(', ');
  const [first] = tables;
  const table = first === undefined ? '' : `${quoteIdentifier(first.namespace)}.${quoteIdentifier(first.name)}`;
  const each = tables.length > 1 ? ', and so for each' : '';
  return new TailraceError(
    'source.table',
    `publication ${publication} would make the server refuse UPDATE and DELETE of ${names}: no primary key or other replica identity`,
    {
      remedy: `ALTER TABLE ${table} ADD PRIMARY KEY (...)${each}; or ALTER TABLE ${table} REPLICA IDENTITY FULL${each}; or leave out what is not to be captured with table.exclude.list and publication.autocreate.mode=filtered; or name a publication that was made by hand with publication.name.`,
    },
  );
}
