import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { MysqlFamily } from '../../services/shared-mysql.ts';
import { ADDED_COLUMN_PREFIX } from '../database.ts';
import type { Random } from '../random.ts';
import { DOCS, type Numbers } from './statements.ts';

/** Captured tables, and whether `id` is their primary key. */
export const TABLES = { orders: true, items: true, docs: true, audit: false, parts: true, parts_twin: true } as const;

/** Rows of the one transaction that several batches must share. */
export const BIG_TRANSACTION_ROWS = 20_000;

/** Enough for a snapshot of many batches that still takes well under a second. */
const SNAPSHOT_ITEMS = 15_000;

const DEFINITIONS: Readonly<Record<string, string>> = {
  id: 'BIGINT NOT NULL',
  writer: 'INT NOT NULL',
  n: 'BIGINT NOT NULL',
  status: 'VARCHAR(40)',
  total: 'DECIMAL(12,2)',
  order_id: 'BIGINT',
  note: 'TEXT',
  body: 'MEDIUMTEXT',
  j: 'JSON',
  what: 'TEXT',
};

/** What a statement makes of a table, for the reader of the truth: the binlog itself may have no names of columns. */
function told(table: string, columns: readonly string[]): string {
  return `/* columns ${table}: ${columns.join(',')} */`;
}

function createTable(table: string, columns: readonly string[], extra = ''): string {
  const definitions = columns.map((name) => `${name} ${DEFINITIONS[name]}`);
  if (table !== 'audit') definitions.push('PRIMARY KEY (id)');
  return `CREATE TABLE ${table} (${definitions.join(', ')}${extra}) ENGINE=InnoDB ${told(table, columns)}`;
}

export async function createTables(client: Connection, numbers: Numbers): Promise<void> {
  for (const statement of [
    createTable('orders', ['id', 'writer', 'n', 'status', 'total']),
    createTable('items', ['id', 'order_id', 'n', 'note'], ', KEY (order_id)'),
    createTable('docs', ['id', 'n', 'body', 'j']),
    createTable('audit', ['writer', 'n', 'what']),
    createTable('parts', ['id', 'n', 'note']),
    createTable('parts_twin', ['note', 'n', 'id']),
    'CREATE TABLE numbers (i INT PRIMARY KEY)',
    'CREATE TABLE foreigners (id INT PRIMARY KEY, n BIGINT)',
    'CREATE TABLE digits (d INT PRIMARY KEY)',
    'INSERT INTO digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)',
    `INSERT INTO numbers SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d
       FROM digits a, digits b, digits c, digits e, digits f WHERE f.d < 5`,
    'INSERT INTO foreigners (id, n) SELECT i, 0 FROM numbers WHERE i BETWEEN 1 AND 10',
    `INSERT INTO orders SELECT ${numbers.orderId(2000)} + i, 0, ${numbers.n(2000)} + i, 'new', i * 1.25 FROM numbers WHERE i < 2000`,
    `INSERT INTO items SELECT ${numbers.itemId(SNAPSHOT_ITEMS)} + i, i, ${numbers.n(SNAPSHOT_ITEMS)} + i, REPEAT('it is ', i % 20) FROM numbers WHERE i < ${SNAPSHOT_ITEMS}`,
    `INSERT INTO docs SELECT i + 1, ${numbers.n(DOCS)} + i, REPEAT(SHA2(i, 256), 50), '{"a": 1, "b": "bee", "list": [1, 2, 3], "deep": {"d": null}}' FROM numbers WHERE i < ${DOCS}`,
    `INSERT INTO audit SELECT 0, ${numbers.n(10)} + i, NULL FROM numbers WHERE i < 10`,
    `INSERT INTO parts (id, n, note) SELECT i + 1, ${numbers.n(20)} + i, 'part' FROM numbers WHERE i < 20`,
  ]) {
    await client.query(statement);
  }
}

/** None of a table that was dropped and not made again, since its server went meanwhile. */
export async function columnsOf(client: Connection, table: string): Promise<string[]> {
  const [tables] = await client.query<RowDataPacket[]>(`SHOW TABLES LIKE '${table}'`);
  if (tables.length === 0) return [];
  const [rows] = await client.query<RowDataPacket[]>(`SHOW COLUMNS FROM ${table}`);
  return rows.map(({ Field }) => String(Field));
}

function definitionOf(column: string): string {
  return DEFINITIONS[column] ?? `INT DEFAULT ${column.slice(ADDED_COLUMN_PREFIX.length)}`;
}

/** A column comes, goes, moves or gets another name; two of it in one statement. */
export function randomAlter(table: string, before: readonly string[], random: Random): string {
  const columns = [...before];
  const actions: string[] = [];
  for (let i = random.next() < 0.3 ? 2 : 1; i > 0; i--) {
    const action = randomAction(columns, random);
    // One statement cannot say two things of a column.
    if (actions.some((other) => other.split(' ')[2] === action.split(' ')[2])) continue;
    actions.push(action);
    applyAction(columns, action);
  }
  return `ALTER TABLE ${table} ${actions.join(', ')} ${told(table, columns)}`;
}

function randomAction(columns: readonly string[], random: Random): string {
  const name = `${ADDED_COLUMN_PREFIX}${random.integer(1, 4)}`;
  const place = (self: string): string => {
    const others = columns.filter((column) => column !== self);
    return random.next() < 0.3 ? 'FIRST' : `AFTER ${random.pick(others)}`;
  };
  if (!columns.includes(name)) {
    const added = columns.filter((column) => column.startsWith(ADDED_COLUMN_PREFIX));
    if (added.length > 0 && random.next() < 0.3) return `RENAME COLUMN ${random.pick(added)} TO ${name}`;
    return `ADD COLUMN ${name} ${definitionOf(name)} ${place(name)}`;
  }
  if (random.next() < 0.4) return `DROP COLUMN ${name}`;
  const moved = random.pick(columns);
  return `MODIFY COLUMN ${moved} ${definitionOf(moved)} ${place(moved)}`;
}

function applyAction(columns: string[], action: string): void {
  const [verb, , name = '', , to = ''] = action.split(' ');
  const index = columns.indexOf(name);
  if (verb === 'RENAME') {
    columns[index] = to;
    return;
  }
  if (index >= 0) columns.splice(index, 1);
  if (verb === 'DROP') return;
  const after = /AFTER (\w+)$/.exec(action)?.[1];
  columns.splice(after === undefined ? 0 : columns.indexOf(after) + 1, 0, name);
}

/** Tables dropped and made again, emptied, and renamed into each other's place. */
export function randomUpheaval(
  random: Random,
  columns: { readonly parts: string[]; readonly twin: string[] },
): string[] {
  const dice = columns.parts.length === 0 ? 0 : random.next();
  if (dice < 0.35) return ['DROP TABLE IF EXISTS parts', createTable('parts', random.shuffle(['id', 'n', 'note']))];
  if (dice < 0.5) return ['TRUNCATE TABLE parts'];
  return [
    `RENAME TABLE parts TO parts_away, parts_twin TO parts, parts_away TO parts_twin ${told('parts', columns.twin)} ${told('parts_twin', columns.parts)}`,
  ];
}

/** What only this server understands, on tables that nobody captures. */
export function foreignDdl(family: MysqlFamily, random: Random): string[] {
  const name = `odd_${random.integer(1, 1_000_000_000)}`;
  const either: Readonly<Record<MysqlFamily, readonly (readonly string[])[]>> = {
    mysql: [
      [
        `CREATE TABLE ${name} (id INT PRIMARY KEY, v VECTOR(3), j JSON, k INT GENERATED ALWAYS AS (j->>'$.k') STORED, KEY ((CAST(j->>'$.k' AS UNSIGNED)))) SECONDARY_ENGINE_ATTRIBUTE='{"a": 1}'`,
        `INSERT INTO ${name} (id, v, j) VALUES (1, TO_VECTOR('[1,2,3]'), '{"k": 2}')`,
        `ALTER TABLE ${name} ALTER COLUMN j SET INVISIBLE, ALGORITHM=INSTANT`,
        `DROP TABLE ${name}`,
      ],
      [
        `CREATE FUNCTION ${name}() RETURNS INT DETERMINISTIC LANGUAGE SQL BEGIN DECLARE x INT; SET x = 1; ALTER_LOOP: LOOP LEAVE ALTER_LOOP; END LOOP; RETURN x; END`,
        `DROP FUNCTION ${name}`,
      ],
      [
        `CREATE USER IF NOT EXISTS ${name.slice(0, 20)} ACCOUNT LOCK ATTRIBUTE '{"x": 1}'`,
        `DROP USER ${name.slice(0, 20)}`,
      ],
    ],
    mariadb: [
      [
        `CREATE SEQUENCE ${name} START WITH 5 INCREMENT BY 2 CACHE 3`,
        `SELECT NEXTVAL(${name})`,
        `DROP SEQUENCE ${name}`,
      ],
      [
        `CREATE OR REPLACE TABLE ${name} (id INT PRIMARY KEY, u UUID DEFAULT UUID(), i INET6) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME LIMIT 100 (PARTITION p0 HISTORY, PARTITION pc CURRENT)`,
        `INSERT INTO ${name} (id, i) VALUES (1, '::1')`,
        `DROP TABLE ${name}`,
      ],
      [
        `CREATE FUNCTION ${name}() RETURNS INT DETERMINISTIC BEGIN FOR i IN 1..3 DO SET @x = i; END FOR; RETURN 1; END`,
        `DROP FUNCTION ${name}`,
      ],
    ],
  };
  return [...random.pick(either[family])];
}
