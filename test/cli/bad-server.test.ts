import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { startPostgres, type TestPostgres } from '../services/postgres.ts';
import { runCli } from './fake-io.ts';
import { assertNoSecret, assertRefused, type Refusal } from './refusal.ts';
import { type ConnectorKeys, TailraceProcess, tailrace, temporaryFolder, writeConnector } from './tailrace-process.ts';

const folder = temporaryFolder();
const ROLE_PASSWORD = 'password-of-a-role';
const WRONG_PASSWORD = 'hunter2-hunter2';

let server: TestPostgres;
let replicaLevel: TestPostgres;
let oneSlot: TestPostgres;
let client: pg.Client;

before(async () => {
  [server, replicaLevel, oneSlot] = await Promise.all([
    startPostgres(),
    startPostgres({ settings: { wal_level: 'replica' } }),
    startPostgres({ settings: { max_replication_slots: '1' } }),
  ]);
  for (const { url } of [replicaLevel, oneSlot]) {
    await sql(url, 'CREATE TABLE items (id int PRIMARY KEY)');
  }
  await sql(oneSlot.url, `SELECT pg_create_logical_replication_slot('taken', 'pgoutput')`);
  client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`
    CREATE TABLE items (id int PRIMARY KEY);
    CREATE TABLE keyless (id int);
    CREATE TABLE odd (id int PRIMARY KEY, at pg_lsn);
    CREATE PUBLICATION all_of_it FOR TABLE items;
    CREATE ROLE no_replication LOGIN PASSWORD '${ROLE_PASSWORD}';
    CREATE ROLE no_create LOGIN REPLICATION PASSWORD '${ROLE_PASSWORD}'`);
  await client.query(`SELECT pg_create_logical_replication_slot('of_another_plugin', 'test_decoding')`);
});
after(async () => {
  await client?.end();
  await Promise.all([server, replicaLevel, oneSlot].map((one) => one?.[Symbol.asyncDispose]()));
});

async function sql(url: string, text: string): Promise<void> {
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  await other.query(text);
  await other.end();
}

function secrets(): readonly string[] {
  return [...[server, replicaLevel, oneSlot].map((one) => one.password), ROLE_PASSWORD, WRONG_PASSWORD];
}

function connector(name: string, keys: ConnectorKeys = {}, url = server.url): string {
  return writeConnector(folder, url, { name, 'table.include.list': 'public.items', ...keys });
}

async function refuses(args: readonly string[], refusal: Refusal): Promise<void> {
  assertRefused(await tailrace(args), refusal, secrets());
}

/** What `validate` says of one check, with its remedy, and its exit code. */
async function validated(path: string): Promise<{ exitCode: number; stdout: string; last: string }> {
  const { exitCode, stdout, stderr } = await runCli(['validate', path]);
  assertNoSecret(`${stdout}${stderr}`, secrets());
  return { exitCode, stdout, last: stdout.trimEnd().split('\n').at(-1)! };
}

test('what a server refuses is one line with its fix and exit code 3', { concurrency: 3 }, async (t) => {
  const role = (user: string): ConnectorKeys => ({ 'database.user': user, 'database.password': ROLE_PASSWORD });
  const cases: readonly (readonly [name: string, path: string, error: RegExp, fix: RegExp])[] = [
    [
      'a wrong password',
      connector('wrong_password', { 'database.password': WRONG_PASSWORD }),
      /password authentication failed for user "postgres"/,
      /database\.user and database\.password/,
    ],
    [
      'a database that is not there',
      connector('no_database', { 'database.dbname': 'nope' }),
      /database "nope" does not exist/,
      /database\.dbname/,
    ],
    // The discard port: nothing listens there.
    [
      'a port where nobody listens',
      connector('no_port', { 'database.port': 9 }),
      /ECONNREFUSED 127\.0\.0\.1:9/,
      /database\.hostname and database\.port/,
    ],
    [
      'a host that is unknown',
      connector('no_host', { 'database.hostname': 'no-such-host.invalid' }),
      /no-such-host\.invalid/,
      /database\.hostname/,
    ],
    [
      'wal_level=replica',
      connector('replica', {}, replicaLevel.url),
      /wal_level is replica/,
      /ALTER SYSTEM SET wal_level = 'logical'; then restart/,
    ],
    [
      'no slot left',
      connector('no_slot', {}, oneSlot.url),
      /all replication slots are in use/,
      /"tailrace slots list".*max_replication_slots/,
    ],
    [
      'a role without REPLICATION',
      connector('no_replication', role('no_replication')),
      /replication connection.*permission denied/,
      /ALTER ROLE "no_replication" REPLICATION;/,
    ],
    [
      'a role without CREATE on the database',
      connector('no_create', role('no_create')),
      /CREATE PUBLICATION.*permission denied for database/,
      /GRANT CREATE ON DATABASE "postgres" TO "no_create";/,
    ],
    [
      'a role without SELECT',
      connector('no_select', {
        ...role('no_create'),
        'publication.name': 'all_of_it',
        'publication.autocreate.mode': 'disabled',
      }),
      /may not read public\.items: no_create lacks SELECT/,
      /GRANT SELECT ON "public"\."items" TO "no_create";/,
    ],
    [
      'a publication that is missing and is not to be made',
      connector('no_publication', { 'publication.autocreate.mode': 'disabled' }),
      /publication p_no_publication does not exist in postgres/,
      /CREATE PUBLICATION "p_no_publication" FOR TABLE "public"\."items".*publication\.autocreate\.mode=filtered/,
    ],
    [
      'lists that choose no table',
      connector('no_table', { 'table.include.list': 'public.missing' }),
      /no table of postgres matches/,
      /table\.include\.list/,
    ],
    [
      'a slot of another plugin',
      connector('other_plugin', { 'slot.name': 'of_another_plugin' }),
      /slot of_another_plugin uses the plugin test_decoding/,
      /slot\.name.*pg_drop_replication_slot\('of_another_plugin'\)/,
    ],
  ];
  await Promise.all(
    cases.map(([name, path, error, fix]) =>
      t.test(`run: ${name}`, () => refuses(['run', path], { exitCode: 3, error, fix })),
    ),
  );
  await Promise.all(
    cases.map(([name, path]) =>
      t.test(`validate: ${name}`, async () => {
        const { exitCode, stdout, last } = await validated(path);
        assert.equal(exitCode, 3, stdout);
        assert.match(stdout, /^error: .*\nfix: ./m);
        assert.doesNotMatch(last, /^ok: .*\.json/);
      }),
    ),
  );
  await t.test('nothing was left behind on the server', async () => {
    const { rows } = await client.query('SELECT slot_name FROM pg_replication_slots');
    assert.deepEqual(rows, [{ slot_name: 'of_another_plugin' }]);
  });
});

test('bootstrap answers as run does', async () => {
  const path = connector('bootstrap', { 'database.password': WRONG_PASSWORD });
  await refuses(['bootstrap', path, '--then', 'exit'], {
    exitCode: 3,
    error: /password authentication failed/,
    fix: /database\.password/,
  });
});

test('a command that was given a URL says what of the URL, or which option, to change', {
  concurrency: 3,
}, async (t) => {
  const url = (change: (url: URL) => void = () => {}, of = server): string => {
    const changed = new URL(of.url);
    change(changed);
    return changed.href;
  };
  const asRole = url((one) => Object.assign(one, { username: 'no_create', password: ROLE_PASSWORD }));
  const cases: readonly (readonly [name: string, args: readonly string[], error: RegExp, fix: RegExp])[] = [
    [
      'a wrong password',
      ['tail', url((one) => (one.password = WRONG_PASSWORD))],
      /password authentication failed/,
      /^fix: Check the URL's user and the URL's password\.$/,
    ],
    [
      'a port where nobody listens',
      ['tail', url((one) => (one.port = '9'))],
      /ECONNREFUSED 127\.0\.0\.1:9/,
      /^fix: Check the URL's host and the URL's port, /,
    ],
    [
      'a server without TLS',
      ['slots', 'list', url((one) => one.searchParams.set('sslmode', 'require'))],
      /does not speak TLS/,
      /use the URL's sslmode=disable or prefer\.$/,
    ],
    [
      'no authority',
      ['slots', 'list', url((one) => one.searchParams.set('sslmode', 'verify-full'))],
      /: sslmode=verify-full needs a root certificate/,
      /^fix: Set the URL's sslrootcert to/,
    ],
    ['wal_level=replica', ['tail', replicaLevel.url], /wal_level is replica/, /ALTER SYSTEM/],
    [
      'a publication that is not there',
      ['tail', url(), '--publication', 'nope'],
      /publication nope does not exist/,
      /^fix: CREATE PUBLICATION "nope" FOR TABLE [^;]*;$/,
    ],
    [
      'a role that may not make one',
      ['tail', asRole],
      /CREATE PUBLICATION.*permission denied/,
      /^fix: Have it run by a superuser: CREATE PUBLICATION .*; or use a publication of your own \(--publication <name>\), which needs/,
    ],
    [
      'a role that may not read the rows',
      ['tail', asRole, '--publication', 'all_of_it', '--snapshot'],
      /may not read public\.items/,
      /GRANT SELECT .*; or start with no --snapshot\.$/,
    ],
    [
      'a slot of another plugin',
      ['tail', url(), '--publication', 'all_of_it', '--slot', 'of_another_plugin'],
      /of_another_plugin uses the plugin/,
      /^fix: Choose another --slot, or drop it:/,
    ],
  ];
  await Promise.all(
    cases.map(([name, args, error, fix]) =>
      t.test(name, async () => {
        const outcome = await tailrace(args, { env: { HOME: folder } });
        assertRefused(outcome, { exitCode: 3, error, fix }, secrets());
      }),
    ),
  );
  await t.test('an option that cannot be', () =>
    refuses(['tail', url(), '--slot', 'No Slot'], { exitCode: 2, error: /^error: --slot 'No Slot' is/, fix: null }),
  );
});

test('a slot that another process reads ends a second reader with who reads it', async () => {
  const reader = new TailraceProcess(['run', connector('reader', { 'snapshot.mode': 'no_data' })]);
  await slotActive('s_reader');
  const second = connector('second', { 'slot.name': 's_reader', 'publication.name': 'p_reader' });
  const [outcome, check] = await Promise.all([tailrace(['run', second]), validated(second)]);
  assertRefused(
    outcome,
    { exitCode: 3, error: /slot s_reader is read by another process: pid \d+, user postgres/, fix: /slot\.name/ },
    secrets(),
  );
  assert.match(check.stdout, /^warning: slot: s_reader is read at this moment by pid/m);
  assert.equal((await reader.stop()).exitCode, 0);
});

test('a publication that would have the server refuse the application’s changes is not made', async (t) => {
  const refusal: Refusal = {
    exitCode: 3,
    error: /publication \w+ would make the server refuse UPDATE and DELETE of public\.keyless: no primary key/,
    fix: /^fix: ALTER TABLE "public"\."keyless" ADD PRIMARY KEY \(\.\.\.\); or ALTER TABLE "public"\."keyless" REPLICA IDENTITY FULL; or /,
  };
  const both = { 'table.include.list': 'public.keyless,public.items' };
  // All tables: also those that no list chooses.
  const all = connector('all_tables', { 'publication.autocreate.mode': 'all_tables' });
  const chosen = connector('chosen', { ...both, 'publication.autocreate.mode': 'filtered' });
  await client.query('CREATE PUBLICATION p_wider FOR TABLE items');
  const wider = connector('wider', { ...both, 'publication.autocreate.mode': 'filtered' });
  for (const path of [all, chosen, wider]) {
    await t.test(path.split('/').at(-1)!, async () => {
      await refuses(['run', path], refusal);
      const { exitCode, stdout } = await validated(path);
      assert.equal(exitCode, 3);
      assert.match(stdout, /^error: publication: .*refuse UPDATE and DELETE of public\.keyless.*\nfix: ALTER TABLE/m);
    });
  }
  await t.test('tail', () =>
    refuses(['tail', server.url], {
      ...refusal,
      fix: /FULL; or name a publication that was made by hand with --publication\.$/,
    }),
  );
  await client.query('INSERT INTO keyless VALUES (1); UPDATE keyless SET id = 2; DELETE FROM keyless');
  const { rows } = await client.query(`SELECT pubname AS p, tablename AS t FROM pg_publication_tables ORDER BY 1, 2`);
  assert.deepEqual(
    rows.filter(({ p }) => /all_tables|chosen|wider|tail/.test(p)),
    [{ p: 'p_wider', t: 'items' }],
  );

  await t.test('unless the identity is to be set with it', async () => {
    await client.query('CREATE TABLE loose (id int)');
    const path = connector('autoset', {
      'table.include.list': 'public.loose',
      'publication.autocreate.mode': 'filtered',
      'replica.identity.autoset.values': 'public.loose:FULL',
    });
    const before = await validated(path);
    assert.equal(before.exitCode, 0, before.stdout);
    assert.match(before.stdout, /^ok: public\.loose: its replica identity is set at the start$/m);
    assert.equal((await tailrace(['bootstrap', path, '--then', 'exit'])).exitCode, 0);
    await client.query('INSERT INTO loose VALUES (1); UPDATE loose SET id = 2; DROP TABLE loose');
  });
});

test('a table whose updates the server refuses already, and a column without a mapping, are named', async (t) => {
  await client.query('CREATE PUBLICATION p_surprising FOR TABLE keyless, odd');
  t.after(() => client.query('DROP PUBLICATION p_surprising'));
  const path = connector('surprising', { 'table.include.list': 'public.keyless,public.odd' });
  const { exitCode, stdout } = await validated(path);
  assert.equal(exitCode, 0, stdout);
  assert.match(
    stdout,
    /^warning: public\.keyless: the server refuses UPDATE and DELETE.*\nfix: ALTER TABLE "public"\."keyless" ADD PRIMARY KEY/m,
  );
  assert.match(stdout, /^warning: public\.odd: .*at is left out: its type pg_lsn has no mapping/m);
  const run = new TailraceProcess(['run', path]);
  await run.says(/"tables":\["public\.keyless"\],"msg":"the server refuses UPDATE and DELETE/);
  await run.says(/"table":"public\.odd","column":"at","type":"pg_lsn","msg":"a column is left out/);
  await run.says(/snapshot read/);
  assert.equal((await run.stop()).exitCode, 0);

  await client.query(`ALTER PUBLICATION p_surprising SET (publish = 'insert')`);
  const again = new TailraceProcess(['run', path]);
  await again.says(/"msg":"streaming"/);
  const { stderr } = await again.stop();
  assert.doesNotMatch(stderr, /refuses UPDATE and DELETE/, 'a publication of inserts makes the server refuse nothing');
});

test('a slot that was dropped, made anew or moved on while a position is stored stops the start', async (t) => {
  const path = connector('stored', {});
  assert.equal((await tailrace(['bootstrap', path, '--then', 'exit'])).exitCode, 0);
  assert.match((await validated(path)).stdout, /^ok: stored position: /m);
  const refused = async (error: RegExp, fix: RegExp): Promise<void> => {
    const [outcome, check] = await Promise.all([tailrace(['run', path]), validated(path)]);
    assertRefused(outcome, { exitCode: 3, error, fix }, secrets());
    assert.equal(check.exitCode, 3);
    assert.match(check.stdout, /^error: stored position: .*\nfix: ./m);
  };
  await t.test('moved on', async () => {
    await client.query(`INSERT INTO items VALUES (100)`);
    await client.query(`SELECT pg_replication_slot_advance('s_stored', pg_current_wal_lsn())`);
    await refused(/slot s_stored is at \S+, past the stored position/, /snapshot\.mode=when_needed/);
  });
  await t.test('dropped', async () => {
    await client.query(`SELECT pg_drop_replication_slot('s_stored')`);
    await refused(/slot s_stored does not exist, but a position at \S+ is stored/, /"tailrace offsets reset"/);
  });
  await t.test('made anew', async () => {
    await client.query(`SELECT pg_create_logical_replication_slot('s_stored', 'pgoutput')`);
    await refused(/slot s_stored is at \S+, past the stored position.*recreated/, /when_needed/);
  });
  await t.test('another server behind the same configuration', async () => {
    connector('stored', {}, oneSlot.url);
    await refused(/belongs to another server: its system identifier is \d+, this one's \d+/, /database\.hostname/);
  });
});

async function slotActive(name: string): Promise<void> {
  for (;;) {
    const { rows } = await client.query('SELECT active FROM pg_replication_slots WHERE slot_name = $1', [name]);
    if (rows[0]?.active === true) return;
    await new Promise((wake) => setTimeout(wake, 50));
  }
}
