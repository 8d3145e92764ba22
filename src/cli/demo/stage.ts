import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import pg from 'pg';
import type { RawConfig } from '../../config/config-def.ts';
import { locateEmbeddedPostgres } from './embedded-postgres.ts';
import { freePort, type PostgresServer, startPostgresServer } from './postgres-server.ts';

const DATABASE = 'shop';
const USER = 'demo';
/** Where `run` listens too; the demo takes another port when somebody has it. */
const USUAL_HTTP_PORT = 8083;

/** Everything that the demo needs and that goes away with it: a server with an empty database, and a folder. */
export interface Stage {
  readonly serverVersion: string;
  /** With a password that is made for this server and ends with it: it may be shown. */
  readonly url: string;
  readonly httpUrl: string;
  /** The log of the demo's connector. */
  readonly logPath: string;
  /** The demo's connector, in Debezium's keys. */
  readonly connector: RawConfig;
  /** File of a second connector on the same database, as people paste it from Debezium. */
  readonly secondConnectorPath: string;
  /** Opens another connection to the database. */
  connect(): Promise<pg.Client>;
  /** Ends the server and removes the folder. */
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const server = await startPostgresServer({ binDir: await locateEmbeddedPostgres() });
  try {
    return await furnish(server);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

async function furnish(server: PostgresServer): Promise<Stage> {
  const { host, port } = server;
  const folder = dirname(server.dataDir);
  const password = randomBytes(4).toString('hex');
  const admin = await connected({ connectionString: server.url });
  // A superuser, because the publication that `tail` makes is for all tables.
  await admin.query(`CREATE ROLE ${USER} LOGIN SUPERUSER PASSWORD '${password}'`);
  await admin.query(`CREATE DATABASE ${DATABASE} OWNER ${USER}`);
  const { rows } = await admin.query<{ server_version: string }>('SHOW server_version');
  await admin.end();

  const httpPort = (await isFree(host, USUAL_HTTP_PORT)) ? USUAL_HTTP_PORT : await freePort();
  const logPath = join(folder, 'shop.tailrace.db');
  const database: RawConfig = {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': host,
    'database.port': String(port),
    'database.user': USER,
    'database.password': password,
    'database.dbname': DATABASE,
    'topic.prefix': DATABASE,
    'key.converter.schemas.enable': 'false',
    'value.converter.schemas.enable': 'false',
    'decimal.handling.mode': 'string',
  };
  const secondConnectorPath = join(folder, 'again.json');
  const second: RawConfig = {
    ...database,
    'plugin.name': 'pgoutput',
    'slot.name': 'again',
    'tailrace.log.path': join(folder, 'again.tailrace.db'),
    'tailrace.http.listen': `${host}:${await freePort()}`,
  };
  writeFileSync(secondConnectorPath, `${JSON.stringify({ name: 'again', config: second }, null, 2)}\n`, {
    mode: 0o600,
  });
  return {
    serverVersion: rows[0]!.server_version,
    url: `postgres://${USER}:${password}@${host}:${port}/${DATABASE}`,
    httpUrl: `http://${host}:${httpPort}`,
    logPath,
    connector: {
      ...database,
      name: DATABASE,
      'slot.name': DATABASE,
      'publication.name': DATABASE,
      'time.precision.mode': 'isostring',
      'tailrace.log.path': logPath,
      'tailrace.http.listen': `${host}:${httpPort}`,
    },
    secondConnectorPath,
    connect: () => connected({ host, port, user: USER, password, database: DATABASE }),
    close: () => server[Symbol.asyncDispose](),
  };
}

async function connected(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  await client.connect();
  return client;
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}
