import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { startMysql } from '../../services/mysql.ts';
import { type MysqlFamily, type TestSchema, useSchema, whyNoMysql } from '../../services/shared-mysql.ts';
import { changesSince } from './binlog-witness.ts';
import { mysqlConfigFor } from './mysql-config.ts';
import { readWhole, type SnapshotReading } from './snapshot-reading.ts';

const families: readonly MysqlFamily[] = ['mysql', 'mariadb'];
/** What would wait for ever fails instead. */
const ends = { timeout: 90_000 };
const TABLES = ['a', 'b', 'c'] as const;
const ROWS = 3000;

/** Tables of the same rows, that every transaction changes together. */
async function useTables({ client }: Pick<TestSchema, 'client'>): Promise<void> {
  const digits = Array.from({ length: 10 }, (_, i) => `SELECT ${i} AS d`).join(' UNION ALL ');
  for (const table of TABLES) {
    await client.query(`CREATE TABLE ${table} (id int PRIMARY KEY, n int, pad varchar(100))`);
    await client.query(
      `INSERT INTO ${table} SELECT x.d + 10 * y.d + 100 * z.d + 1000 * w.d, 0, REPEAT('x', 100)
       FROM (${digits}) x, (${digits}) y, (${digits}) z, (${digits}) w WHERE w.d < ${ROWS / 1000}`,
    );
  }
  await client.query('CREATE TABLE marks (id int PRIMARY KEY AUTO_INCREMENT)');
}

/** Inserts, updates and deletes the same rows of all tables in each transaction, without a pause until it is stopped. */
function startLoad(url: string): { goOn(transactions: number): Promise<void>; stop(): Promise<void> } {
  let isRunning = true;
  let committed = 0;
  const work = async (worker: number): Promise<void> => {
    const client = await mysql.createConnection(url);
    for (let i = 0; isRunning; i++) {
      const id = 1_000_000 * worker + i;
      const touched = (i * 7 + worker * 500) % ROWS;
      await client.query('BEGIN');
      try {
        for (const table of TABLES) {
          await client.query(`INSERT INTO ${table} VALUES (${id}, 0, '')`);
          await client.query(`UPDATE ${table} SET n = n + 1 WHERE id = ${touched}`);
          if (i % 3 === 0) await client.query(`DELETE FROM ${table} WHERE id = ${id - 1}`);
        }
        await client.query(i % 10 === 9 ? 'ROLLBACK' : 'COMMIT');
        if (i % 10 !== 9) committed++;
      } catch (error) {
        // Two workers met at one row.
        if ((error as { code?: string }).code !== 'ER_LOCK_DEADLOCK') throw error;
        await client.query('ROLLBACK');
      }
    }
    await client.end();
  };
  const workers = [work(1), work(2), work(3)];
  const ended = Promise.all(workers);
  return {
    /** So many transactions more, however long they take. */
    goOn: async (transactions: number) => {
      const wanted = committed + transactions;
      while (committed < wanted) await Promise.race([sleep(10), ended]);
    },
    stop: async () => {
      isRunning = false;
      await ended;
    },
  };
}

type State = Map<string, number>;

function stateOf(reading: SnapshotReading, table: string): State {
  const state: State = new Map();
  for (const [id, n] of reading.texts(table)) {
    assert.ok(!state.has(id!), `row ${id} was read twice`);
    state.set(id!, Number(n));
  }
  return state;
}

async function serverState(client: Connection, table: string): Promise<State> {
  const [rows] = await client.query<RowDataPacket[]>(`SELECT id, n FROM ${table}`);
  return new Map(rows.map(({ id, n }) => [String(id), n]));
}

/** Changes of rows that are there are exact; `again`: what the snapshot has seen may come once more. */
function apply(state: State, change: Awaited<ReturnType<typeof changesSince>>[number], again: boolean): void {
  const { op, before, after } = change;
  const id = String((after ?? before)!.id);
  if (!again) assert.equal(state.has(id), op !== 'c', `${op} of ${id}`);
  if (!again && op === 'u') assert.equal(state.get(id), before!.n, `${id} was as the update says`);
  if (op === 'd') state.delete(id);
  else state.set(id, after!.n as number);
}

/** A user who may ask for the binlog's position, and what else is given; dropped at the end of the test. */
async function useUser(t: TestContext, schema: TestSchema, grants: readonly string[]): Promise<Record<string, string>> {
  const { client, name, family, url } = schema;
  const user = `u_${name}`;
  await client.query(`CREATE USER ${user} IDENTIFIED BY 'x'`);
  t.after(async () => {
    const other = await mysql.createConnection(new URL('/', url).href);
    await other.query(`DROP USER ${user}`);
    await other.end();
  });
  const status = family === 'mysql' ? 'REPLICATION CLIENT' : 'BINLOG MONITOR';
  for (const grant of [`${status} ON *.*`, ...grants]) await client.query(`GRANT ${grant} TO ${user}`);
  return { 'database.user': user, 'database.password': 'x' };
}

/**
 * Reads the tables while they are written to, and holds the rows together with the binlog behind them against the server.
 * `isExact` false: what the snapshot has seen may come once more, but nothing is missed.
 */
async function readUnderLoad(
  schema: Omit<TestSchema, 'dispose' | typeof Symbol.asyncDispose>,
  keys: Readonly<Record<string, string>>,
  isExact: boolean,
): Promise<void> {
  const { family, url, name, client } = schema;
  const load = startLoad(url);
  await sleep(100);
  const config = mysqlConfigFor(family, url, { 'tailrace.batch.bytes': '16384', ...keys });
  const reading = await readWhole(config, family, { onBatch: () => sleep(5) });
  // Each of them changes every table.
  await load.goOn(60);
  await load.stop();
  await client.query('INSERT INTO marks VALUES ()');
  const states = new Map(TABLES.map((table) => [table as string, stateOf(reading, table)]));
  if (isExact) assert.ok([...states.values()].every((state) => sameState(state, states.get('a')!)));
  const { file, position, gtids } = reading.point!;
  const from = isExact || gtids === null ? { filename: file, position } : { gtidSet: gtids };
  const changes = await changesSince(url, name, from);
  assert.ok(changes.length > 100, 'there was a load');
  for (const change of changes) apply(states.get(change.table)!, change, !isExact);
  for (const table of TABLES) assert.deepEqual(states.get(table), await serverState(client, table));
}

for (const family of families) {
  const skip = await whyNoMysql(family);
  const options = { skip, ...ends };

  const cases: readonly {
    readonly name: string;
    readonly keys: Record<string, string>;
    readonly grants?: readonly string[];
  }[] = [
    { name: 'minimal', keys: {} },
    { name: 'minimal, three sessions', keys: { 'snapshot.max.threads': '3' } },
    { name: 'extended, three sessions', keys: { 'snapshot.locking.mode': 'extended', 'snapshot.max.threads': '3' } },
    {
      name: 'minimal without RELOAD, three sessions',
      keys: { 'snapshot.max.threads': '3' },
      grants: ['SELECT, LOCK TABLES'],
    },
    {
      name: 'none, three sessions',
      keys: { 'snapshot.locking.mode': 'none', 'snapshot.max.threads': '3' },
      grants: ['SELECT'],
    },
    { name: 'none', keys: { 'snapshot.locking.mode': 'none' } },
  ];
  for (const { name, keys, grants } of cases) {
    test(
      `${family}: all tables are read as they were at one position, while rows are being written (${name})`,
      options,
      async (t) => {
        const schema = await useSchema(family, t);
        await useTables(schema);
        const tables = grants?.map((grant) => `${grant} ON ${schema.name}.*`);
        const user = tables === undefined ? {} : await useUser(t, schema, tables);
        await readUnderLoad(schema, { ...user, ...keys }, family === 'mariadb' || !name.startsWith('none'));
      },
    );
  }

  test(
    `${family}: writers wait for the end of an extended snapshot, and not for that of another`,
    options,
    async (t) => {
      const schema = await useSchema(family, t);
      await useTables(schema);
      await schema.client.query('SET SESSION lock_wait_timeout = 1');
      // The snapshots of other tests lock the whole server as well, each for a moment.
      const canWrite = async (attempts: number): Promise<boolean> => {
        for (let i = 0; i < attempts; i++) {
          try {
            await schema.client.query('UPDATE a SET n = n + 1 WHERE id = 1');
            return true;
          } catch (error) {
            assert.equal((error as { errno?: number }).errno, 1205, String(error));
          }
        }
        return false;
      };
      for (const [mode, expected] of [
        ['minimal', true],
        ['none', true],
        ['extended', false],
      ] as const) {
        let written: boolean | null = null;
        const config = mysqlConfigFor(family, schema.url, {
          'snapshot.locking.mode': mode,
          'tailrace.batch.bytes': '16384',
        });
        const { rows } = await readWhole(config, family, {
          onBatch: async () => {
            written ??= await canWrite(expected ? 10 : 1);
          },
        });
        assert.equal(rows.length, TABLES.length * ROWS);
        assert.equal(written, expected, mode);
        assert.ok(await canWrite(10), `after ${mode}`);
      }
    },
  );

  test(`${family}: who may not lock is told what to grant`, options, async (t) => {
    const schema = await useSchema(family, t);
    await useTables(schema);
    const user = await useUser(t, schema, [`SELECT ON ${schema.name}.*`]);
    await assert.rejects(readWhole(mysqlConfigFor(family, schema.url, user), family), {
      code: 'source.privilege',
      message: /cannot lock the tables for the snapshot/,
      remedy: /GRANT RELOAD ON \*\.\* TO 'u_.*LOCK TABLES/,
    });
  });

  test(
    `${family}: a captured table that may not be read fails the snapshot, another one does not`,
    options,
    async (t) => {
      const schema = await useSchema(family, t);
      await useTables(schema);
      const user = await useUser(t, schema, [
        'RELOAD ON *.*',
        `SELECT ON ${schema.name}.a`,
        `INSERT ON ${schema.name}.b`,
      ]);
      const config = (tables: string) => mysqlConfigFor(family, schema.url, { ...user, 'table.include.list': tables });
      const { rows } = await readWhole(config('.*\\.a'), family);
      assert.equal(rows.length, ROWS);
      await assert.rejects(readWhole(config('.*\\.[ab]'), family), {
        code: 'source.privilege',
        message: /denied to user .*'b'|denied to user .*`b`/,
      });
    },
  );

  test(
    `${family}: a lock that others do not give up is waited for as long as the configuration says`,
    options,
    async (t) => {
      const schema = await useSchema(family, t);
      await useTables(schema);
      const user = await useUser(t, schema, [`SELECT, LOCK TABLES ON ${schema.name}.*`]);
      const other = await mysql.createConnection(schema.url);
      t.after(() => other.end());
      await other.query('BEGIN');
      await other.query('UPDATE a SET n = 1 WHERE id = 1');
      const config = mysqlConfigFor(family, schema.url, { ...user, 'snapshot.lock.timeout.ms': '1000' });
      await assert.rejects(readWhole(config, family), {
        code: 'source.connection_lost',
        message: /cannot lock the tables for the snapshot within 1000 ms/,
      });
      const abort = new AbortController();
      const patient = mysqlConfigFor(family, schema.url, { ...user, 'snapshot.lock.timeout.ms': '600000' });
      const stopped = readWhole(patient, family, { signal: abort.signal });
      await sleep(500);
      abort.abort();
      const { batches, point } = await stopped;
      assert.deepEqual([batches.length, point], [0, null], 'a stop does not wait for it');
      await other.query('COMMIT');
    },
  );
}

test('mysql: without GTIDs no transaction is missed, also without a lock', {
  skip: await whyNoMysql('mysql'),
  ...ends,
}, async () => {
  await using server = await startMysql({ settings: { 'gtid-mode': 'OFF', 'enforce-gtid-consistency': 'OFF' } });
  const client = await mysql.createConnection(server.url);
  for (const [name, keys, isExact] of [
    ['unlocked', { 'snapshot.locking.mode': 'none' }, false],
    ['locked', { 'snapshot.max.threads': '2' }, true],
  ] as const) {
    await client.query(`CREATE DATABASE ${name}`);
    await client.query(`USE ${name}`);
    await useTables({ client });
    await readUnderLoad({ family: 'mysql', name, url: new URL(`/${name}`, server.url).href, client }, keys, isExact);
  }
  await client.end();
});

function sameState(a: State, b: State): boolean {
  return a.size === b.size && [...a].every(([id, n]) => b.get(id) === n);
}
