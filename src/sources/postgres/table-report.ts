import type { Logger } from '../../observe/logger.ts';
import type { PublishedTable } from './catalog.ts';
import type { PublicationConfig } from './publication.ts';
import type { RefusedTable } from './refused-tables.ts';
import { beforeImage } from './replica-identity.ts';
import { collectionId } from './table-filter.ts';

/** Says, once per start, what of the captured tables will surprise. */
export function reportTables(
  tables: readonly PublishedTable[],
  refused: readonly RefusedTable[],
  config: PublicationConfig,
  logger: Pick<Logger, 'warn'>,
): void {
  if (tables.length === 0) {
    logger.warn(
      `publication ${config['publication.name']} publishes no table that the schema and table lists choose: nothing will be captured until it does`,
    );
  }
  const isRefused = new Set(refused.map(collectionId));
  const unidentified = tables
    // Of a partitioned table the partitions are refused, by their own names.
    .filter((table) => beforeImage(table) === null && (table.partitioned || isRefused.has(collectionId(table))))
    .map(collectionId);
  if (unidentified.length > 0) {
    logger.warn(
      { tables: unidentified },
      'the server refuses UPDATE and DELETE of these published tables, because they have no replica identity: add a primary key, or ALTER TABLE ... REPLICA IDENTITY FULL',
    );
  }
  const hidden = tables.flatMap((table) => table.hiddenColumns.map((column) => `${collectionId(table)}.${column}`));
  if (hidden.length > 0) {
    logger.warn(
      { columns: hidden },
      'the server does not stream these generated columns, so they are left out of the snapshot, too; from PostgreSQL 18 on a publication can include stored ones (publish_generated_columns = stored)',
    );
  }
}
