import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { TableChange } from '../../../decoders/table-schema.ts';
import { quoteIdentifier } from './mysql-error.ts';
import type { SchemaModel } from './schema/schema-model.ts';
import { type DatabaseDefaults, readDatabaseDefaults } from './schema/show-create.ts';
import type { KnownTable } from './snapshot-tables.ts';

/** A statement of those that would make the schema anew: what the schema history and the schema-change topic tell of it. */
export interface SchemaStatement {
  /** Empty of what concerns the whole server. */
  readonly database: string;
  readonly ddl: string;
  readonly changes: readonly TableChange[];
}

export interface ServerDefaults {
  readonly server: DatabaseDefaults;
  readonly databases: ReadonlyMap<string, DatabaseDefaults>;
}

export async function readServerDefaults(session: Connection): Promise<ServerDefaults> {
  const [rows] = await session.query<RowDataPacket[]>(
    'SELECT @@GLOBAL.character_set_server AS charset, @@GLOBAL.collation_server AS collation',
  );
  const { charset, collation } = rows[0]!;
  return { server: { charset, collation }, databases: await readDatabaseDefaults(session) };
}

/** Makes the model one of these tables alone. */
export function fillModel(model: SchemaModel, tables: readonly KnownTable[], defaults: ServerDefaults): void {
  for (const table of model.tables()) model.forget(table);
  for (const { schema } of tables) model.set(schema);
  for (const [database, { charset }] of defaults.databases) model.setDatabaseCharset(database, charset);
  model.serverCharset = defaults.server.charset;
}

/**
 * In the order of Debezium (BinlogSnapshotChangeEventSource.readTableStructure): the server's defaults; all tables
 * dropped; then, database by database, it dropped, made and used, and its tables made.
 */
export function schemaStatements(tables: readonly KnownTable[], defaults: ServerDefaults): readonly SchemaStatement[] {
  const { charset, collation } = defaults.server;
  return [
    statement('', `SET character_set_server=${charset}, collation_server=${collation}`),
    ...tables.map(dropTable),
    ...[...Map.groupBy(tables, ({ namespace }) => namespace)].flatMap(([database, members]) => [
      ...makeDatabase(database, defaults.databases.get(database)),
      ...members.map(({ ddl, schema }) => statement(database, ddl, change('CREATE', schema, schema))),
    ]),
  ];
}

function dropTable({ namespace, name, schema }: KnownTable): SchemaStatement {
  const ddl = `DROP TABLE IF EXISTS ${quoteIdentifier(namespace)}.${quoteIdentifier(name)}`;
  return statement(namespace, ddl, change('DROP', schema, null));
}

function makeDatabase(database: string, locale: DatabaseDefaults | undefined): readonly SchemaStatement[] {
  const name = quoteIdentifier(database);
  const defaults = locale === undefined ? '' : ` CHARSET ${locale.charset} COLLATE ${locale.collation}`;
  return [
    statement(database, `DROP DATABASE IF EXISTS ${name}`),
    statement(database, `CREATE DATABASE ${name}${defaults}`),
    statement(database, `USE ${name}`),
  ];
}

function statement(database: string, ddl: string, ...changes: readonly TableChange[]): SchemaStatement {
  return { database, ddl, changes };
}

function change(
  type: TableChange['type'],
  { database, name }: { readonly database: string; readonly name: string },
  table: TableChange['table'],
): TableChange {
  return { type, database, name, previous: null, table };
}
