import type { Column, Table } from '../../../decoders/change.ts';
import type { ColumnMapping, TableMapping } from '../../model/plugin.ts';
import type { CatalogColumn, CatalogTable, TypeRegistry } from './catalog-types.ts';
import { collectionId } from './table-filter.ts';
import type { TypeOptions } from './types/column-type.ts';
import { createCodec } from './types/create-codec.ts';
import { sourceTypeOf } from './types/source-type.ts';

export interface MappingInput {
  readonly table: Table;
  /** The table as the catalog has it now; null when it is gone. */
  readonly catalog: CatalogTable | null;
  readonly types: TypeRegistry;
  readonly options: TypeOptions;
  /** Told of each column whose type has no mapping; it is left out. */
  readonly onUnmapped: (column: Column, typeName: string) => void;
}

/**
 * Joins a table version of the log with the catalog. The log decides which columns there are; the catalog, which may be
 * newer, adds what the log does not tell (NOT NULL, defaults, the primary key) where name and type still agree.
 */
export function createMapping(input: MappingInput): TableMapping {
  const { table, catalog, types, options, onUnmapped } = input;
  const known = new Map(catalog?.columns.map((column) => [column.name, column]));
  const columns: ColumnMapping[] = [];
  for (const [index, column] of table.columns.entries()) {
    // A type that was dropped is gone with its columns: it has no mapping any more, either.
    const described = describe(column, known.get(column.name));
    const codec = types.has(column.type) ? createCodec(described, options, types) : null;
    if (codec === null) onUnmapped(column, types.get(column.type)?.name ?? `OID ${column.type}`);
    else columns.push({ index, name: column.name, codec, sourceType: sourceTypeOf(described, types) });
  }
  const key = keyColumns(table, catalog);
  return {
    table,
    collectionId: collectionId(table),
    topicParts: [table.namespace, table.name],
    columns,
    primaryKey: key.map((name) => columns.findIndex((column) => column.name === name)).filter((index) => index !== -1),
  };
}

/** A column that the catalog has no more, or has with another type, may hold anything and has no default. */
function describe(column: Column, catalog: CatalogColumn | undefined): CatalogColumn {
  if (catalog !== undefined && catalog.typeOid === column.type) return { ...catalog, modifier: column.modifier };
  return {
    name: column.name,
    typeOid: column.type,
    modifier: column.modifier,
    notNull: false,
    defaultExpression: null,
    generated: false,
  };
}

/**
 * Names of the key columns in key order. With the default replica identity the log itself marks the primary key, as it
 * was when the change was made; the catalog gives its order. With USING INDEX the columns of that index are all that a
 * delete tells of its row, so they are the key of every change. Otherwise the catalog's primary key counts.
 */
function keyColumns(table: Table, catalog: CatalogTable | null): readonly string[] {
  const marked = table.columns.filter((column) => column.identity).map((column) => column.name);
  const present = (names: readonly string[]): boolean =>
    names.length > 0 && names.every((name) => table.columns.some((column) => column.name === name));
  const primaryKey = catalog?.primaryKey ?? [];
  if (table.replicaIdentity === 'default') {
    const agrees = primaryKey.length === marked.length && primaryKey.every((name) => marked.includes(name));
    return agrees ? primaryKey : marked;
  }
  if (table.replicaIdentity !== 'index') return present(primaryKey) ? primaryKey : [];
  const index = catalog?.identityIndex ?? [];
  return present(index) ? index : marked;
}
