import type { Client } from 'pg';
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

/** An ordinary connection, opened when needed and again when it died. */
export class Session {
  readonly #options: SessionOptions;
  #client: Promise<Client> | null = null;
  /** Queries one after another: pg would queue them, too, but warns. */
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Runs `work` on the connection; `doing` completes "cannot ..." in errors. Rejects once the session was closed. */
  run<T>(doing: string, work: (client: Client) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#attempt(doing, work));
    this.#last = result.catch(() => {});
    return result;
  }

  /** For good, and at once: what runs is cut off, and what waits its turn is not begun. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#disconnect();
  }

  async #attempt<T>(doing: string, work: (client: Client) => Promise<T>): Promise<T> {
    const context = errorContext(this.#options.config, doing);
    if (this.#isClosed) throw postgresError(new Error('the session was closed'), context);
    const isFresh = this.#client === null;
    this.#client ??= this.#open();
    try {
      return await work(await this.#client);
    } catch (cause) {
      const error = postgresError(cause, context);
      if (isServerError(cause) && error.code !== 'source.connection_lost') throw error;
      await this.#disconnect();
      // A server restart or an idle timeout in between: the statement never ran or was read-only.
      if (isFresh || this.#isClosed || error.code !== 'source.connection_lost') throw error;
      return this.#attempt(doing, work);
    }
  }

  async #open(): Promise<Client> {
    const { config, queryTimeoutMs, lockTimeoutMs } = this.#options;
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

  async #disconnect(): Promise<void> {
    const opening = this.#client;
    this.#client = null;
    const client = await opening?.catch(() => null);
    if (client != null) await disconnect(client);
  }
}
