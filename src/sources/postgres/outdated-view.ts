import { TailraceError } from '../../model/errors.ts';
import type { PublishedTable } from './catalog.ts';
import { isServerError, quoteIdentifier, quoteLiteral } from './postgres-error.ts';
import { collectionId } from './table-filter.ts';

export interface ViewCheckOptions {
  readonly table: PublishedTable;
  /** Rows are read by a statement of the user's, from wherever that says. */
  readonly overridden: boolean;
  /** How many the COPY gave. */
  readonly rows: number;
}

/**
 * A COPY statement that gives a line, its reason, for each table that the COPY before it, in the same transaction, could
 * not read as the transaction's view has it. ALTER TABLE with a rewrite, TRUNCATE and the likes write the table to a new
 * file whose rows no older view sees (Postgres' manual, "Caveats" of concurrency control), and decoding tells nothing of
 * it. A SELECT on pg_class sees the view's file, pg_relation_filenode the present one. The lock of the first COPY is kept,
 * so what is true now was true then.
 */
export function viewCheck({ table, overridden, rows }: ViewCheckOptions): string {
  const { oid } = table;
  // VACUUM FULL, CLUSTER and a new tablespace keep every row that somebody may still see: had it been another kind of
  // rewrite, there would be none. Of several files together that cannot be told.
  const isIntact = rows > 0 && !table.partitioned && !overridden;
  const name = quoteLiteral(`${quoteIdentifier(table.namespace)}.${quoteIdentifier(table.name)}`).trim();
  // What a foreign statement reads is known by its locks. A partition that was detached or dropped is no part of the table.
  const read = overridden
    ? `SELECT relation FROM pg_catalog.pg_locks WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation'`
    : `SELECT ${oid}::oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(${oid})`;
  // 16384: FirstNormalObjectId, below it are the system's. An empty file has no rows to miss.
  return `COPY (
    SELECT c.oid::regclass::text || ' was rewritten' FROM pg_catalog.pg_class c
    WHERE ${!isIntact} AND c.oid IN (${read}) AND c.oid >= 16384 AND c.relkind IN ('r', 'm')
      AND c.relfilenode <> pg_catalog.pg_relation_filenode(c.oid) AND pg_catalog.pg_relation_size(c.oid) > 0
    UNION ALL
    SELECT ${name} || ' is another table now' WHERE pg_catalog.to_regclass(${name}) IS DISTINCT FROM ${oid}::oid::regclass
  ) TO STDOUT`;
}

/** Undefined table, column and schema: each was there when the view was taken. */
const GONE: ReadonlySet<string> = new Set(['42P01', '42703', '3F000']);

/** That the view which the snapshot reads no longer holds for a table; `error`: what its COPY failed with. */
export function outdatedView(table: PublishedTable, reason: string): TailraceError {
  return new TailraceError(
    'source.table_changed',
    `cannot read ${collectionId(table)} as it was when the snapshot began: ${reason}`,
    {
      remedy:
        'The snapshot starts anew by itself. If that happens again and again, because the table is truncated and filled often, leave it out with snapshot.include.collection.list: its new rows are streamed.',
    },
  );
}

/** Why a COPY failed, if it was because its table is gone or changed; else null. */
export function goneSince(error: unknown): string | null {
  return isServerError(error) && GONE.has(error.code) ? error.message : null;
}
