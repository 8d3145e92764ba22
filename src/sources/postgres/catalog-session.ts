import type { Client } from 'pg';
import type { Table } from '../../../decoders/change.ts';
import type { TableMapping } from '../../model/plugin.ts';
import { readTables, readTypes } from './catalog.ts';
import type { CatalogTable, PgType } from './catalog-types.ts';
import { createMapping } from './mapping.ts';
import { createSession, type Session, type SessionOptions } from './session.ts';
import type { TypeOptions } from './types/column-type.ts';

/** Types from here on were made by users (access/transam.h, FirstNormalObjectId): they come, go and change. */
const FIRST_USER_OID = 16_384;

export interface CatalogSessionOptions extends SessionOptions {
  readonly types: TypeOptions;
  /** Said once per column: its type has no mapping. */
  readonly onUnmapped: (table: Table, column: string, typeName: string) => void;
  /** Its changes are without a key: it was dropped before they were read, and its log does not tell which columns made it. */
  readonly onKeyUnknown: (table: Table) => void;
}

/** The source's ordinary connection, and the mappings made with it. */
export class CatalogSession {
  readonly #options: CatalogSessionOptions;
  readonly #session: Session;
  readonly #mappings = new WeakMap<Table, TableMapping>();
  readonly #unmapped = new Set<string>();
  /** By OID: what the catalog last said, which is all there is of a table that was dropped since. */
  readonly #lastKnown = new Map<number, CatalogTable>();
  #types: Map<number, PgType> = new Map();

  constructor(options: CatalogSessionOptions) {
    this.#options = options;
    this.#session = createSession(options);
  }

  /** As {@link Session.run}. */
  run<T>(doing: string, work: (client: Client) => Promise<T>): Promise<T> {
    return this.#session.run(doing, work);
  }

  /** Makes the mappings of new table versions, all in one look at the catalog. */
  async learn(tables: readonly Table[]): Promise<void> {
    if (tables.length === 0) return;
    const oids = [...new Set(tables.map((table) => table.id))];
    const catalog = await this.run('read the catalog', (client) => readTables(client, oids));
    await this.#learnTypes(tables);
    for (const table of tables) {
      const known = catalog.get(table.id) ?? this.#lastKnown.get(table.id) ?? null;
      this.map(table, known);
      // With any other identity the log marks the key itself, or there is none.
      if (known === null && table.replicaIdentity === 'full') this.#options.onKeyUnknown(table);
    }
  }

  /** Makes the mapping of a table whose catalog entry was read already; its types must be known. */
  map(table: Table, catalog: CatalogTable | null): void {
    if (catalog !== null) this.#lastKnown.set(table.id, catalog);
    const mapping = createMapping({
      table,
      catalog,
      types: this.#types,
      options: this.#options.types,
      onUnmapped: (column, typeName) => {
        const id = `${table.id}.${column.name}.${column.type}`;
        if (this.#unmapped.has(id)) return;
        this.#unmapped.add(id);
        this.#options.onUnmapped(table, column.name, typeName);
      },
    });
    this.#mappings.set(table, mapping);
  }

  mapping(table: Table): TableMapping {
    const mapping = this.#mappings.get(table);
    if (mapping === undefined) throw new Error(`table ${table.namespace}.${table.name} was never mapped`);
    return mapping;
  }

  /** Types are read once, and again when a table has one that may have changed: an enum gets labels without a word in the log. */
  async learnTypes(): Promise<void> {
    this.#types = await this.run('read the types of the database', readTypes);
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async #learnTypes(tables: readonly Table[]): Promise<void> {
    const isStale = tables.some(({ columns }) => columns.some(({ type }) => type >= FIRST_USER_OID));
    if (isStale || this.#types.size === 0) await this.learnTypes();
  }
}
