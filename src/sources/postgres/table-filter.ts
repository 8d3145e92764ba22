import type { PostgresConfig } from '../../config/postgres.ts';
import type { RegexList } from '../../config/regex-list.ts';

export type FilterConfig = Pick<
  PostgresConfig,
  | 'schema.include.list'
  | 'schema.exclude.list'
  | 'table.include.list'
  | 'table.exclude.list'
  | 'message.prefix.include.list'
  | 'message.prefix.exclude.list'
>;

export interface TableName {
  readonly namespace: string;
  readonly name: string;
}

/** `schema.table`, as include lists match it and topics are named after it. */
export function collectionId(table: TableName): string {
  return `${table.namespace}.${table.name}`;
}

/** PostGIS's table of coordinate systems, which Debezium counts as the system's too. */
const SYSTEM_TABLE = 'spatial_ref_sys';

/** The tables that the include and exclude lists choose. System schemas and tables are never captured. */
export function createTableFilter(config: FilterConfig): (table: TableName) => boolean {
  const schemas = choose(config['schema.include.list'], config['schema.exclude.list']);
  const tables = choose(config['table.include.list'], config['table.exclude.list']);
  return (table) =>
    !isSystemSchema(table.namespace) &&
    table.name !== SYSTEM_TABLE &&
    schemas(table.namespace) &&
    tables(collectionId(table));
}

/** The prefixes of logical decoding messages that are captured. */
export function createPrefixFilter(config: FilterConfig): (prefix: string) => boolean {
  return choose(config['message.prefix.include.list'], config['message.prefix.exclude.list']);
}

/** Whether no list narrows the choice of tables. */
export function capturesAllTables(config: FilterConfig): boolean {
  return (
    config['schema.include.list'] === null &&
    config['schema.exclude.list'] === null &&
    config['table.include.list'] === null &&
    config['table.exclude.list'] === null
  );
}

function choose(include: RegexList | null, exclude: RegexList | null): (name: string) => boolean {
  if (include !== null) return (name) => include.matches(name);
  if (exclude !== null) return (name) => !exclude.matches(name);
  return () => true;
}

function isSystemSchema(namespace: string): boolean {
  return namespace === 'information_schema' || /^pg_(catalog|toast|temp_|toast_temp_)/.test(namespace);
}
