import type { ClientBase } from 'pg';
import { IDENTITIES, type PublishedTable } from './catalog.ts';
import { quoteIdentifier } from './postgres-error.ts';
import { collectionId, type TableName } from './table-filter.ts';

/** A leaf of a table that is published under its root's name. */
export interface Partition {
  readonly namespace: string;
  readonly name: string;
  readonly replicaIdentity: PublishedTable['replicaIdentity'];
  /** Its old rows are not what the replica identity of the root promises. */
  readonly deviates: boolean;
  /** Its part of the index that identifies the rows of the root; null where the root has no such index. */
  readonly rootIndex: string | null;
}

/**
 * By the root's OID. Postgres writes old rows to the WAL as the identity of the partition says that holds them, also when
 * they are sent under the name of its root; ALTER TABLE ... REPLICA IDENTITY does not reach the partitions of its table.
 */
export async function readPartitions(
  client: ClientBase,
  published: readonly PublishedTable[],
): Promise<ReadonlyMap<number, readonly Partition[]>> {
  const roots = published.filter(({ partitioned }) => partitioned);
  if (roots.length === 0) return new Map();
  const { rows } = await client.query<{
    root: number;
    namespace: string;
    name: string;
    identity: string;
    deviates: boolean;
    root_index: string | null;
  }>(
    `
    SELECT r.oid::int8::float8 AS root, n.nspname AS namespace, l.relname AS name, l.relreplident AS identity,
           l.relreplident <> r.relreplident OR r.relreplident = 'i' AND own.identifies IS NOT TRUE AS deviates,
           own.name AS root_index
    FROM pg_catalog.pg_class r
    CROSS JOIN LATERAL pg_catalog.pg_partition_tree(r.oid) t
    JOIN pg_catalog.pg_class l ON l.oid = t.relid
    JOIN pg_catalog.pg_namespace n ON n.oid = l.relnamespace
    LEFT JOIN LATERAL (
      SELECT x.relname AS name, li.indisreplident AS identifies
      FROM pg_catalog.pg_index ri
      CROSS JOIN LATERAL pg_catalog.pg_partition_tree(ri.indexrelid) it
      JOIN pg_catalog.pg_index li ON li.indexrelid = it.relid
      JOIN pg_catalog.pg_class x ON x.oid = li.indexrelid
      WHERE ri.indrelid = r.oid AND ri.indisreplident AND li.indrelid = l.oid
    ) own ON true
    WHERE r.oid = ANY($1::oid[]) AND t.isleaf AND l.relkind = 'r'
    ORDER BY n.nspname, l.relname`,
    [roots.map(({ oid }) => oid)],
  );
  const partitions = rows.map(({ root, namespace, name, identity, deviates, root_index }) => ({
    root,
    namespace,
    name,
    replicaIdentity: IDENTITIES[identity] ?? 'default',
    deviates,
    rootIndex: root_index,
  }));
  return Map.groupBy(partitions, ({ root }) => root);
}

/** A table may have thousands of partitions, and most often all of them deviate alike. */
const SHOWN = 20;

/** What to say of those that deviate; null: none does. */
export function deviationRemark(root: PublishedTable, partitions: readonly Partition[]): string | null {
  const names = partitions
    .filter(({ deviates }) => deviates)
    .map((partition) => `${collectionId(partition)} (${partition.replicaIdentity})`);
  if (names.length === 0) return null;
  const list = abridged(names, (more) => `${more} more`).join(', ');
  return `the old rows that are sent depend on the partition that holds them: its replica identity is not ${root.replicaIdentity} as the root's in ${list}`;
}

/**
 * SQL after which the table, and each of its partitions, sends the same old rows; null: it does already. Whole old rows
 * where they are wanted or where some partition sends them, so that following it never takes a column away.
 */
export function identityRemedy(
  root: PublishedTable,
  partitions: readonly Partition[],
  wantsFull: boolean,
): string | null {
  const deviating = partitions.filter(({ deviates }) => deviates);
  const isFull = wantsFull || deviating.some(({ replicaIdentity }) => replicaIdentity === 'full');
  const statements = isFull
    ? [root, ...partitions]
        .filter(({ replicaIdentity }) => replicaIdentity !== 'full')
        .map((table) => alter(table, 'FULL'))
    : deviating.map((partition) => alter(partition, identitySql(root, partition)));
  if (statements.length === 0) return null;
  return abridged(statements, (more) => `-- and the same for ${more} more partitions`).join(' ');
}

function abridged(texts: readonly string[], rest: (more: number) => string): readonly string[] {
  return texts.length <= SHOWN ? texts : [...texts.slice(0, SHOWN), rest(texts.length - SHOWN)];
}

function alter({ namespace, name }: TableName, identity: string): string {
  return `ALTER TABLE ${quoteIdentifier(namespace)}.${quoteIdentifier(name)} REPLICA IDENTITY ${identity};`;
}

function identitySql(root: PublishedTable, { rootIndex }: Partition): string {
  switch (root.replicaIdentity) {
    case 'index':
      // A root whose identity index was dropped identifies nothing: FULL is what always works.
      return rootIndex === null ? 'FULL' : `USING INDEX ${quoteIdentifier(rootIndex)}`;
    case 'full':
      return 'FULL';
    case 'default':
      return 'DEFAULT';
    case 'nothing':
      return 'NOTHING';
    default:
      throw new Error(`unknown replica identity ${String(root.replicaIdentity satisfies never)}`);
  }
}
