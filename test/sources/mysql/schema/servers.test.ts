import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { classifyStatement } from '../../../../decoders/binlog/ddl/classify.ts';
import { dialectOf } from '../../../../decoders/binlog/ddl/tokens.ts';
import type { QueryEvent } from '../../../../decoders/binlog/event.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import { writtenSize } from '../../../../src/sources/mysql/schema/column-schema.ts';
import { saysTheSame } from '../../../../src/sources/mysql/schema/map-column.ts';
import { SchemaModel } from '../../../../src/sources/mysql/schema/schema-model.ts';
import { readDatabaseDefaults, readTables } from '../../../../src/sources/mysql/schema/show-create.ts';
import { isHiddenColumn } from '../../../../src/sources/mysql/schema/system-versioning.ts';
import { parseDataType } from '../../../../src/sources/mysql/types/data-type.ts';
import { ddlCorpus } from '../../../decoders/binlog/ddl/ddl-corpus.ts';
import { randomSource, SEED } from '../../../decoders/binlog/seeded-random.ts';
import { type MysqlFamily, useSchema, whyNoMysql } from '../../../services/shared-mysql.ts';
import { binlogEnd, eventsSince, queriesSince } from './binlog-tail.ts';
import { RandomDdl } from './random-ddl.ts';

const STATEMENTS = Number(process.env.TEST_BUDGET_S ?? 0) > 0 ? 5000 : 250;

/** The catalog has comments on them. */
const SEQUENCE_COLUMNS = ['start_value', 'increment', 'cache_size', 'cycle_option', 'cycle_count'];

for (const family of ['mysql', 'mariadb'] as const) {
  for (const [what, program] of [
    ['the corpus', (_database: string, other: string) => ddlCorpus(family, other)],
    [`random DDL (TEST_SEED=${SEED})`, (database: string, other: string) => randomProgram(family, [database, other])],
  ] as const) {
    test(`${family}: after ${what} the model is what the server shows and what its catalog says`, {
      skip: await whyNoMysql(family),
    }, async (t) => {
      const { client, name } = await useSchema(family, t);
      const other = `${name}_o`;
      t.after(() => client.query(`DROP DATABASE IF EXISTS ${other}`).catch(() => {}));
      await client.query(`CREATE DATABASE ${other} CHARACTER SET latin1`);
      const model = new SchemaModel({
        family,
        lowerCaseTableNames: 0,
        comments: true,
        explicitDefaultsForTimestamp: true,
      });
      for (const [database, { charset }] of await readDatabaseDefaults(client))
        model.setDatabaseCharset(database, charset);
      let accepted = 0;
      let compared = 0;
      let mapped = 0;
      for (const sql of program(name, other)) {
        const position = await binlogEnd(client);
        await client.query(sql).then(
          () => accepted++,
          () => {},
        );
        const logged = (await queriesSince(client, position)).filter((event) => concerns(event, [name, other]));
        for (const event of logged) {
          const ddl = event.query.toString('utf8');
          const dialect = dialectOf(family, event.status.sqlMode ?? 0n);
          const statement = classifyStatement(ddl, dialect, event.database);
          const { unknown } = model.apply(statement, {
            ddl,
            defaultDatabase: event.database,
            dialect,
            status: event.status,
            errorCode: event.errorCode,
          });
          for (const { schema } of await readTables(client, unknown, model.options)) model.set(schema);
        }
        if (logged.length === 0) continue;
        const context = `after ${sql}\nlogged as ${logged.map(({ query, errorCode }) => `${query} (${errorCode})`).join('; ')}`;
        compared += await compare(client, model, [name, other], context);
        if (accepted % 8 === 0) mapped += await compareTableMaps(client, model, [name, other], context);
      }
      const counts = `${accepted} statements accepted, ${compared} tables compared, ${mapped} with their table maps`;
      t.diagnostic(counts);
      assert.ok(compared > 100 && mapped > 5, counts);
    });
  }
}

function randomProgram(family: MysqlFamily, databases: readonly [string, string]): string[] {
  const ddl = new RandomDdl(randomSource(SEED), family, databases);
  return Array.from({ length: STATEMENTS }, () => ddl.next());
}

async function compare(
  client: Connection,
  model: SchemaModel,
  databases: readonly string[],
  context: string,
): Promise<number> {
  const catalog = await readCatalog(client, databases);
  const known = model.tables().filter((table) => databases.includes(table.database));
  assert.deepEqual(known.map(idOf).sort(), [...catalog.keys()].sort(), `tables ${context}`);
  const shown = await readTables(client, known, model.options);
  for (const [i, table] of known.entries()) {
    const where = `${idOf(table)} ${context}`;
    const { schema } = shown[i]!;
    const columnsOf = ({ columns }: typeof schema): string => columns.map(canonical).join('\n');
    assert.equal(columnsOf(table), columnsOf(schema), where);
    assert.equal(utf8(table.charset ?? schema.charset), utf8(schema.charset), `charset of ${where}`);
    assert.equal(table.comment ?? '', schema.comment ?? '', `comment of ${where}`);
    const { columns, primaryKey } = catalog.get(idOf(table))!;
    assert.deepEqual(
      table.columns
        .filter((column) => !isHiddenColumn(column))
        .map(({ name, charset, optional }) => [name, shownCharset(charset), optional]),
      columns,
      where,
    );
    // A unique key may stand for it, and another one first in what the server shows.
    if (primaryKey.length > 0) {
      const key = table.primaryKey.filter((name) => name !== 'row_end');
      assert.deepEqual(key, primaryKey, `key of ${where}`);
      assert.deepEqual(table.primaryKey, schema.primaryKey, `key of ${where}`);
    }
  }
  return known.length;
}

/** Gives every table a row of defaults; those that take one tell in the binlog what their columns are. */
async function compareTableMaps(
  client: Connection,
  model: SchemaModel,
  databases: readonly string[],
  context: string,
): Promise<number> {
  const from = await binlogEnd(client);
  for (const { database, name } of model.tables()) {
    if (!databases.includes(database)) continue;
    await client.query(`INSERT IGNORE INTO \`${database}\`.\`${name}\` () VALUES ()`).catch(() => {});
  }
  let mapped = 0;
  for (const event of await eventsSince(client, from)) {
    if (event.kind !== 'rows' || !databases.includes(event.table.database)) continue;
    const { database, name, primaryKey } = event.table;
    // MariaDB's hash of a long unique key is in no definition.
    const columns = event.table.columns.filter((column) => !/^DB_ROW_HASH_/.test(column.name!));
    const table = model.get(database, name)!;
    const where = `${database}.${name} ${context}`;
    assert.deepEqual(
      table.columns.map((column) => column.name),
      columns.map((column) => column.name),
      `table map of ${where}`,
    );
    for (const [i, column] of columns.entries()) {
      const definition = table.columns[i]!;
      assert.ok(
        saysTheSame(column, definition, model.options.family),
        `${where}: ${JSON.stringify([definition, column])}`,
      );
    }
    // MySQL gives any unique key for it that cannot be NULL.
    if (primaryKey !== null && table.keyIsUnique !== true && table.primaryKey.length > 0) {
      const key = primaryKey.map((part) => event.table.columns[part.column]!.name);
      assert.deepEqual(table.primaryKey, key, `key of ${where}`);
    }
    mapped++;
  }
  return mapped;
}

function idOf({ database, name }: { readonly database: string; readonly name: string }): string {
  return `${database}.${name}`;
}

function utf8(charset: string | null): string | null {
  return charset === 'utf8' ? 'utf8mb3' : charset;
}

/** Only MariaDB's catalog says that labels are in the set `binary`. */
function shownCharset(charset: string | null): string | null {
  return charset === 'binary' ? null : utf8(charset);
}

/** A line of a column however its definition spells it. */
function canonical(column: ColumnSchema): string {
  const { name, position, optional, autoIncremented, labels, length, scale } = column;
  const type = parseDataType(column.typeName)!;
  const isFloat = type.name === 'float' && !(length !== null && length > 24 && scale === null);
  const isBlob = type.name === 'text' || type.name === 'blob';
  const typeName = isBlob ? writtenSize(column) : type.name === 'float' && !isFloat ? 'double' : type.name;
  const size = isBlob ? null : sizeOf(type.name, column);
  const comment = SEQUENCE_COLUMNS.includes(name) ? null : column.comment || null;
  // The server shows other defaults in forms of its own: padded, in bits, with zeros.
  const isPlain = /int$|decimal|char$/.test(type.name);
  const value = !isPlain
    ? column.defaultValue !== null
    : (column.defaultValue?.replace(/^TRUE$/i, '1').replace(/\.0+$/, '') ?? null);
  const unsigned = type.unsigned ? 'unsigned' : '';
  const options = { charset: utf8(column.charset), optional, autoIncremented, comment, has: column.hasDefault, labels };
  return `${position} ${name} ${typeName} ${size ?? ''} ${unsigned} ${JSON.stringify({ ...options, value: Number(value) || value })}`;
}

function sizeOf(name: string, { length, scale }: ColumnSchema): string | number | null {
  if (/int$|float|double|year/.test(name)) return null;
  if (['char', 'binary', 'bit'].includes(name)) return length ?? 1;
  if (name === 'vector') return length ?? 2048;
  return name === 'decimal' ? `${length},${scale}` : length || null;
}

async function rows(client: Connection, sql: string, values: unknown[] = []): Promise<RowDataPacket[]> {
  return (await client.query<RowDataPacket[]>(sql, values))[0];
}

function concerns(event: QueryEvent, databases: readonly string[]): boolean {
  const text = event.query.toString('utf8');
  return databases.includes(event.database) || databases.some((database) => text.includes(database));
}

interface CatalogTable {
  readonly columns: (readonly [name: string, charset: string | null, nullable: boolean])[];
  readonly primaryKey: string[];
}

async function readCatalog(client: Connection, databases: readonly string[]): Promise<Map<string, CatalogTable>> {
  const tables = new Map<string, CatalogTable>();
  const types = "t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')";
  for (const { db, tab, name, charset, nullable } of await rows(
    client,
    `SELECT c.TABLE_SCHEMA AS db, c.TABLE_NAME AS tab, c.COLUMN_NAME AS name, c.IS_NULLABLE AS nullable, c.CHARACTER_SET_NAME AS charset
     FROM information_schema.COLUMNS c JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME)
     WHERE c.TABLE_SCHEMA IN (?) AND ${types} ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION`,
    [databases],
  )) {
    const id = `${db}.${tab}`;
    if (!tables.has(id)) tables.set(id, { columns: [], primaryKey: [] });
    tables.get(id)!.columns.push([name, shownCharset(charset), nullable === 'YES']);
  }
  for (const { db, tab, name } of await rows(
    client,
    `SELECT TABLE_SCHEMA AS db, TABLE_NAME AS tab, COLUMN_NAME AS name FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA IN (?) AND INDEX_NAME = 'PRIMARY' ORDER BY TABLE_SCHEMA, TABLE_NAME, SEQ_IN_INDEX`,
    [databases],
  ))
    tables.get(`${db}.${tab}`)?.primaryKey.push(name);
  return tables;
}
