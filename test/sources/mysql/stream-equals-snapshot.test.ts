import assert from 'node:assert/strict';
import { test } from 'node:test';
import mysql, { type Connection } from 'mysql2/promise';
import { randomSource, SEED } from '../../decoders/binlog/seeded-random.ts';
import { useSchema, whyNoMysql } from '../../services/shared-mysql.ts';
import { configFor, Kept, type ReadChange, SourceRun } from './source-run.ts';

const STEPS = 120;
const TYPES = [
  'INT DEFAULT 3',
  'VARCHAR(30)',
  'DECIMAL(20,4)',
  'DATETIME(3)',
  "ENUM('a','b,c','é')",
  'BIGINT UNSIGNED',
  'BIT(9)',
  'BLOB',
];
const VALUES = ["'7'", "'12'", 'NULL', "'3'"];

type Tables = Map<string, Map<unknown, unknown>>;

/** What the changes make of the tables: rows by id. */
function fold(tables: Tables, { op, table, before, after, change }: ReadChange): void {
  if (change.kind === 'schema') {
    for (const { type, name, previous } of change.tables) {
      const rows = tables.get(previous?.name ?? name);
      if (previous !== null) tables.delete(previous.name);
      if (type === 'DROP') tables.delete(name);
      else if (type === 'ALTER' && rows !== undefined) tables.set(name, rows);
    }
    return;
  }
  const name = table.split('.')[1]!;
  const rows = tables.get(name) ?? new Map<unknown, unknown>();
  tables.set(name, rows);
  if (op === 'truncate') rows.clear();
  if (op === 'c') assert.ok(!rows.has(after!.id), `row ${after!.id} of ${table} came twice`);
  if (op === 'u' || op === 'd') {
    assert.ok(rows.has(before!.id), `row ${before!.id} of ${table} was never there`);
    rows.delete(before!.id);
  }
  if (after !== null) rows.set(after.id, after);
}

function plain(tables: Tables): object {
  const sorted = [...tables].filter(([, rows]) => rows.size > 0).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, rows]) => [name, [...rows.values()].sort((a, b) => idOf(a) - idOf(b))]);
}

const idOf = (row: unknown): number => (row as { id: number }).id;

/** Random statements; what a server does not take is not done. */
async function work(client: Connection, random: (below: number) => number, xid: string): Promise<void> {
  const tables = ['a', 'b', 'c'];
  const table = (): string => tables[random(tables.length)]!;
  let nextId = 1;
  let nextColumn = 1;
  const columns = new Map(tables.map((name) => [name, [] as string[]]));
  const row = (name: string): string =>
    `INSERT INTO ${name} (id${columns
      .get(name)!
      .map((c) => `, ${c}`)
      .join('')}) VALUES ${Array.from(
      { length: 1 + random(8) },
      () =>
        `(${nextId++}${columns
          .get(name)!
          .map(() => `, ${VALUES[random(VALUES.length)]}`)
          .join('')})`,
    ).join(', ')}`;
  const dml = (name: string): string => {
    if (random(3) > 0) return row(name);
    if (random(2) > 0) return `DELETE FROM ${name} WHERE id % 7 = ${random(7)}`;
    return `UPDATE ${name} SET touched = touched + 1 WHERE id % 3 = ${random(3)}`;
  };
  await client.query("SET SESSION sql_mode = ''");
  const run = (...statements: string[]) =>
    statements.reduce(async (last, sql) => {
      await last;
      await client.query(sql);
    }, Promise.resolve());
  for (const name of tables) await run(`CREATE TABLE ${name} (id INT PRIMARY KEY, touched INT NOT NULL DEFAULT 0)`);
  for (let step = 0; step < STEPS; step++) {
    const name = table();
    const known = columns.get(name)!;
    const kind = random(20);
    if (kind < 9) await run(dml(name));
    else if (kind < 12) {
      const inside = Array.from({ length: 1 + random(5) }, () => dml(table()));
      const undone = random(3) === 0 ? ['SAVEPOINT s', dml(name), 'ROLLBACK TO SAVEPOINT s'] : [];
      await run('BEGIN', ...inside, ...undone, random(4) === 0 ? 'ROLLBACK' : 'COMMIT');
    } else if (kind === 12) {
      const end = random(2) === 0 ? `XA COMMIT ${xid} ONE PHASE` : `XA ROLLBACK ${xid}`;
      await run(`XA START ${xid}`, dml(name), dml(name), `XA END ${xid}`, end);
    } else if (kind < 15) {
      const column = `c${nextColumn++}`;
      const place = ['', ' FIRST', ' AFTER id'][random(3)];
      known.push(column);
      await run(`ALTER TABLE ${name} ADD COLUMN ${column} ${TYPES[random(TYPES.length)]}${place}`);
      // Rows that are there change without a word about them.
      await run(`UPDATE ${name} SET touched = touched + 1`);
    } else if (kind === 15 && known.length > 0) {
      await run(
        `ALTER TABLE ${name} DROP COLUMN ${known.splice(random(known.length), 1)[0]}`,
        `UPDATE ${name} SET touched = touched + 1`,
      );
    } else if (kind === 16) {
      // One by one: of names that a statement gives up again nothing is told.
      await run('RENAME TABLE a TO x', 'RENAME TABLE b TO a', 'RENAME TABLE x TO b');
      const [a, b] = [columns.get('a')!, columns.get('b')!];
      columns.set('a', b).set('b', a);
    } else if (kind === 17) await run(`TRUNCATE TABLE ${name}`);
    else if (kind === 18) {
      columns.set(name, []);
      await run(`DROP TABLE ${name}`, `CREATE TABLE ${name} (touched INT NOT NULL DEFAULT 0, id INT PRIMARY KEY)`);
    } else await run('FLUSH BINARY LOGS');
  }
  await run('CREATE TABLE done (id INT PRIMARY KEY)', 'INSERT INTO done VALUES (0)');
}

for (const family of ['mysql', 'mariadb'] as const) {
  for (const by of ['gtid', 'position'] as const) {
    test(`${family} by ${by}: what a source delivers over stops and starts is what a fresh snapshot reads (TEST_SEED=${SEED})`, {
      skip: await whyNoMysql(family),
      timeout: 120_000,
    }, async (t) => {
      const { url, name } = await useSchema(family, t);
      const random = randomSource(SEED);
      const config = configFor(family, url, { 'skipped.operations': 'none', 'tailrace.batch.bytes': '1024' });
      const kept = new Kept();
      await (await new SourceRun({ ...config, 'snapshot.mode': 'no_data' }, { kept }).streaming()).stop();
      const writer = await mysql.createConnection(url);
      t.after(() => writer.destroy());
      const worked = work(writer, randomSource(SEED + 1), `'${name}'`);
      worked.catch(() => {});
      const streamed: Tables = new Map();
      for (let isDone = false; !isDone; ) {
        if (by === 'position') delete (kept.offset as Record<string, unknown>).gtids;
        let left = 1 + random(12);
        const run: SourceRun = new SourceRun(config, {
          kept,
          onBatch: (batch) => {
            isDone ||= batch.changes.some((change) => change.kind === 'row' && change.table.name === 'done');
            if (isDone || --left === 0) void run.stop();
          },
        });
        await Promise.race([run.done, worked.then(() => run.done)]);
        for (const change of run.changes) fold(streamed, change);
      }
      await worked;
      const fresh = new SourceRun({ ...config, 'snapshot.mode': 'initial_only' });
      await fresh.done;
      const read: Tables = new Map();
      for (const change of fresh.rows) fold(read, change);
      streamed.delete('done');
      read.delete('done');
      assert.deepEqual(plain(streamed), plain(read));
    });
  }
}
