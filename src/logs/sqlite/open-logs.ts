import type { TailraceConfig } from '../../config/worker.ts';
import { openSqliteLog, type SqliteLog } from './log.ts';
import { realLogPath } from './log-path.ts';

type LogConfig = Pick<
  TailraceConfig,
  'tailrace.log.path' | 'tailrace.log.partitions' | 'tailrace.log.retention.bytes' | 'tailrace.log.retention.ms'
>;

/** Logs by the file that their paths lead to: connectors of one process may share one. Those that were given stay open. */
export class OpenLogs {
  readonly #given: ReadonlyMap<string, SqliteLog>;
  readonly #opened = new Map<string, SqliteLog>();

  constructor(given: ReadonlyMap<string, SqliteLog>) {
    this.#given = new Map([...given].map(([path, log]) => [realLogPath(path), log]));
  }

  open(config: LogConfig): SqliteLog {
    const path = realLogPath(config['tailrace.log.path']);
    let log = this.#given.get(path) ?? this.#opened.get(path);
    if (log === undefined) {
      const bytes = config['tailrace.log.retention.bytes'];
      const ms = config['tailrace.log.retention.ms'];
      log = openSqliteLog({
        path,
        partitions: config['tailrace.log.partitions'],
        retention: { ...(bytes === -1 ? {} : { bytes }), ...(ms === -1 ? {} : { ms }) },
      });
      this.#opened.set(path, log);
    }
    return log;
  }

  async close(): Promise<void> {
    for (const log of this.#opened.values()) await log.close();
  }
}
