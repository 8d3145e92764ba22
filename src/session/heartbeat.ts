import { TailraceError } from '../model/errors.ts';
import type { Logger } from '../observe/logger.ts';
import type { ReopenedSession } from './reopened-session.ts';

export interface HeartbeatOptions {
  /** Milliseconds; 0: it never beats. */
  readonly intervalMs: number;
  /** SQL that each beat runs. */
  readonly actionQuery: string | null;
  /** Its own: the query writes, so it may have to wait for others, and nothing of ours may wait for it. */
  readonly session: Pick<ReopenedSession<{ query(sql: string): Promise<unknown> }>, 'run' | 'close'>;
  readonly logger: Pick<Logger, 'warn'>;
}

/** Beats at its interval, and runs the action query, if there is one. One that takes longer than the interval skips beats of itself. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | null = null;
  #isActing = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  start(onBeat: () => void): void {
    const { intervalMs, actionQuery } = this.#options;
    if (intervalMs === 0) return;
    // A stream may follow another.
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      onBeat();
      if (actionQuery !== null && !this.#isActing) void this.#act(actionQuery);
    }, intervalMs);
  }

  /** Does not wait for a query that runs: it is cut off. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#options.session.close();
  }

  async #act(query: string): Promise<void> {
    const { session, logger } = this.#options;
    this.#isActing = true;
    try {
      await session.run('run heartbeat.action.query', (client) => client.query(query));
    } catch (error) {
      if (!(error instanceof TailraceError)) throw error;
      if (this.#timer !== null) logger.warn({ code: error.code }, error.message);
    } finally {
      this.#isActing = false;
    }
  }
}
