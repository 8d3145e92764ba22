import type { Client } from 'pg';
import { ReopenedSession } from '../../session/reopened-session.ts';
import { type ConnectionConfig, connect, disconnect, errorContext, sessionSettings } from './connection.ts';
import { isServerError, postgresError } from './postgres-error.ts';

/** What the server takes to report that a statement timed out: we wait this much longer than it does. */
const REPORT_MS = 5_000;

export interface SessionOptions {
  readonly config: ConnectionConfig;
  /** Longest time of a query in milliseconds; 0: no limit. */
  readonly queryTimeoutMs: number;
  /** Longest wait for a lock in milliseconds, if it is not the role's. */
  readonly lockTimeoutMs?: number;
}

export type Session = ReopenedSession<Client>;

export function createSession(options: SessionOptions): Session {
  return new ReopenedSession<Client>({
    open: () => open(options),
    close: disconnect,
    explain: (cause, doing) => postgresError(cause, errorContext(options.config, doing)),
    isAnswer: isServerError,
  });
}

async function open({ config, queryTimeoutMs, lockTimeoutMs }: SessionOptions): Promise<Client> {
  const client = await connect(config, 'query', queryTimeoutMs === 0 ? 0 : queryTimeoutMs + REPORT_MS);
  try {
    const settings = [sessionSettings(), `SET statement_timeout = ${queryTimeoutMs}`];
    if (lockTimeoutMs !== undefined) settings.push(`SET lock_timeout = ${lockTimeoutMs}`);
    await client.query(settings.join('; '));
    return client;
  } catch (error) {
    await disconnect(client);
    throw error;
  }
}
