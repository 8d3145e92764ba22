import type { Connection } from 'mysql2/promise';
import { ReopenedSession } from '../../session/reopened-session.ts';
import { type ConnectionConfig, connect, disconnect, errorContext, familyOf } from './connection.ts';
import { isServerError, mysqlError } from './mysql-error.ts';

/** What the server takes to report that a statement timed out: we wait this much longer than it does. */
const REPORT_MS = 5_000;

export interface SessionOptions {
  readonly config: ConnectionConfig;
  /** Longest time of a query in milliseconds; 0: no limit. */
  readonly queryTimeoutMs: number;
}

export type Session = ReopenedSession<Connection>;

export function createSession(options: SessionOptions): Session {
  return new ReopenedSession<Connection>({
    open: () => open(options),
    close: disconnect,
    explain: (cause, doing) => mysqlError(cause, errorContext(options.config, doing)),
    isAnswer: isServerError,
  });
}

async function open({ config, queryTimeoutMs }: SessionOptions): Promise<Connection> {
  const client = await connect(config, queryTimeoutMs === 0 ? 0 : queryTimeoutMs + REPORT_MS);
  try {
    await limitStatements(client, queryTimeoutMs);
    return client;
  } catch (error) {
    await disconnect(client);
    throw error;
  }
}

/** MySQL's limit is for SELECT alone and in milliseconds, MariaDB's for every statement and in seconds; 0 is none. */
export async function limitStatements(client: Connection, milliseconds: number): Promise<void> {
  await client.query(
    familyOf(client) === 'mysql'
      ? `SET SESSION max_execution_time = ${milliseconds}`
      : `SET SESSION max_statement_time = ${milliseconds / 1000}`,
  );
}
