import type { TailraceError } from '../model/errors.ts';

/** What a source knows of its connections. */
export interface SessionDriver<Client> {
  open(): Promise<Client>;
  /** Does not reject. */
  close(client: Client): Promise<void>;
  /** `doing` completes "cannot ...". */
  explain(cause: unknown, doing: string): TailraceError;
  /** The server has said so itself, over a connection that is sound. */
  isAnswer(cause: unknown): boolean;
}

/** An ordinary connection, opened when needed and again when it died. */
export class ReopenedSession<Client> {
  readonly #driver: SessionDriver<Client>;
  #client: Promise<Client> | null = null;
  /** Work one after another: what belongs together on the connection stays together. */
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(driver: SessionDriver<Client>) {
    this.#driver = driver;
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
    const driver = this.#driver;
    if (this.#isClosed) throw driver.explain(new Error('the session was closed'), doing);
    const isFresh = this.#client === null;
    this.#client ??= driver.open();
    try {
      return await work(await this.#client);
    } catch (cause) {
      const error = driver.explain(cause, doing);
      if (driver.isAnswer(cause) && error.code !== 'source.connection_lost') throw error;
      await this.#disconnect();
      // A server restart or an idle timeout in between: the statement never ran or was read-only.
      if (isFresh || this.#isClosed || error.code !== 'source.connection_lost') throw error;
      return this.#attempt(doing, work);
    }
  }

  async #disconnect(): Promise<void> {
    const opening = this.#client;
    this.#client = null;
    const client = await opening?.catch(() => null);
    if (client != null) await this.#driver.close(client);
  }
}
