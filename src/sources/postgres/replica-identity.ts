import type { IdentitySetting } from '../../config/table-settings.ts';
import type { PublishedTable } from './catalog.ts';
import { quoteIdentifier } from './postgres-error.ts';
import { collectionId, type TableName } from './table-filter.ts';

const WORDS = { default: 'DEFAULT', full: 'FULL', nothing: 'NOTHING', index: 'INDEX' } as const;

/** Statements that bring the tables to what `replica.identity.autoset.values` asks for; the first entry that matches counts. */
export function identityStatements(
  settings: readonly IdentitySetting[],
  tables: readonly PublishedTable[],
): readonly string[] {
  return tables.flatMap((table) => {
    const setting = settings.find((one) => one.tables.test(collectionId(table)));
    if (setting === undefined) return [];
    // Which index it is now is not compared: setting the same one again changes nothing.
    if (setting.identity !== 'INDEX' && WORDS[table.replicaIdentity] === setting.identity) return [];
    const how = setting.index === null ? setting.identity : `USING INDEX ${quoteIdentifier(setting.index)}`;
    const name = `${quoteIdentifier(table.namespace)}.${quoteIdentifier(table.name)}`;
    return [`ALTER TABLE ${name} REPLICA IDENTITY ${how}`];
  });
}

/** Whether a start gives the table an identity by which its rows can be told apart. */
export function willBeIdentified(settings: readonly IdentitySetting[], table: TableName): boolean {
  const setting = settings.find((one) => one.tables.test(collectionId(table)));
  return setting?.identity === 'FULL' || setting?.identity === 'INDEX';
}

/**
 * What `before` of an update or delete will hold. Null: the server refuses updates and deletes of such a table, once it
 * is published.
 */
export function beforeImage(table: Pick<PublishedTable, 'replicaIdentity' | 'hasPrimaryKey'>): string | null {
  switch (table.replicaIdentity) {
    case 'full':
      return 'the whole old row';
    case 'index':
      return 'the columns of the replica identity index';
    case 'default':
      return table.hasPrimaryKey ? 'the primary key of deletes, and of updates that change it' : null;
    case 'nothing':
      return null;
    default:
      throw new Error(`unknown replica identity ${String(table.replicaIdentity satisfies never)}`);
  }
}
