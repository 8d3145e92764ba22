import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteLog, type SqliteLog } from '../../src/logs/sqlite/log.ts';
import { TailraceError } from '../../src/model/errors.ts';
import {
  type CrashLog,
  type LogPosition,
  type LogServer,
  NO_POSITION,
  NO_REPETITIONS,
  positionOf,
  type WrittenLog,
} from './crash-log.ts';

/** The embedded log has no server, and nothing befalls it but the end of its writer. */
export function sqliteLogs(): LogServer {
  return {
    faults: [],
    createLog: async ({ dir }) => new SqliteCrashLog(join(dir, 'crash.db')),
    [Symbol.asyncDispose]: async () => {},
  };
}

class SqliteCrashLog implements CrashLog {
  readonly workerFiles = [];
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  get config(): Readonly<Record<string, string>> {
    return { 'tailrace.log.path': this.#path };
  }

  /** Looks through a connection of its own, which does not stay open: a killed writer's WAL is then found by the next start. */
  async position(): Promise<LogPosition> {
    let log: SqliteLog;
    try {
      log = openSqliteLog({ path: this.#path, readonly: true });
    } catch (error) {
      // Before the first start has made the file and its tables.
      if (error instanceof TailraceError && error.code === 'log.open') return NO_POSITION;
      throw error;
    }
    try {
      const [stored] = await log.offsets.list();
      return stored === undefined ? NO_POSITION : positionOf(stored.offset);
    } finally {
      await log.close();
    }
  }

  /** Of the file and its WAL. */
  describe(): string {
    const size = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    return `log ${((size(this.#path) + size(`${this.#path}-wal`)) / 2 ** 20).toFixed(1)} MB`;
  }

  async strike(fault: string): Promise<void> {
    throw new Error(`the embedded log has no ${fault}`);
  }

  async open(): Promise<WrittenLog | null> {
    if (!existsSync(this.#path)) return null;
    const log = openSqliteLog({ path: this.#path, readonly: true });
    const infos = await log.topics();
    return {
      topics: new Map(infos.map(({ topic, partitions }) => [topic, partitions.length])),
      read: (topic, partition) => log.read({ topic, partition, from: 0 }),
      repetitions: NO_REPETITIONS,
      [Symbol.asyncDispose]: () => log.close(),
    };
  }

  /** Its file goes with the folder of the round. */
  async drop(): Promise<void> {}
}
