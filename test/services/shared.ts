import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import pg from 'pg';
import { Unavailable } from './debian.ts';
import { type PostgresVersion, startPostgres } from './postgres.ts';

/** Where the test runner, or a developer, says that a server runs already: a superuser's URL. */
export const urlVariable = { 18: 'PG_URL', 15: 'PG15_URL' } as const satisfies Record<PostgresVersion, string>;

export interface TestDatabase {
  readonly name: string;
  /** Superuser's URL of this database. */
  readonly url: string;
  readonly version: PostgresVersion;
  readonly client: pg.Client;
  /** Ends its walsenders, drops its slots and itself. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const servers = new Map<PostgresVersion, Promise<string>>();

/** URL of the server all test files share; a file that runs alone starts one of its own, which ends with the process. */
export function sharedPostgres(version: PostgresVersion = 18): Promise<string> {
  const given = process.env[urlVariable[version]];
  if (given !== undefined && given !== '') return Promise.resolve(given);
  let server = servers.get(version);
  if (server === undefined) {
    server = startPostgres({ version }).then(({ url }) => url);
    servers.set(version, server);
  }
  return server;
}

/**
 * For `test(name, { skip: await whyNoPostgres(15) }, ..)`: the reason why a version cannot be had on this machine, or false.
 * @throws Unavailable in CI, where every server must be had.
 */
export async function whyNoPostgres(version: PostgresVersion): Promise<string | false> {
  try {
    await sharedPostgres(version);
    return false;
  } catch (error) {
    if (!(error instanceof Unavailable) || process.env.CI === 'true') throw error;
    return error.message;
  }
}

/** A fresh, empty database, dropped at the end of the test when that is given. */
export async function useDatabase(t?: TestContext, options: { version?: PostgresVersion } = {}): Promise<TestDatabase> {
  const { version = 18 } = options;
  const serverUrl = await sharedPostgres(version);
  const name = `t_${randomBytes(6).toString('hex')}`;
  await asSuperuser(serverUrl, (admin) => admin.query(`CREATE DATABASE ${name}`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  // Dropping the database ends this connection from the other side when a test forgot to close it.
  client.on('error', () => {});
  let disposed: Promise<void> | null = null;
  const dispose = (): Promise<void> => {
    disposed ??= client.end().then(() => asSuperuser(serverUrl, (admin) => dropDatabase(admin, name)));
    return disposed;
  };
  t?.after(dispose);
  return { name, url: url.href, version, client, dispose, [Symbol.asyncDispose]: dispose };
}

async function asSuperuser<T>(url: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

async function dropDatabase(admin: pg.Client, name: string): Promise<void> {
  // A slot is free only some time after its walsender was told to end, and a test's own client may reconnect meanwhile.
  const deadline = Date.now() + 10_000;
  for (;;) {
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    try {
      await admin.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1', [
        name,
      ]);
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((wake) => setTimeout(wake, 50));
    }
  }
}
