import { connect as connectSocket, isIP, type Socket } from 'node:net';
import type { Connection as RawConnection } from 'mysql2';
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import type { TailraceError } from '../../model/errors.ts';
import { type ErrorContext, mysqlError } from './mysql-error.ts';
import { type TlsAttempt, type TlsConfig, tlsAttempts } from './tls.ts';

/** How long a server may take to take a goodbye. */
const GOODBYE_MS = 500;

/** A dead peer is noticed within minutes rather than after the system's default of two hours. */
const KEEP_ALIVE_DELAY_MS = 30_000;

export type ConnectionConfig = TlsConfig &
  Pick<
    MysqlConfig,
    | 'database.hostname'
    | 'database.port'
    | 'database.user'
    | 'database.password'
    | 'database.initial.statements'
    | 'connect.timeout.ms'
  >;

/** What we know of mysql2's inside; tests of a frozen server and of a paused dump pin it. */
export interface RawInternals extends RawConnection {
  /** TLS puts another one in the first one's place. */
  readonly stream: Socket;
  readonly _handshakePacket: { readonly serverVersion: string };
}

export function internals(client: Connection): RawInternals {
  return (client as unknown as { readonly connection: RawInternals }).connection;
}

/** Where a connection goes, for error texts: everything but the password. */
export function errorContext(config: ConnectionConfig, doing: string): ErrorContext {
  const host = config['database.hostname'];
  const address = host.startsWith('/') ? host : `${host}:${config['database.port']}`;
  return { doing, user: config['database.user'], address };
}

/**
 * Opens a session in which `sql_mode` is empty and the time zone is UTC, and runs `database.initial.statements` on it;
 * authentication and TLS are mysql2's. Throws a {@link TailraceError} that names host and user. A session that dies later
 * rejects the query it was doing. `answerWithinMs`: how long each query waits for its answer, 0 for ever; a peer may fall
 * silent without a word, which none of the server's own limits ends. `signal` ends the session, also while it is opened.
 */
export async function connect(
  config: ConnectionConfig,
  answerWithinMs = 0,
  signal: AbortSignal | null = null,
): Promise<Connection> {
  const context = errorContext(config, 'connect');
  const attempts = await tlsAttempts(config);
  let first: TailraceError | null = null;
  for (const [index, attempt] of attempts.entries()) {
    try {
      return await open(config, attempt, { answerWithinMs, signal });
    } catch (cause) {
      const error = mysqlError(cause, context, 'source.connect');
      const isLast = index === attempts.length - 1;
      if (!isLast && error.code !== 'source.tls') throw error;
      // The second way got further, unless it is TLS that it lacked: then the first one says what is wrong.
      if (isLast) throw first !== null && error.code === 'source.tls' ? first : error;
      first = error;
    }
  }
  throw new Error('there is always an attempt');
}

async function open(
  config: ConnectionConfig,
  tls: TlsAttempt,
  { answerWithinMs, signal }: { readonly answerWithinMs: number; readonly signal: AbortSignal | null },
): Promise<Connection> {
  let socket: Socket | null = null;
  const options: ConnectionOptions = {
    host: config['database.hostname'],
    port: config['database.port'],
    user: config['database.user'],
    stream: () => {
      socket = openSocket(config, signal);
      return socket;
    },
    connectTimeout: config['connect.timeout.ms'],
    connectAttributes: { program_name: 'tailrace' },
    // A server could otherwise ask for files of this machine, and names of functions would be reserved words.
    flags: ['-LOCAL_FILES', '-IGNORE_SPACE'],
    supportBigNumbers: true,
    dateStrings: true,
  };
  if (config['database.password'] !== null) options.password = config['database.password'];
  if (tls !== false) options.ssl = tls;
  const client = await createConnection(options).catch((error: unknown) => {
    // mysql2 closes its half only.
    socket?.destroy();
    throw error;
  });
  // An idle session that dies emits this; the next query on it rejects.
  client.on('error', () => {});
  limitAnswers(client, answerWithinMs);
  try {
    // What quotes and time stamps mean, and which columns are shown, must not depend on the server's defaults.
    await client.query({
      sql: `SET SESSION sql_mode = '', time_zone = '+00:00', sql_quote_show_create = 1
              /*!80030 , show_gipk_in_create_table_and_information_schema = 1 */`,
      timeout: config['connect.timeout.ms'],
    });
    for (const statement of splitStatements(config['database.initial.statements'] ?? '')) await client.query(statement);
    return client;
  } catch (error) {
    void disconnect(client);
    throw error;
  }
}

function openSocket(config: ConnectionConfig, signal: AbortSignal | null): Socket {
  const host = config['database.hostname'];
  const ended = signal === null ? {} : { signal };
  if (host.startsWith('/')) return connectSocket({ path: host, ...ended });
  const socket = connectSocket({
    host,
    port: config['database.port'],
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    ...ended,
  });
  // Certificates are checked against this name, and an address would count as "localhost" without it.
  return isIP(host) === 0 ? socket : Object.assign(socket, { _host: host });
}

/** mysql2 gives up on the query alone: what comes late would be taken for the answer to the next one. */
function limitAnswers(client: Connection, answerWithinMs: number): void {
  if (answerWithinMs === 0) return;
  const query = client.query.bind(client) as (sql: object, values?: unknown) => Promise<unknown>;
  const limited = async (sql: string | object, values?: unknown): Promise<unknown> => {
    const options = typeof sql === 'string' ? { sql } : sql;
    try {
      return await query({ timeout: answerWithinMs, ...options }, values);
    } catch (error) {
      if ((error as { code?: string }).code === 'PROTOCOL_SEQUENCE_TIMEOUT') internals(client).stream.destroy();
      throw error;
    }
  };
  client.query = limited as typeof client.query;
}

/** As Debezium: `;` separates, `;;` is a semicolon. */
export function splitStatements(text: string): readonly string[] {
  const statements = text.replaceAll(';;', '\0').split(';');
  return statements.map((statement) => statement.replaceAll('\0', ';').trim()).filter((statement) => statement !== '');
}

/** MariaDB calls itself so; before 11 it says in the handshake that it is 5.5.5, for old clients. */
export function familyOf(client: Connection): ServerFamily {
  return /mariadb/i.test(internals(client)._handshakePacket.serverVersion) ? 'mariadb' : 'mysql';
}

/** Says goodbye, and leaves also if the server does not hear it. Does not reject. */
export async function disconnect(client: Connection): Promise<void> {
  const { stream } = internals(client);
  const left = new Promise<void>((resolve) => {
    if (stream.destroyed) resolve();
    else stream.once('close', () => resolve());
  });
  const deadline = setTimeout(() => stream.destroy(), GOODBYE_MS);
  // Resolves when the goodbye is written, if no query is before it; the server then closes the connection.
  client.end().catch(() => stream.destroy());
  await left;
  clearTimeout(deadline);
}

/** Runs `work` on a session of its own, and turns its failures into {@link TailraceError}s. */
export async function withConnection<T>(
  config: ConnectionConfig,
  doing: string,
  work: (client: Connection) => Promise<T>,
  answerWithinMs = 0,
): Promise<T> {
  const client = await connect(config, answerWithinMs);
  try {
    return await work(client);
  } catch (error) {
    throw mysqlError(error, errorContext(config, doing));
  } finally {
    await disconnect(client);
  }
}
