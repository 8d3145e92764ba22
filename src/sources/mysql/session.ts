import type { Connection } from 'mysql2/promise';
import { type ConnectionConfig, connect, disconnect, errorContext, familyOf } from './connection.ts';
import { isServerError, mysqlError } from './mysql-error.ts';

/** What the server takes to report that a statement timed out: we wait this much longer than it does. */
const REPORT_MS = 5_000;

export interface SessionOptions {
  readonly config: ConnectionConfig;
  /** Longest time of a query in milliseconds; 0: no limit. */
  readonly queryTimeoutMs: number;
}

/** An ordinary connection, opened when needed and again when it died. */
export class Session {
  readonly #options: SessionOptions;
  #client: Promise<Connection> | null = null;
  /** Work one after another: what belongs together on the connection stays together. */
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Runs `work` on the connection; `doing` completes "cannot ..." in errors. Rejects once the session was closed. */
  run<T>(doing: string, work: (client: Connection) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#attempt(doing, work));
    this.#last = result.catch(() => {});
    return result;
  }

  /** For good, and at once: what runs is cut off, and what waits its turn is not begun. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#disconnect();
  }

  async #attempt<T>(doing: string, work: (client: Connection) => Promise<T>): Promise<T> {
    const context = errorContext(this.#options.config, doing);
    if (this.#isClosed) throw mysqlError(new Error('the session was closed'), context);
    const isFresh = this.#client === null;
    this.#client ??= this.#open();
    try {
      return await work(await this.#client);
    } catch (cause) {
      const error = mysqlError(cause, context);
      if (isServerError(cause) && error.code !== 'source.connection_lost') throw error;
      await this.#disconnect();
      // A server restart or an idle timeout in between: the statement never ran or was read-only.
      if (isFresh || this.#isClosed || error.code !== 'source.connection_lost') throw error;
      return this.#attempt(doing, work);
    }
  }

  async #open(): Promise<Connection> {
    const { config, queryTimeoutMs } = this.#options;
    const client = await connect(config, queryTimeoutMs === 0 ? 0 : queryTimeoutMs + REPORT_MS);
    try {
      await limitStatements(client, queryTimeoutMs);
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

/** MySQL's limit is for SELECT alone and in milliseconds, MariaDB's for every statement and in seconds; 0 is none. */
export async function limitStatements(client: Connection, milliseconds: number): Promise<void> {
  await client.query(
    familyOf(client) === 'mysql'
      ? `SET SESSION max_execution_time = ${milliseconds}`
      : `SET SESSION max_statement_time = ${milliseconds / 1000}`,
  );
}
