import type { CapturedTables } from '../../../decoders/binlog/ddl/statement.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import type { RegexList } from '../../config/regex-list.ts';

export type FilterConfig = Pick<
  MysqlConfig,
  'database.include.list' | 'database.exclude.list' | 'table.include.list' | 'table.exclude.list'
>;

export interface TableName {
  readonly namespace: string;
  readonly name: string;
}

/** `database.table`, as include lists match it and topics are named after it. */
export function collectionId(table: TableName): string {
  return `${table.namespace}.${table.name}`;
}

const SYSTEM_DATABASES = ['mysql', 'information_schema', 'performance_schema', 'sys'];

export function isSystemDatabase(database: string): boolean {
  return SYSTEM_DATABASES.includes(database.toLowerCase());
}

/**
 * The tables that the include and exclude lists choose, whose expressions match in any case. System databases
 * are never captured. `hasDatabase`: a table of it can be chosen.
 */
export function createTableFilter(config: FilterConfig): CapturedTables {
  const databases = choose(config['database.include.list'], config['database.exclude.list']);
  const tables = choose(config['table.include.list'], config['table.exclude.list']);
  const hasDatabase = (database: string): boolean => !isSystemDatabase(database) && databases(database);
  return {
    hasDatabase,
    hasTable: (database, name) => hasDatabase(database) && tables(`${database}.${name}`),
  };
}

function choose(include: RegexList | null, exclude: RegexList | null): (name: string) => boolean {
  if (include !== null) return (name) => include.matches(name);
  if (exclude !== null) return (name) => !exclude.matches(name);
  return () => true;
}
