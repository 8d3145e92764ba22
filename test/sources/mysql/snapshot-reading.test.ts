import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { connect, disconnect } from '../../../src/sources/mysql/connection.ts';
import { queryRows } from '../../../src/sources/mysql/row-query.ts';
import { startMariadb } from '../../services/mariadb.ts';
import { startMysql } from '../../services/mysql.ts';
import { type MysqlFamily, type TestSchema, useSchema, whyNoMysql } from '../../services/shared-mysql.ts';
import { mysqlConfigFor } from './mysql-config.ts';
import { readWhole, SnapshotReading } from './snapshot-reading.ts';

const families: readonly MysqlFamily[] = ['mysql', 'mariadb'];
/** What would wait for ever fails instead. */
const ends = { timeout: 90_000 };

/** More than the sockets between us and the server can hold: it is not done with the table while we wait. */
async function useBigTable({ client }: TestSchema, name: string, rows = 30_000): Promise<void> {
  const digits = Array.from({ length: 10 }, (_, i) => `SELECT ${i} AS d`).join(' UNION ALL ');
  await client.query(`CREATE TABLE ${name} (id int PRIMARY KEY, pad varchar(1000))`);
  await client.query(
    `INSERT INTO ${name} SELECT v.d + 10 * w.d + 100 * x.d + 1000 * y.d + 10000 * z.d, REPEAT('x', 1000)
     FROM (${digits}) v, (${digits}) w, (${digits}) x, (${digits}) y, (${digits}) z WHERE v.d + 10 * w.d + 100 * x.d + 1000 * y.d + 10000 * z.d < ${rows}`,
  );
}

async function useSecondTable({ client }: TestSchema): Promise<void> {
  await client.query('CREATE TABLE b (id int PRIMARY KEY, x int, y int)');
  await client.query('INSERT INTO b VALUES (1, 10, 100), (2, 20, 200)');
}

/** Statements by which the view's table `b` is another one before it is read, and what it must not be read as. */
const ALTERATIONS: Readonly<Record<string, readonly string[]>> = {
  'columns that change names': [
    'ALTER TABLE b RENAME COLUMN x TO z, RENAME COLUMN y TO x',
    'ALTER TABLE b RENAME COLUMN z TO y',
  ],
  'a column dropped and made again': ['ALTER TABLE b DROP COLUMN y', 'ALTER TABLE b ADD COLUMN y int'],
  'a new column': ['ALTER TABLE b ADD COLUMN z int DEFAULT 5'],
  'a dropped column': ['ALTER TABLE b DROP COLUMN y'],
  'another type': ['ALTER TABLE b MODIFY y varchar(10)'],
  'tables that change names': ['RENAME TABLE b TO c, other TO b'],
  'an emptied table': ['TRUNCATE TABLE b', 'INSERT INTO b VALUES (3, 30, 300)'],
  'a table made anew': [
    'DROP TABLE b',
    'CREATE TABLE b (id int PRIMARY KEY, x int, y int)',
    'INSERT INTO b VALUES (3, 1, 1)',
  ],
  'a dropped table': ['DROP TABLE b'],
};

/** Alters `b` while `a` is read, and reads all of it anew. */
async function readAltered(
  t: TestContext,
  family: MysqlFamily,
  { what, statements }: { readonly what: string; readonly statements: readonly string[] },
): Promise<void> {
  const schema = await useSchema(family, t);
  await useBigTable(schema, 'a', 1000);
  await useSecondTable(schema);
  // Times of creation have whole seconds.
  await sleep(1100);
  await schema.client.query('CREATE TABLE other (id int PRIMARY KEY, x int, y int)');
  await schema.client.query('INSERT INTO other VALUES (7, 70, 700)');
  await sleep(1100);
  const config = mysqlConfigFor(family, schema.url, {
    'tailrace.batch.bytes': '65536',
    'table.include.list': '.*\\.[ab]',
  });
  let isAltered = false;
  const reading = new SnapshotReading(family);
  const first = reading.read(config, {
    onBatch: async () => {
      if (isAltered || reading.rows.length === 0) return;
      isAltered = true;
      for (const statement of statements) await schema.client.query(statement);
    },
  });
  await assert.rejects(
    first,
    { code: 'source.table_changed', message: new RegExp(`${schema.name}.b as it was`) },
    what,
  );
  assert.ok(isAltered);
  assert.deepEqual(reading.texts('b'), [], what);
  const second = await readWhole(config, family);
  const [rows] = await schema.client
    .query<RowDataPacket[][]>({ sql: 'SELECT * FROM b', rowsAsArray: true })
    .catch(() => [[]] as [RowDataPacket[][]]);
  const expected = rows.map((row) => row.map((value: unknown) => (value === null ? null : String(value))));
  assert.deepEqual(second.texts('b'), expected, what);
}

async function readsOf(client: Connection): Promise<RowDataPacket[]> {
  const [rows] = await client.query<RowDataPacket[]>('SHOW FULL PROCESSLIST');
  return rows.filter(({ Info }) => /^SELECT `id`, `pad` /.test(String(Info)));
}

for (const family of families) {
  const skip = await whyNoMysql(family);
  const options = { skip, ...ends };

  test(
    `${family}: a table that is altered before it is read starts the snapshot anew, which then has it as it is`,
    options,
    async (t) => {
      const cases = Object.entries(ALTERATIONS).map(([what, statements]) =>
        readAltered(t, family, { what, statements }),
      );
      await Promise.all(cases);
    },
  );

  test(
    `${family}: rows that are written before their table is read are not seen, and a table that was read may be altered`,
    options,
    async (t) => {
      const schema = await useSchema(family, t);
      await useSecondTable(schema);
      await schema.client.query('CREATE TABLE a (id int PRIMARY KEY)');
      await schema.client.query('INSERT INTO a VALUES (1)');
      await useBigTable(schema, 'ab', 2000);
      const config = mysqlConfigFor(family, schema.url, { 'tailrace.batch.bytes': '65536' });
      let isWritten = false;
      const reading = new SnapshotReading(family);
      await reading.read(config, {
        onBatch: async () => {
          if (isWritten || reading.texts('ab').length === 0) return;
          isWritten = true;
          await schema.client.query('INSERT INTO b VALUES (3, 30, 300)');
          await schema.client.query('SET SESSION lock_wait_timeout = 5');
          await schema.client.query('ALTER TABLE a ADD COLUMN x int');
        },
      });
      assert.ok(isWritten);
      assert.deepEqual(reading.texts('b'), [
        ['1', '10', '100'],
        ['2', '20', '200'],
      ]);
      assert.equal(reading.texts('ab').length, 2000);
    },
  );

  test(
    `${family}: a killed session, and a killed statement, end a snapshot with what is tried again`,
    options,
    async (t) => {
      const schema = await useSchema(family, t);
      await useBigTable(schema, 'a');
      for (const kill of ['KILL', 'KILL QUERY']) {
        let isKilled = false;
        const reading = new SnapshotReading(family);
        const config = mysqlConfigFor(family, schema.url, { 'tailrace.batch.bytes': '65536' });
        const read = reading.read(config, {
          onBatch: async () => {
            if (isKilled || reading.rows.length === 0) return;
            isKilled = true;
            const ours = (await readsOf(schema.client)).filter(({ Info }) => String(Info).includes(schema.name));
            assert.equal(ours.length, 1);
            await schema.client.query(`${kill} ${ours[0]!.Id}`);
          },
        });
        await assert.rejects(
          read,
          { code: 'source.connection_lost', message: new RegExp(`read ${schema.name}.a`) },
          kill,
        );
        assert.ok(isKilled && reading.rows.length < 30_000);
        assert.ok(reading.batches.every(({ snapshot }) => snapshot !== 'end'));
      }
    },
  );

  test(
    `${family}: what is not asked for stays with the server: batches have the size that was asked for`,
    options,
    async (t) => {
      const schema = await useSchema(family, t);
      await useBigTable(schema, 'a');
      const batchBytes = 256 * 1024;
      const config = mysqlConfigFor(family, schema.url, { 'tailrace.batch.bytes': String(batchBytes) });
      let isReading = false;
      const { batches, rows } = await readWhole(config, family, {
        onBatch: async (batch) => {
          if (batch.changes.length === 0 || isReading) return;
          await sleep(300);
          isReading = (await readsOf(schema.client)).some(({ Info }) => String(Info).includes(schema.name));
          assert.ok(isReading, 'the server waits with the rest of the rows');
        },
      });
      assert.deepEqual(
        rows.map(({ after }) => after.id!.toString()),
        Array.from({ length: 30_000 }, (_, i) => String(i)),
      );
      assert.ok(rows.every(({ after }) => after.pad!.length === 1000));
      // A socket's read of 64 KiB, and what TLS or the parser holds of one row, may come on top.
      for (const { bytes } of batches.slice(1, -1))
        assert.ok(bytes >= batchBytes && bytes < batchBytes + 3 * 65_536, `${bytes}`);
    },
  );

  test(`${family}: a stop in the middle leaves no session behind`, options, async (t) => {
    const schema = await useSchema(family, t);
    await useBigTable(schema, 'a');
    const abort = new AbortController();
    const config = mysqlConfigFor(family, schema.url, {
      'tailrace.batch.bytes': '65536',
      'snapshot.locking.mode': 'extended',
    });
    const reading = await readWhole(config, family, {
      signal: abort.signal,
      onBatch: (batch) => {
        if (batch.changes.length > 0) abort.abort();
      },
    });
    assert.equal(reading.point, null);
    assert.ok(reading.rows.length > 0 && reading.rows.length < 30_000);
    await schema.client.query('SET SESSION lock_wait_timeout = 10');
    await schema.client.query('UPDATE a SET pad = 1 WHERE id = 1');
    for (let i = 0; (await readsOf(schema.client)).some(({ Info }) => String(Info).includes(schema.name)); i++) {
      assert.ok(i < 100, 'the server has noticed');
      await sleep(50);
    }
  });

  test(`${family}: a row of 20 MiB is read whole, between others`, options, async () => {
    await using server = await (family === 'mysql' ? startMysql : startMariadb)({
      settings: { 'max-allowed-packet': '64M' },
    });
    const client = await mysql.createConnection(server.url);
    await client.query('CREATE DATABASE big');
    await client.query('USE big');
    await client.query('CREATE TABLE a (id int PRIMARY KEY, x longblob, y longblob, z int)');
    const mib = 1024 * 1024;
    for (const [id, x, y] of [
      [1, 5, 1],
      [2, 20 * mib, 3],
      [3, 1, 5],
      // Together as long as a packet may be, and a byte less and more.
      ...[-1, 0, 1].map((more, i) => [4 + i, 16 * mib - 1 - 1 - 1 - 4 - 4 - mib + more, mib] as const),
      [7, 2, 2],
    ] as const) {
      await client.query(`INSERT INTO a VALUES (${id}, REPEAT(CHAR(${64 + id}), ${x}), REPEAT('y', ${y}), ${id})`);
    }
    const [sizes] = await client.query<RowDataPacket[]>('SELECT id, LENGTH(x) AS x, LENGTH(y) AS y FROM a');
    const url = new URL(server.url);
    url.pathname = '/big';
    const { rows } = await readWhole(mysqlConfigFor(family, url.href), family);
    assert.deepEqual(
      rows.map(({ after }) => [Number(after.id), after.x!.length, after.y!.length, Number(after.z)]),
      sizes.map(({ id, x, y }) => [id, x, y, id]),
    );
    for (const { after } of rows) {
      const id = Number(after.id);
      assert.equal(after.x!.compare(Buffer.alloc(after.x!.length, 64 + id)), 0, `x of ${id}`);
      assert.equal(after.y!.compare(Buffer.alloc(after.y!.length, 'y')), 0, `y of ${id}`);
    }
    await client.end();
  });

  test(`${family}: an error behind the first rows ends the rows, and the session goes on`, options, async (t) => {
    const { client, url } = await useSchema(family, t);
    await client.query('CREATE TABLE a (id int PRIMARY KEY)');
    await client.query(`INSERT INTO a VALUES ${Array.from({ length: 5000 }, (_, i) => `(${i})`)}`);
    const session = await connect(mysqlConfigFor(family, url));
    const database = new URL(url).pathname.slice(1);
    const run = (sql: string): Promise<{ rows: number; error: unknown }> =>
      new Promise((settled) => {
        let rows = 0;
        queryRows(session, sql, {
          onRow: () => {
            rows++;
          },
          onDone: () => settled({ rows, error: null }),
          onError: (error) => settled({ rows, error }),
        });
      });
    // More than one row in a subquery: known when the row is come to.
    const failing = await run(
      `SELECT IF(id < 4999, id, (SELECT id FROM ${database}.a WHERE id < 2)) FROM ${database}.a`,
    );
    assert.equal((failing.error as { errno?: number }).errno, 1242);
    assert.deepEqual(await run('SELECT nonsense'), { rows: 0, error: (await run('SELECT nonsense')).error });
    assert.deepEqual(await run(`SELECT * FROM ${database}.a`), { rows: 5000, error: null });
    const [[one]] = await session.query<RowDataPacket[]>('SELECT 1 AS one');
    assert.equal(one!.one, 1);
    await disconnect(session);
  });
}
