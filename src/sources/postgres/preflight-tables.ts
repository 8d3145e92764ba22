import type { Client } from 'pg';
import type { PostgresConfig } from '../../config/postgres.ts';
import type { PreflightCheck } from '../../model/preflight.ts';
import { type PublishedTable, readPublishableTables, readTables, tableOf } from './catalog.ts';
import type { CatalogTable, TypeRegistry } from './catalog-types.ts';
import { createMapping } from './mapping.ts';
import { deviationRemark, identityRemedy, type Partition, readPartitions } from './partition-identity.ts';
import { quoteIdentifier } from './postgres-error.ts';
import { readPublication } from './publication.ts';
import { grantStatements, unreadableTables } from './read-privilege.ts';
import { beforeImage, willBeIdentified } from './replica-identity.ts';
import { collectionId, createTableFilter, type TableName } from './table-filter.ts';

/** One line per captured table: what `before` will hold, and what will be missing. */
export async function checkTables(
  client: Client,
  config: PostgresConfig,
  published: readonly PublishedTable[],
  types: TypeRegistry,
): Promise<readonly PreflightCheck[]> {
  const catalog = await readTables(
    client,
    published.map((table) => table.oid),
  );
  const unreadable = await unreadableTables(client, published);
  const partitioned = await readPartitions(client, published);
  const checks = published.map((table) => {
    const isReadable = !unreadable.has(table.oid);
    const partitions = partitioned.get(table.oid) ?? [];
    return checkTable(table, catalog.get(table.oid) ?? null, { config, types, isReadable, partitions });
  });
  return [...checks, ...(await unpublished(client, config, published))];
}

interface TableContext {
  readonly config: PostgresConfig;
  readonly types: TypeRegistry;
  readonly isReadable: boolean;
  /** Leaves of a partitioned table. */
  readonly partitions: readonly Partition[];
}

function checkTable(table: PublishedTable, catalog: CatalogTable | null, context: TableContext): PreflightCheck {
  const name = collectionId(table);
  const sqlName = qualified(table);
  const before = beforeImage(table);
  if (before === null && willBeIdentified(context.config['replica.identity.autoset.values'] ?? [], table)) {
    return { name, status: 'ok', message: 'its replica identity is set at the start', remedy: null };
  }
  if (before === null) {
    return {
      name,
      status: 'warning',
      message: 'the server refuses UPDATE and DELETE of it while it is published: it has no replica identity',
      remedy: `ALTER TABLE ${sqlName} ADD PRIMARY KEY (...); or ALTER TABLE ${sqlName} REPLICA IDENTITY FULL;`,
    };
  }
  if (!context.isReadable && context.config['snapshot.mode'] !== 'no_data') {
    return {
      name,
      status: 'error',
      message: 'the snapshot may not read it',
      remedy: grantStatements(table, context.config),
    };
  }
  const image = `before holds ${before}`;
  const remarks = catalog === null ? [] : [...unmapped(table, catalog, context), ...toasted(table, catalog, context)];
  const hidden = table.hiddenColumns.map((column) => `${column} is generated and not streamed`);
  const deviation = deviationRemark(table, context.partitions);
  const all = [...remarks, ...hidden, ...(deviation === null ? [] : [deviation])];
  const wantsFull = all.some((remark) => remark.endsWith(TOAST_REMARK));
  return {
    name,
    status: all.length === 0 ? 'ok' : 'warning',
    message: [image, ...all].join('; '),
    remedy: wantsFull || deviation !== null ? identityRemedy(table, context.partitions, wantsFull) : null,
  };
}

function unmapped(table: PublishedTable, catalog: CatalogTable, { config, types }: TableContext): readonly string[] {
  const remarks: string[] = [];
  createMapping({
    table: tableOf(table, catalog),
    catalog,
    types,
    options: config,
    onUnmapped: (column, type) => remarks.push(`${column.name} is left out: its type ${type} has no mapping`),
  });
  return remarks;
}

const TOAST_REMARK = 'updates that do not touch it carry a placeholder in its place';
/** Types whose large values tables really hold out of line; a numeric that is 2 KB long is rare. */
const TOASTED = new Set(['text', 'varchar', 'bytea', 'json', 'jsonb', 'xml', 'hstore', 'tsvector']);

function toasted(table: PublishedTable, catalog: CatalogTable, { types }: TableContext): readonly string[] {
  if (table.replicaIdentity === 'full') return [];
  const large = catalog.columns.filter(({ name, typeOid, modifier }) => {
    const type = types.get(typeOid);
    // A varchar of at most 255 characters stays below the 2 KB at which values are moved out of line.
    const isShort = modifier !== -1 && modifier <= 259;
    return table.columns.includes(name) && type !== undefined && TOASTED.has(type.name) && !isShort;
  });
  if (large.length === 0) return [];
  const names = large.map((column) => column.name).join(', ');
  return [`${names} may be large: ${TOAST_REMARK}`];
}

/** Tables that the include lists choose and that the publication, as it is, does not publish. */
async function unpublished(
  client: Client,
  config: PostgresConfig,
  published: readonly PublishedTable[],
): Promise<readonly PreflightCheck[]> {
  const publication = await readPublication(client, config['publication.name']);
  if (publication === null || publication.allTables || config['publication.autocreate.mode'] === 'filtered') return [];
  const captures = createTableFilter(config);
  const known = new Set(published.map(collectionId));
  const missing = (await readPublishableTables(client)).filter(
    (table) => captures(table) && !table.partitioned && !known.has(collectionId(table)),
  );
  return missing.map((table) => ({
    name: collectionId(table),
    status: 'warning',
    message: `publication ${config['publication.name']} does not publish it: nothing of it will be captured`,
    remedy: `ALTER PUBLICATION ${quoteIdentifier(config['publication.name'])} ADD TABLE ${qualified(table)};`,
  }));
}

function qualified(table: TableName): string {
  return `${quoteIdentifier(table.namespace)}.${quoteIdentifier(table.name)}`;
}
