import type { Client } from 'pg';
import type { Table } from '../../../decoders/change.ts';
import type { TailraceError } from '../../model/errors.ts';
import type { TableMapping } from '../../model/plugin.ts';
import { readTables, readTypes } from './catalog.ts';
import type { CatalogTable, PgType } from './catalog-types.ts';
import { type ConnectionConfig, connect, errorContext, sessionSettings } from './connection.ts';
import { createMapping } from './mapping.ts';
import { isServerError, postgresError } from './postgres-error.ts';
import type { TypeOptions } from './types/column-type.ts';

/** Types from here on were made by users (access/transam.h, FirstNormalObjectId): they come, go and change. */
const FIRST_USER_OID = 16_384;

export interface CatalogSessionOptions {
  readonly config: ConnectionConfig;
  readonly types: TypeOptions;
  /** Longest time of a query in milliseconds; 0: no limit. */
  readonly queryTimeoutMs: number;
  /** Said once per column: its type has no mapping. */
  readonly onUnmapped: (table: Table, column: string, typeName: string) => void;
}

/** The source's ordinary connection, opened when needed and again when it died, and the mappings made with it. */
export class CatalogSession {
  readonly #options: CatalogSessionOptions;
  readonly #mappings = new WeakMap<Table, TableMapping>();
  readonly #unmapped = new Set<string>();
  #types: Map<number, PgType> = new Map();
  #client: Promise<Client> | null = null;
  /** Queries one after another: pg would queue them, too, but warns. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: CatalogSessionOptions) {
    this.#options = options;
  }

  /** Runs `work` on the connection; `doing` completes "cannot ..." in errors. */
  run<T>(doing: string, work: (client: Client) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#attempt(doing, work));
    this.#last = result.catch(() => {});
    return result;
  }

  /** Makes the mappings of new table versions, all in one look at the catalog. */
  async learn(tables: readonly Table[]): Promise<void> {
    if (tables.length === 0) return;
    const oids = [...new Set(tables.map((table) => table.id))];
    const catalog = await this.run('read the catalog', (client) => readTables(client, oids));
    await this.#learnTypes(tables);
    for (const table of tables) this.map(table, catalog.get(table.id) ?? null);
  }

  /** Makes the mapping of a table whose catalog entry was read already; its types must be known. */
  map(table: Table, catalog: CatalogTable | null): void {
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

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => null);
    await client?.end().catch(() => {});
  }

  async #learnTypes(tables: readonly Table[]): Promise<void> {
    const isStale = tables.some(({ columns }) => columns.some(({ type }) => type >= FIRST_USER_OID));
    if (isStale || this.#types.size === 0) await this.learnTypes();
  }

  async #attempt<T>(doing: string, work: (client: Client) => Promise<T>): Promise<T> {
    const isFresh = this.#client === null;
    this.#client ??= this.#open();
    try {
      return await work(await this.#client);
    } catch (cause) {
      const error: TailraceError = postgresError(cause, errorContext(this.#options.config, doing));
      if (isServerError(cause) && error.code !== 'source.connection_lost') throw error;
      await this.close();
      this.#client = null;
      // A server restart or an idle timeout in between: the statement never ran or was read-only.
      if (isFresh || error.code !== 'source.connection_lost') throw error;
      return this.#attempt(doing, work);
    }
  }

  async #open(): Promise<Client> {
    const client = await connect(this.#options.config);
    await client.query(`${sessionSettings()}; SET statement_timeout = ${this.#options.queryTimeoutMs}`);
    return client;
  }
}
