import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { classifyStatement } from '../../../../decoders/binlog/ddl/classify.ts';
import { mayTouch, type Statement } from '../../../../decoders/binlog/ddl/statement.ts';
import { dialectOf } from '../../../../decoders/binlog/ddl/tokens.ts';
import { useSchema, whyNoMysql } from '../../../services/shared-mysql.ts';
import { ddlCorpus } from './ddl-corpus.ts';
import { type ModelColumn, SchemaModel } from './schema-model.ts';

/** `sql_mode` bits of ANSI_QUOTES and NO_BACKSLASH_ESCAPES, which the corpus switches on together. */
const QUOTING_MODES = (1n << 2n) | (1n << 20n);

interface ServerTable {
  readonly columns: readonly ModelColumn[];
  readonly primaryKey: readonly string[];
}

for (const family of ['mysql', 'mariadb'] as const) {
  test(`${family}: what is said of the DDL in its binlog is what the server did`, {
    skip: await whyNoMysql(family),
  }, async (t) => {
    const { client, name } = await useSchema(family, t);
    const other = `${name}_o`;
    t.after(() => client.query(`DROP DATABASE IF EXISTS ${other}`).catch(() => {}));
    await client.query(`CREATE DATABASE ${other} CHARACTER SET utf8mb4`);
    await client.query(`ALTER DATABASE ${name} CHARACTER SET utf8mb4`);
    const model = new SchemaModel();
    let compared = 0;
    let unread: string[] = [];
    let before = await readTables(client, [name, other]);
    for (const sql of ddlCorpus(family, other)) {
      const position = await binlogEnd(client);
      const refused = await client.query(sql).then(
        () => null,
        (error: Error) => error.message,
      );
      const logged = await statementsSince(client, position, [name, other]);
      const modes = /ANSI_QUOTES/.test(sql) ? null : await sqlMode(client);
      const dialect = dialectOf(family, modes ?? QUOTING_MODES);
      const statements = logged.map((text) => classifyStatement(text, dialect, name));
      if (refused !== null) t.diagnostic(`refused: ${sql.slice(0, 60)}: ${refused.slice(0, 80)}`);
      for (const [i, statement] of statements.entries()) {
        assert.notEqual(statement.kind, 'unknown', logged[i]);
        model.apply(statement);
      }
      const after = await readTables(client, [name, other]);
      assertCovers(statements, before, after, `${sql}\nlogged as: ${logged.join('; ')}`);
      for (const [table, { columns, primaryKey }] of model.tables) {
        const actual = after.get(table);
        assert.ok(actual, `${table} exists after ${sql}`);
        assert.deepEqual(columns, actual.columns, `${table} after ${sql}`);
        assert.deepEqual(primaryKey, actual.primaryKey, `${table} after ${sql}`);
        compared++;
      }
      unread = unread.concat([...after.keys()].filter((table) => !model.tables.has(table)));
      before = after;
    }
    t.diagnostic(`${compared} tables compared; never told by DDL: ${[...new Set(unread)].join(' ')}`);
    assert.ok(compared > 200);
  });
}

/** Every table that changed must be among those that a logged statement is said to touch. */
function assertCovers(
  statements: readonly Statement[],
  before: ReadonlyMap<string, ServerTable>,
  after: ReadonlyMap<string, ServerTable>,
  message: string,
): void {
  for (const table of new Set([...before.keys(), ...after.keys()])) {
    if (JSON.stringify(before.get(table)) === JSON.stringify(after.get(table))) continue;
    const captured = {
      hasTable: (database: string, name: string) => `${database}.${name}` === table,
      hasDatabase: (database: string) => table.startsWith(`${database}.`),
    };
    assert.ok(
      statements.some((statement) => mayTouch(statement, captured)),
      `${table} changed by ${message}`,
    );
  }
}

async function rows(client: Connection, sql: string, values: (readonly string[])[] = []): Promise<RowDataPacket[]> {
  return (await client.query<RowDataPacket[]>(sql, values))[0];
}

async function sqlMode(client: Connection): Promise<bigint> {
  const [row] = await rows(client, 'SELECT @@sql_mode AS mode');
  return row!.mode.includes('ANSI_QUOTES') ? QUOTING_MODES : 0n;
}

async function binlogEnd(client: Connection): Promise<{ file: string; position: number }> {
  const [row] = await rows(client, 'SHOW BINARY LOG STATUS').catch(() => rows(client, 'SHOW MASTER STATUS'));
  return { file: row!.File, position: row!.Position };
}

/** The statements of query events behind a position that concern our databases, as SHOW BINLOG EVENTS tells them. */
async function statementsSince(
  client: Connection,
  { file, position }: { file: string; position: number },
  databases: readonly string[],
): Promise<string[]> {
  const events = await rows(client, `SHOW BINLOG EVENTS IN '${file}' FROM ${position}`);
  return events
    .filter(({ Event_type, Info }) => Event_type === 'Query' && databases.some((database) => Info.includes(database)))
    .map(({ Info }) => (Info as string).replace(/^use [`"]\w+[`"]; /, '').replace(/ \/\* xid=\d+ \*\/$/, ''));
}

async function readTables(client: Connection, databases: readonly string[]): Promise<Map<string, ServerTable>> {
  const columns = await rows(
    client,
    `SELECT c.TABLE_SCHEMA AS db, c.TABLE_NAME AS tab, c.COLUMN_NAME AS name, c.COLUMN_TYPE AS type, c.DATA_TYPE AS data, c.IS_NULLABLE AS nullable,
      c.CHARACTER_SET_NAME AS charset FROM information_schema.COLUMNS c JOIN information_schema.TABLES t USING (TABLE_SCHEMA, TABLE_NAME)
      WHERE c.TABLE_SCHEMA IN (?) AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE') ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION`,
    [databases],
  );
  const keys = await rows(
    client,
    `SELECT TABLE_SCHEMA AS db, TABLE_NAME AS tab, COLUMN_NAME AS name FROM information_schema.STATISTICS
      WHERE TABLE_SCHEMA IN (?) AND INDEX_NAME = 'PRIMARY' ORDER BY TABLE_SCHEMA, TABLE_NAME, SEQ_IN_INDEX`,
    [databases],
  );
  const tables = new Map<string, { columns: ModelColumn[]; primaryKey: string[] }>();
  for (const { db, tab, name, type, data, nullable, charset } of columns) {
    const id = `${db}.${tab}`;
    if (!tables.has(id)) tables.set(id, { columns: [], primaryKey: [] });
    tables.get(id)!.columns.push({ name, type: withoutDisplay(type, data), charset, nullable: nullable === 'YES' });
  }
  for (const { db, tab, name } of keys) tables.get(`${db}.${tab}`)!.primaryKey.push(name);
  return tables;
}

/** The column's type without display width, ZEROFILL and MariaDB's comments, none of which a row image shows. */
function withoutDisplay(type: string, data: string): string {
  let text = type.replace(/ zerofill$/, '').replace(/ \/\*.*\*\/$/, '');
  if (/int$|float|double|year/.test(data) && data !== 'point') text = text.replace(/\(.*?\)/, '');
  return text;
}
