import type Database from 'better-sqlite3';
import { TailraceError } from '../../model/errors.ts';
import type { OffsetStore, SourceOffset, SourcePartition, StoredOffset } from '../../model/log.ts';
import { formatOffsetKey, parseOffsetKey } from '../offset-key.ts';
import { corrupt, guarded } from './log-error.ts';
import { rowCrc } from './open.ts';

interface OffsetRow {
  readonly key: string;
  /** Null: removed. The row stays, since it may be the one that knows how many records the log has. */
  readonly value: string | null;
  readonly updatedMs: number;
  readonly totalRecords: number;
  readonly crc: number;
}

const COLUMNS = 'key, value, updated_ms AS updatedMs, total_records AS totalRecords, crc';

/** Source offsets as Connect writes them: JSON texts of key and value. */
export class SourceOffsets implements OffsetStore {
  readonly #db: Database.Database;
  readonly #path: string;
  readonly #canWrite: boolean;
  readonly #clock: () => number;
  readonly #totalRecords: () => number;
  readonly #upsert: Database.Statement<[string, string | null, number, number, number]>;

  constructor(
    db: Database.Database,
    options: { path: string; canWrite: boolean; clock: () => number; totalRecords: () => number },
  ) {
    this.#db = db;
    this.#path = options.path;
    this.#canWrite = options.canWrite;
    this.#clock = options.clock;
    this.#totalRecords = options.totalRecords;
    this.#upsert = db.prepare(
      'INSERT INTO source_offset (key, value, updated_ms, total_records, crc) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_ms = excluded.updated_ms, total_records = excluded.total_records, crc = excluded.crc',
    );
    // A damaged key would hide its offset, and the task would start from nothing.
    this.#readAll();
  }

  async get(connector: string, partition: SourcePartition): Promise<SourceOffset | null> {
    return guarded(this.#path, 'reading source offsets', () => {
      const key = formatOffsetKey(connector, partition);
      const row = this.#db.prepare<[string], OffsetRow>(`SELECT ${COLUMNS} FROM source_offset WHERE key = ?`).get(key);
      return row === undefined ? null : this.#parse(row);
    });
  }

  async list(): Promise<readonly StoredOffset[]> {
    return guarded(this.#path, 'reading source offsets', () => this.#readAll());
  }

  async set(connector: string, partition: SourcePartition, offset: SourceOffset | null): Promise<void> {
    if (!this.#canWrite) throw readonlyLog(this.#path);
    guarded(this.#path, 'storing a source offset', () =>
      this.write(formatOffsetKey(connector, partition), offset, this.#totalRecords()),
    );
  }

  /** Within the caller's transaction, if there is one. */
  write(key: string, offset: SourceOffset | null, totalRecords: number): void {
    const value = offset === null ? null : JSON.stringify(offset);
    const updatedMs = this.#clock();
    this.#upsert.run(key, value, updatedMs, totalRecords, rowCrc(key, value, updatedMs, totalRecords));
  }

  #readAll(): StoredOffset[] {
    const rows = this.#db.prepare<[], OffsetRow>(`SELECT ${COLUMNS} FROM source_offset ORDER BY key`).all();
    return rows.flatMap((row) => {
      const offset = this.#parse(row);
      if (offset === null) return [];
      const key = parseOffsetKey(row.key);
      if (key === null) throw corrupt(this.#path, 'a source offset has a key that is none');
      return [{ ...key, offset, updatedMs: row.updatedMs }];
    });
  }

  #parse(row: OffsetRow): SourceOffset | null {
    if (row.crc !== rowCrc(row.key, row.value, row.updatedMs, row.totalRecords)) {
      throw corrupt(this.#path, 'a source offset fails its check sum');
    }
    return row.value === null ? null : (JSON.parse(row.value) as SourceOffset);
  }
}

export function readonlyLog(path: string): TailraceError {
  return new TailraceError('log.write', `${path} was opened for reading only.`, {
    remedy: 'This is a bug: a command that writes must open the log as its writer.',
  });
}
