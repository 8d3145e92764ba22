import type { TableDefinition } from '../../../../decoders/binlog/ddl/table-definition.ts';
import type { ColumnSchema, TableSchema } from '../../../../decoders/table-schema.ts';
import { charsetOf } from './charset-name.ts';
import { type ColumnContext, ColumnMaker, notNull } from './column-schema.ts';
import { versionedKey, withVersioning } from './system-versioning.ts';

/** A table as CREATE TABLE makes it; `context.charset` is the database's. */
export function createTable(
  name: { readonly database: string; readonly name: string },
  definition: TableDefinition,
  context: ColumnContext,
): TableSchema {
  const charset = charsetOf(definition, context.charset);
  const maker = new ColumnMaker({ ...context, charset });
  const columns = maker.withDefaults(definition.columns.map((column) => maker.make(column)));
  const table: TableSchema = {
    database: name.database,
    name: name.name,
    columns,
    primaryKey: [],
    charset,
    comment: context.comments ? definition.comment : null,
  };
  const end = definition.columns.find((column) => column.generated === 'row-end')?.name;
  const whole = definition.systemVersioned && end === undefined ? withVersioning(table) : table;
  if (definition.primaryKey.length === 0) return withUniqueKey(whole, uniqueKey(definition, columns));
  return withKey(whole, definition.systemVersioned ? versionedKey(definition.primaryKey, end) : definition.primaryKey);
}

/** A table without a primary key has the first unique key whose columns are all NOT NULL in its place, as in Debezium. */
function uniqueKey(definition: TableDefinition, columns: readonly ColumnSchema[]): readonly string[] {
  const atColumns = definition.columns.flatMap((column) => (column.unique ? [[column.name]] : []));
  return [...atColumns, ...definition.uniqueKeys].find((key) => isNotNull(key, columns)) ?? [];
}

export function isNotNull(key: readonly string[], columns: readonly ColumnSchema[]): boolean {
  return key.every((name) => columns.some((column) => sameName(column.name, name) && !column.optional));
}

/** The table with that key, whose columns are not NULL, and its columns counted anew. */
export function withKey(table: TableSchema, key: readonly string[]): TableSchema {
  const isKey = (name: string): boolean => key.some((one) => sameName(one, name));
  const columns = table.columns.map((column, i) => ({
    ...(isKey(column.name) ? notNull(column) : column),
    position: i + 1,
  }));
  // The key as its columns are called: their names may be written in any case.
  const primaryKey = key.flatMap((name) => columns.find((column) => sameName(column.name, name))?.name ?? []);
  const { keyIsUnique: _, ...rest } = table;
  return { ...rest, columns, primaryKey };
}

/** The table with a unique key in a primary key's place, as long as its columns are NOT NULL. */
export function withUniqueKey(table: TableSchema, key: readonly string[]): TableSchema {
  const usable = key.length > 0 && isNotNull(key, table.columns);
  const result = withKey(table, usable ? key : []);
  return usable ? { ...result, keyIsUnique: true } : result;
}

/** Names of columns are the same in any case. */
export function sameName(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase();
}
