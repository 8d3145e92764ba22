import type { MysqlConfig } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import type { Logger } from '../../observe/logger.ts';
import type { ConnectionConfig } from './connection.ts';
import { Session } from './session.ts';

export type HeartbeatConfig = ConnectionConfig &
  Pick<MysqlConfig, 'heartbeat.interval.ms' | 'heartbeat.action.query' | 'database.query.timeout.ms'>;

/**
 * Beats at its interval, and runs the action query, if there is one, on a session of its own: it writes, so it may have to
 * wait for others, and nothing of ours may wait for it. A query that takes longer than the interval skips beats of itself.
 */
export class Heartbeat {
  readonly #session: Session;
  readonly #config: HeartbeatConfig;
  readonly #logger: Pick<Logger, 'warn'>;
  #timer: NodeJS.Timeout | null = null;
  #isActing = false;

  constructor(config: HeartbeatConfig, logger: Pick<Logger, 'warn'>) {
    this.#config = config;
    this.#logger = logger;
    this.#session = new Session({ config, queryTimeoutMs: config['database.query.timeout.ms'] });
  }

  start(onBeat: () => void): void {
    const { 'heartbeat.interval.ms': intervalMs, 'heartbeat.action.query': query } = this.#config;
    if (intervalMs === 0) return;
    // A stream may follow another.
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      onBeat();
      if (query !== null && !this.#isActing) void this.#act(query);
    }, intervalMs);
  }

  /** Does not wait for a query that runs: it is cut off. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#session.close();
  }

  async #act(query: string): Promise<void> {
    this.#isActing = true;
    try {
      await this.#session.run('run heartbeat.action.query', (client) => client.query(query));
    } catch (error) {
      if (!(error instanceof TailraceError)) throw error;
      if (this.#timer !== null) this.#logger.warn({ code: error.code }, error.message);
    } finally {
      this.#isActing = false;
    }
  }
}
