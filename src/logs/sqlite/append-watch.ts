import type Database from 'better-sqlite3';

/** Delay of a follower behind an append of another process. A poll asks shared memory and takes some 5 µs. */
const POLL_MS = 8;

/** Tells followers that the log may have more records: at once for appends of this process, by one poll for all of them otherwise. */
export class AppendWatch {
  readonly #dataVersion: Database.Statement<[], number>;
  readonly #waiting = new Set<() => void>();
  #appends = 0;
  #seen = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(db: Database.Database) {
    this.#dataVersion = db.prepare<[], number>('PRAGMA data_version').pluck();
  }

  /** Take it before looking for records: {@link changed} then misses no append in between. */
  version(): number {
    // The data version is of 32 bits and counts the commits of other connections only.
    return this.#appends * 2 ** 32 + this.#dataVersion.get()!;
  }

  /** Settles when the version is another than `since`, when the signal aborts, and when the log is closed. */
  changed(since: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true || this.version() !== since) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal?.removeEventListener('abort', done);
        if (this.#waiting.size === 0) this.#stop();
        resolve();
      };
      signal?.addEventListener('abort', done, { once: true });
      this.#waiting.add(done);
      if (this.#timer === null) {
        this.#seen = since;
        this.#timer = setInterval(() => this.#poll(), POLL_MS);
      }
    });
  }

  /** After an append of this process. */
  notify(): void {
    this.#appends++;
    this.#wakeAll();
  }

  close(): void {
    this.#wakeAll();
  }

  #poll(): void {
    if (this.version() !== this.#seen) this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
