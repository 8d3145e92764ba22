import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type TestDatabase, useDatabase } from '../../services/shared.ts';
import { configFor, SourceRun } from './source-run.ts';

/** State of `items` as the changes tell it; a row that is created twice or updated before it is there is an error. */
function replay(run: SourceRun): Map<string, string | null> {
  const state = new Map<string, string | null>();
  for (const { op, before, after, table } of run.rows) {
    if (table !== 'public.items') continue;
    const id = (after ?? before)!.id!;
    if (op === 'c' || op === 'r') assert.ok(!state.has(id), `${op} of ${id}, which is there already`);
    else assert.ok(state.has(id), `${op} of ${id}, which is not there`);
    if (op === 'd') state.delete(id);
    else state.set(id, after!.n as string | null);
  }
  return state;
}

async function serverState({ client }: TestDatabase): Promise<Map<string, string | null>> {
  const { rows } = await client.query('SELECT id::text, n::text FROM items');
  return new Map(rows.map((row) => [row.id, row.n]));
}

/** Inserts, updates and deletes without a pause until it is stopped. */
function startLoad(url: string): { stop(): Promise<void> } {
  let running = true;
  const work = async (worker: number): Promise<void> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    for (let i = 0; running; i++) {
      const id = 1_000_000 * worker + i;
      await client.query('BEGIN');
      await client.query('INSERT INTO items VALUES ($1, 0)', [id]);
      await client.query('UPDATE items SET n = n + 1 WHERE id = $1', [1 + ((i * 7 + worker * 500) % 2000)]);
      if (i % 3 === 0) await client.query('DELETE FROM items WHERE id = $1', [id]);
      await client.query(i % 10 === 9 ? 'ROLLBACK' : 'COMMIT');
    }
    await client.end();
  };
  const workers = [work(1), work(2), work(3)];
  return {
    stop: async () => {
      running = false;
      await Promise.all(workers);
    },
  };
}

async function useItems(database: TestDatabase): Promise<void> {
  await database.client.query(
    'CREATE TABLE items (id int PRIMARY KEY, n int); INSERT INTO items SELECT i, 0 FROM generate_series(1, 60000) i',
  );
}

async function untilCaughtUp(run: SourceRun, database: TestDatabase): Promise<void> {
  await database.client.query(
    'CREATE TABLE IF NOT EXISTS marks (id int PRIMARY KEY); INSERT INTO marks SELECT count(*) FROM marks',
  );
  const { rows } = await database.client.query('SELECT count(*)::int AS n FROM marks');
  await run.until(() => run.rows.filter(({ table, op }) => table === 'public.marks' && op === 'c').length >= rows[0].n);
}

test('snapshot and stream join without a gap and without an overlap while rows are being written', async (t) => {
  const database = await useDatabase(t);
  await useItems(database);
  const load = startLoad(database.url);
  const run = new SourceRun(configFor(database.url, { 'tailrace.batch.bytes': '8192' }), { t });
  await run.until(() => run.rows.some(({ op }) => op !== 'r'));
  await sleep(300);
  await load.stop();
  await untilCaughtUp(run, database);
  assert.deepEqual(replay(run), await serverState(database));
});

test('a slot that was there before the snapshot joins it as exactly as a new one', async (t) => {
  const database = await useDatabase(t);
  await useItems(database);
  const config = configFor(database.url, { 'publication.name': 'p', 'tailrace.batch.bytes': '8192' });
  await database.client.query('CREATE PUBLICATION p FOR ALL TABLES');
  await database.client.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [config['slot.name']]);
  const load = startLoad(database.url);
  await sleep(300);
  const run = new SourceRun(config, { t });
  await run.until(() => run.rows.some(({ op }) => op !== 'r'));
  await sleep(300);
  await load.stop();
  await untilCaughtUp(run, database);
  assert.deepEqual(replay(run), await serverState(database));
});

test('an interrupted snapshot starts again from zero, says so to the log, and joins the stream exactly', async (t) => {
  const database = await useDatabase(t);
  await useItems(database);
  const config = configFor(database.url, { 'tailrace.batch.bytes': '8192' });
  const load = startLoad(database.url);
  const first = new SourceRun(config);
  await first.until(() => first.rows.length > 1000);
  await first.stop();
  assert.equal(first.batches[0]?.snapshot, 'begin');
  assert.equal(first.offset?.snapshot_completed, false);
  await sleep(200);
  const second = new SourceRun(config, { t, from: first.offset });
  await second.until(() => second.rows.some(({ op }) => op !== 'r'));
  assert.equal(second.batches[0]?.snapshot, 'begin');
  assert.equal(second.batches.filter((batch) => batch.snapshot === 'end').length, 1);
  // The transactions that the snapshot has seen are still known after a restart.
  await second.stop();
  await sleep(200);
  await load.stop();
  const third = new SourceRun(config, { t, from: second.offset });
  await untilCaughtUp(third, database);
  const all = { rows: [...second.rows, ...third.rows] } as unknown as SourceRun;
  assert.deepEqual(replay(all), await serverState(database));
});

test('the first and last row of each table and of the snapshot are marked, over several sessions too', async (t) => {
  const { client, url } = await useDatabase(t);
  for (const [name, rows] of [
    ['a', 3],
    ['b', 0],
    ['c', 1],
    ['d', 500],
  ] as const) {
    await client.query(
      `CREATE TABLE ${name} (id int PRIMARY KEY); INSERT INTO ${name} SELECT generate_series(1, ${rows})`,
    );
  }
  for (const threads of ['1', '3']) {
    const run = new SourceRun(configFor(url, { 'snapshot.mode': 'initial_only', 'snapshot.max.threads': threads }));
    await run.done;
    assert.equal(run.rows.length, 504);
    const markers = run.rows.map(({ snapshot }) => snapshot);
    assert.equal(markers.filter((marker) => marker === 'last').length, 1);
    assert.equal(markers.at(-1), 'last');
    assert.equal(markers.filter((marker) => marker === 'first').length, 1);
    if (threads === '1') {
      const ofA = run.rows.filter(({ table }) => table === 'public.a').map(({ snapshot }) => snapshot);
      assert.deepEqual(ofA, ['first', 'true', 'last_in_data_collection']);
      const ofC = run.rows.filter(({ table }) => table === 'public.c').map(({ snapshot }) => snapshot);
      assert.deepEqual(ofC, ['last_in_data_collection']);
    }
    const progress = run.source.status().snapshot;
    assert.deepEqual(
      progress?.tables.map(({ table, rows, state }) => [table, rows, state]),
      [
        ['public.a', 3, 'done'],
        ['public.b', 0, 'done'],
        ['public.c', 1, 'done'],
        ['public.d', 500, 'done'],
      ],
    );
    assert.equal(run.offset?.snapshot_completed, true);
  }
  const { rows } = await client.query(
    'SELECT count(*)::int AS n FROM pg_replication_slots WHERE database = current_database()',
  );
  assert.equal(rows[0].n, 0, 'initial_only needs no slot');
});

test('tables and columns that come, go and come anew while the new slot waits are read as its snapshot has them', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query(`
    CREATE TABLE a (id int PRIMARY KEY);
    CREATE TABLE altered (id int PRIMARY KEY); INSERT INTO altered VALUES (1);
    CREATE TABLE anew (id int PRIMARY KEY); INSERT INTO anew VALUES (1);
    CREATE TABLE gone (id int PRIMARY KEY); INSERT INTO gone VALUES (1)`);
  const open = new pg.Client({ connectionString: url });
  await open.connect();
  await open.query('BEGIN; INSERT INTO a VALUES (1)');
  const config = configFor(url, { 'table.exclude.list': 'public.excluded' });
  const run = new SourceRun(config, { t });
  const isWaiting = async (): Promise<boolean> => {
    const { rows } = await client.query('SELECT FROM pg_replication_slots WHERE slot_name = $1', [config['slot.name']]);
    return rows.length > 0;
  };
  while (!(await isWaiting())) await sleep(10);
  await client.query(`
    CREATE TABLE excluded (id int PRIMARY KEY); INSERT INTO excluded VALUES (1);
    CREATE TABLE came (id int PRIMARY KEY); INSERT INTO came VALUES (1);
    ALTER TABLE altered ADD COLUMN extra text; UPDATE altered SET extra = 'x';
    DROP TABLE anew; CREATE TABLE anew (key int PRIMARY KEY); INSERT INTO anew VALUES (2);
    DROP TABLE gone`);
  await open.query('COMMIT');
  await open.end();
  await run.until(() => run.batches.at(-1)?.snapshot === 'end');
  await client.query('INSERT INTO a VALUES (2)');
  await run.until(() => run.rows.at(-1)?.op === 'c');
  assert.deepEqual(
    run.rows.map(({ op, table, after }) => [op, table, after]),
    [
      ['r', 'public.a', { id: '1' }],
      ['r', 'public.altered', { id: '1', extra: 'x' }],
      ['r', 'public.anew', { key: '2' }],
      ['r', 'public.came', { id: '1' }],
      ['c', 'public.a', { id: '2' }],
    ],
  );
});

test('text that COPY escapes and text that the stream sends as it is are the same', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query('CREATE TABLE items (id int PRIMARY KEY, body text)');
  const bodies = ['', '\\N', '\\\\', 'a\tb\nc\rd\be\ff\vg', "it's \\ \\t", '\\.', 'ü漢😀', '\t', '\\'];
  for (const [id, body] of bodies.entries()) await client.query('INSERT INTO items VALUES ($1, $2)', [id, body]);
  await client.query('INSERT INTO items VALUES (100, NULL)');
  const run = new SourceRun(configFor(url), { t });
  await run.until(() => run.rows.length === bodies.length + 1);
  await client.query('INSERT INTO items SELECT id + 1000, body FROM items');
  await run.until(() => run.rows.length === 2 * (bodies.length + 1));
  const texts = run.rows.map(({ after }) => after!.body);
  assert.deepEqual(texts.slice(0, bodies.length + 1), [...bodies, null]);
  assert.deepEqual(texts.slice(bodies.length + 1), [...bodies, null]);
});

test('select overrides and the include list narrow the snapshot, not the stream', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query(`
    CREATE TABLE items (id int PRIMARY KEY, n int); INSERT INTO items SELECT i, i FROM generate_series(1, 10) i;
    CREATE TABLE skipped (id int PRIMARY KEY); INSERT INTO skipped VALUES (1)`);
  const run = new SourceRun(
    configFor(url, {
      'snapshot.include.collection.list': 'public.items',
      'snapshot.select.statement.overrides': 'public.items',
      'snapshot.select.statement.overrides.public.items':
        'SELECT n * 10 AS n, id FROM items WHERE id <= 2 ORDER BY id;',
    }),
    { t },
  );
  await run.until(() => run.rows.length === 2);
  await client.query('INSERT INTO items VALUES (11, 11); INSERT INTO skipped VALUES (2)');
  await run.until(() => run.rows.length === 4);
  assert.deepEqual(
    run.rows.map(({ table, after }) => [table, after]),
    [
      ['public.items', { id: '1', n: '10' }],
      ['public.items', { id: '2', n: '20' }],
      ['public.items', { id: '11', n: '11' }],
      ['public.skipped', { id: '2' }],
    ],
  );
});

test('what a snapshot has planned is locked no more before its rows are read', async (t) => {
  const { client, url } = await useDatabase(t);
  await client.query(`
    CREATE TABLE items (id int PRIMARY KEY); CREATE TABLE others (id int PRIMARY KEY); INSERT INTO items VALUES (1)`);
  const locked: string[] = [];
  const run = new SourceRun(
    configFor(url, {
      'snapshot.select.statement.overrides': 'public.items',
      'snapshot.select.statement.overrides.public.items': 'SELECT i.id FROM items i LEFT JOIN others USING (id)',
    }),
    {
      t,
      onBatch: async ({ snapshot }) => {
        if (snapshot !== 'begin') return;
        const { rows } = await client.query(
          `SELECT c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
           WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND c.relnamespace = 'public'::regnamespace`,
        );
        locked.push(...rows.map(({ relname }) => relname));
        // Would wait for the end of the snapshot, and whoever reads the table for this.
        await client.query('SET lock_timeout = 1000; ALTER TABLE others ADD COLUMN n int; RESET lock_timeout');
      },
    },
  );
  await run.until(() => run.batches.at(-1)?.snapshot === 'end');
  assert.equal(run.batches[0]?.snapshot, 'begin');
  assert.deepEqual([locked, run.rows.map(({ after }) => after)], [[], [{ id: '1' }]]);
});

for (const root of ['true', 'false']) {
  test(`a partitioned table is snapshotted once, under the name it streams under (root ${root})`, async (t) => {
    const { client, url } = await useDatabase(t);
    await client.query(`
      CREATE TABLE sales (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE sales_1 PARTITION OF sales FOR VALUES FROM (0) TO (10);
      CREATE TABLE sales_2 PARTITION OF sales FOR VALUES FROM (10) TO (20);
      INSERT INTO sales VALUES (1), (11)`);
    const run = new SourceRun(configFor(url, { 'publish.via.partition.root': root }), { t });
    await run.until(() => run.rows.length === 2);
    await client.query('INSERT INTO sales VALUES (2), (12)');
    await run.until(() => run.rows.length === 4);
    const tables = run.rows.map(({ table, after }) => [table, after!.id]);
    const names = root === 'true' ? ['sales', 'sales'] : ['sales_1', 'sales_2'];
    assert.deepEqual(tables, [
      [`public.${names[0]}`, '1'],
      [`public.${names[1]}`, '11'],
      [`public.${names[0]}`, '2'],
      [`public.${names[1]}`, '12'],
    ]);
  });
}

for (const version of [18, 15] as const) {
  test(`a generated column is in snapshot and stream alike, or in neither (Postgres ${version})`, async (t) => {
    const { client, url } = await useDatabase(t, { version });
    await client.query(`
      CREATE TABLE items (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED);
      INSERT INTO items VALUES (1, 1)`);
    const run = new SourceRun(configFor(url), { t });
    await run.until(() => run.rows.length === 1);
    await client.query('INSERT INTO items VALUES (2, 2)');
    await run.until(() => run.rows.length === 2);
    const expected =
      version === 18
        ? [
            { id: '1', n: '1', twice: '2' },
            { id: '2', n: '2', twice: '4' },
          ]
        : [
            { id: '1', n: '1' },
            { id: '2', n: '2' },
          ];
    assert.deepEqual(
      run.rows.map(({ after }) => after),
      expected,
    );
    assert.equal(
      run.warnings.some((warning) => warning.includes('public.items.twice')),
      version === 15,
    );
  });
}

test('a table that a role may not read fails the snapshot with the table and the privilege', async (t) => {
  const { client, url, name } = await useDatabase(t);
  await client.query(`CREATE TABLE secret (id int PRIMARY KEY); INSERT INTO secret VALUES (1); CREATE PUBLICATION p FOR ALL TABLES;
    CREATE ROLE ${name}_u LOGIN REPLICATION PASSWORD 'x'`);
  t.after(() => client.query(`DROP ROLE ${name}_u`).catch(() => {}));
  const keys = { 'database.user': `${name}_u`, 'database.password': 'x', 'publication.name': 'p' };
  const run = new SourceRun(configFor(url, keys));
  await assert.rejects(run.done, (error: Error & { code: string }) => {
    assert.equal(error.code, 'source.privilege');
    assert.match(error.message, /public\.secret/);
    return true;
  });
});
