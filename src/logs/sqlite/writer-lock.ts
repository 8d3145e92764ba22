import { hostname } from 'node:os';
import Database from 'better-sqlite3';
import { TailraceError } from '../../model/errors.ts';
import { toLogError } from './log-error.ts';

/** Who writes to a log, as kept in its `writer` table for messages; the lock itself is {@link WriterLock}. */
export interface Writer {
  readonly pid: number;
  readonly host: string;
}

/**
 * The right to append, held by one process at a time. It is the operating system's lock on `<path>-lock`, a file without
 * content: SQLite's RESERVED lock of a transaction that never writes. It goes with the process, however that ends, so
 * there is no stale lock to clear; and the file must stay, since removing it would let two processes lock two files.
 */
export class WriterLock implements Disposable {
  readonly #db: Database.Database;

  private constructor(db: Database.Database) {
    this.#db = db;
  }

  /** `path` without symbolic links. Throws `log.locked` naming the holder, `log.open` where the lock file cannot be made. */
  static acquire(path: string): WriterLock {
    let db: Database.Database | null = null;
    try {
      db = new Database(`${path}-lock`, { timeout: 0 });
      db.pragma('journal_mode = MEMORY');
      db.exec('BEGIN IMMEDIATE');
      return new WriterLock(db);
    } catch (error) {
      db?.close();
      if (!(error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY'))) {
        throw toLogError(error, path, 'locking it');
      }
      const holder = readWriter(path);
      const who = holder === null ? 'another process' : `process ${holder.pid} on ${holder.host}`;
      throw new TailraceError('log.locked', `${path} is being written by ${who}.`, {
        remedy: `One process writes to a log: stop ${holder === null ? 'it' : `process ${holder.pid}`}, or give this one a log file of its own.`,
        cause: error,
      });
    }
  }

  [Symbol.dispose](): void {
    if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
    this.#db.close();
  }
}

/** Leaves this process's name for those who find the log locked. */
export function writeWriter(db: Database.Database, nowMs: number): void {
  db.prepare('INSERT OR REPLACE INTO writer (id, pid, host, since_ms) VALUES (1, ?, ?, ?)').run(
    process.pid,
    hostname(),
    nowMs,
  );
}

function readWriter(path: string): Writer | null {
  try {
    const db = new Database(path, { readonly: true, fileMustExist: true });
    try {
      return db.prepare<[], Writer>('SELECT pid, host FROM writer').get() ?? null;
    } finally {
      db.close();
    }
  } catch {
    return null; // the holder is creating the file right now: only its name is missing from the message
  }
}
