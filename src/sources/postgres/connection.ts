import type { Socket } from 'node:net';
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
/** How long a server may take to take a goodbye. */
const GOODBYE_MS = 500;

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
 * A session that dies later rejects the query it was doing. `answerWithinMs`: how long each query waits for its answer, 0
 * for ever; a peer may fall silent without a word, which none of the server's own limits ends.
 */
export async function connect(
  config: ConnectionConfig,
  role: ConnectionRole = 'query',
  answerWithinMs = 0,
): Promise<Client> {
  const context = errorContext(config, role === 'query' ? 'connect' : 'open a replication connection');
  const attempts = tlsAttempts(config);
  let first: TailraceError | null = null;
  for (const [index, attempt] of attempts.entries()) {
    try {
      return await open(config, attempt, { role, answerWithinMs });
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

async function open(
  config: ConnectionConfig,
  tls: TlsAttempt,
  { role, answerWithinMs }: { readonly role: ConnectionRole; readonly answerWithinMs: number },
): Promise<Client> {
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
    query_timeout: answerWithinMs,
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
    void disconnect(client);
    throw error;
  }
}

/** What we know of pg's inside; a test of a frozen server pins it. TLS puts another stream in the first one's place. */
interface ClientInternals {
  readonly connection: { readonly stream: Socket };
}

/** Says goodbye, and leaves also if the server does not hear it. Does not reject. */
export async function disconnect(client: Client): Promise<void> {
  const deadline = setTimeout(() => (client as unknown as ClientInternals).connection.stream.destroy(), GOODBYE_MS);
  try {
    await client.end();
  } catch {
    // It is gone, which is what we want.
  } finally {
    clearTimeout(deadline);
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
  answerWithinMs = 0,
): Promise<T> {
  const client = await connect(config, 'query', answerWithinMs);
  try {
    return await work(client);
  } catch (error) {
    throw postgresError(error, errorContext(config, doing));
  } finally {
    await disconnect(client);
  }
}
