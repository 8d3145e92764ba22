import { type PostgresConfig, parsePostgresConfig } from '../../config/postgres.ts';
import type { SqliteLog } from '../../logs/sqlite/log.ts';
import type { Logger } from '../../observe/logger.ts';
import { runConnectors } from '../../worker.ts';
import type { Stage } from './stage.ts';

/** The demo's connector, in this process. */
export class DemoConnector {
  readonly #config: PostgresConfig;
  readonly #log: SqliteLog;
  readonly #logger: Logger;
  #restart = new AbortController();

  constructor(stage: Stage, log: SqliteLog, logger: Logger) {
    const { config, errors } = parsePostgresConfig(stage.connector);
    if (config === null) throw new Error(errors.map(({ key, message }) => `${key} ${message}`).join('\n'));
    this.#config = config;
    this.#log = log;
    this.#logger = logger;
  }

  /** Until the signal aborts; the append in flight is finished and acked. */
  async run(signal: AbortSignal): Promise<void> {
    do {
      this.#restart = new AbortController();
      await runConnectors([this.#config], {
        logger: this.#logger,
        signal: AbortSignal.any([signal, this.#restart.signal]),
        logs: new Map([[this.#log.path, this.#log]]),
      });
    } while (!signal.aborted);
  }

  /** Ends it in order and starts it again, which then goes on at its stored offset. */
  restart(): void {
    this.#restart.abort();
  }
}
