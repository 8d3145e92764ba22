import { Client, type ClientConfig } from 'pg';
import type { PostgresConfig } from '../../config/postgres.ts';
import type { TailraceError } from '../../model/errors.ts';
import { type ErrorContext, postgresError, quoteLiteral } from './postgres-error.ts';
import { type TlsAttempt, tlsAttempts } from './tls.ts';
import { SESSION_SETTINGS } from './types/session-settings.ts';

/** As pg_stat_activity shows us. */
const APPLICATION_NAME = 'tailrace';
/** Long enough for a loaded server's authentication, short enough for an operator who waits for the error. */
const CONNECT_TIMEOUT_MS = 15_000;
/** A dead peer is noticed within minutes rather than after the system's default of two hours. */
const KEEP_ALIVE_DELAY_MS = 30_000;

export type ConnectionConfig = Pick<
  PostgresConfig,
  | 'database.hostname'
  | 'database.port'
  | 'database.user'
  | 'database.password'
  | 'database.dbname'
  | 'database.sslmode'
  | 'database.sslcert'
  | 'database.sslkey'
  | 'database.sslpassword'
  | 'database.sslrootcert'
  | 'database.tcpKeepAlive'
  | 'database.initial.statements'
>;

export type ConnectionRole =
  /** Ordinary SQL. */
  | 'query'
  /** A walsender (`replication=database`): takes replication commands, and SQL by the simple protocol. */
  | 'replication';

/** Where a connection goes, for error texts: everything but the password. */
export function errorContext(config: ConnectionConfig, doing: string): ErrorContext {
  return {
    doing,
    user: config['database.user'],
    database: config['database.dbname'],
    address: `${config['database.hostname']}:${config['database.port']}`,
  };
}

/**
 * Opens a session; authentication and TLS are pg's. Throws a {@link TailraceError} that names host, user and database.
 * A session that dies later rejects the query it was doing.
 */
export async function connect(config: ConnectionConfig, role: ConnectionRole = 'query'): Promise<Client> {
  const context = errorContext(config, role === 'query' ? 'connect' : 'open a replication connection');
  const attempts = tlsAttempts(config);
  let first: TailraceError | null = null;
  for (const [index, attempt] of attempts.entries()) {
    try {
      return await open(config, role, attempt);
    } catch (cause) {
      const error = postgresError(cause, context, 'source.connect');
      const isLast = index === attempts.length - 1;
      // The second way got further, unless it is TLS that failed there: then the first one says what is wrong.
      if (isLast) throw first !== null && error.code === 'source.tls' ? first : error;
      if (!isWorthAnotherWay(error)) throw error;
      first = error;
    }
  }
  throw new Error('there is always an attempt');
}

/** libpq tries the other way after a failed handshake and after a refusal by pg_hba.conf, not after a wrong password. */
function isWorthAnotherWay(error: TailraceError): boolean {
  if (error.code === 'source.tls') return true;
  return error.code === 'source.authentication' && (error.cause as { code?: string } | undefined)?.code === '28000';
}

async function open(config: ConnectionConfig, role: ConnectionRole, tls: TlsAttempt): Promise<Client> {
  const settings: ClientConfig & { replication?: 'database' } = {
    host: config['database.hostname'],
    port: config['database.port'],
    user: config['database.user'],
    database: config['database.dbname'],
    ssl: tls,
    application_name: APPLICATION_NAME,
    keepAlive: config['database.tcpKeepAlive'],
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  };
  if (config['database.password'] !== null) settings.password = config['database.password'];
  if (role === 'replication') settings.replication = 'database';
  const client = new Client(settings);
  // An idle session that dies emits this; the next query on it rejects with the same.
  client.on('error', () => {});
  try {
    await client.connect();
    const statements = config['database.initial.statements'];
    if (role === 'query' && statements !== null) await client.query(statements);
    return client;
  } catch (error) {
    client.end().catch(() => {});
    throw error;
  }
}

/** The statements that make a session print values in the one form that our codecs read. */
export function sessionSettings(): string {
  const entries = Object.entries(SESSION_SETTINGS);
  return entries.map(([name, value]) => `SET ${name} = ${quoteLiteral(value).trim()}`).join('; ');
}

/** Runs `work` on a session of its own, and turns its failures into {@link TailraceError}s. */
export async function withConnection<T>(
  config: ConnectionConfig,
  doing: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(config);
  try {
    return await work(client);
  } catch (error) {
    throw postgresError(error, errorContext(config, doing));
  } finally {
    await client.end().catch(() => {});
  }
}
