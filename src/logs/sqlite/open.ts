import { type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import Database from 'better-sqlite3';
import { TailraceError } from '../../model/errors.ts';
import { corrupt, guarded, notDatabase } from './log-error.ts';

/** `PRAGMA application_id`: "tlrc". */
const APPLICATION_ID = 0x746c7263;

/** `PRAGMA user_version`: the version of the file format (FORMAT.md). */
const FORMAT_VERSION = 2;

/** A batch's id is `partition id << OFFSET_BITS | base offset`: 11 years at 100,000 records/s, for 262,143 partitions. */
export const OFFSET_BITS = 45;
export const MAX_PARTITIONS = 2 ** (63 - OFFSET_BITS) - 1;

/** How long one process waits for another's write transaction (a sink committing its log offsets takes milliseconds). */
const BUSY_TIMEOUT_MS = 10_000;

const SCHEMA: readonly string[] = [
  'CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL, kept INTEGER NOT NULL, crc INTEGER NOT NULL)',
  'CREATE TABLE topic_partition (id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, start_offset INTEGER NOT NULL, start_bytes INTEGER NOT NULL, crc INTEGER NOT NULL)',
  'CREATE TABLE batch (id INTEGER PRIMARY KEY, count INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL, end_bytes INTEGER NOT NULL, codec INTEGER NOT NULL, raw_bytes INTEGER NOT NULL, crc INTEGER NOT NULL, head BLOB NOT NULL, body BLOB NOT NULL)',
  'CREATE TABLE source_offset (key TEXT PRIMARY KEY, value TEXT, updated_ms INTEGER NOT NULL, total_records INTEGER NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID',
  'CREATE TABLE task (connector TEXT PRIMARY KEY, epoch INTEGER NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID',
  'CREATE TABLE snapshot_batch (connector TEXT NOT NULL, partition_id INTEGER NOT NULL, base_offset INTEGER NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (connector, partition_id, base_offset)) WITHOUT ROWID',
  'CREATE TABLE group_offset (group_name TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL, updated_ms INTEGER NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (group_name, topic, partition)) WITHOUT ROWID',
  'CREATE TABLE writer (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL, since_ms INTEGER NOT NULL)',
];

const SMALL_TABLES = ['topic', 'topic_partition', 'source_offset', 'task', 'snapshot_batch', 'group_offset'];

/** The check sum of a row of the small tables: a flipped bit there would rename a topic or move an offset. */
export function rowCrc(...fields: readonly (string | number | null)[]): number {
  return crc32(JSON.stringify(fields));
}

/** Throws unless `path` can be the log of a writer: absent, empty, or ours. Changes nothing, and so comes before the lock. */
export function checkWritable(path: string): void {
  const stats = statOf(path);
  if (stats === undefined) {
    const folder = dirname(path);
    if (statOf(folder)?.isDirectory() === true) return;
    throw new TailraceError('log.open', `Cannot create ${path}: there is no folder ${folder}.`, {
      remedy: 'Create the folder, or change the path of the log.',
    });
  }
  if (!stats.isFile()) {
    throw new TailraceError('log.open', `Cannot open ${path}: it is not a file.`, {
      remedy: 'Give the path of the log file itself; it is created when it does not exist.',
    });
  }
  checkSize(path, stats.size);
  guarded(path, 'opening it', () => {
    const db = new Database(path, { readonly: true, timeout: BUSY_TIMEOUT_MS });
    try {
      checkIdentity(db, path);
    } finally {
      db.close();
    }
  });
}

/** Undefined: there is nothing at the path. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new TailraceError('log.open', `Cannot open ${path}: ${(error as Error).message}.`, {
      remedy: 'Check that this user may enter the folders on the way, and that symbolic links lead to a file.',
      cause: error,
    });
  }
}

/** A connection that may write; the caller holds the writer's lock, or writes group offsets only. Creates the schema in a new file. */
export function connectWriter(path: string): Database.Database {
  return guarded(path, 'opening it', () => {
    const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
    return closedOnError(db, () => {
      const isNew = !checkIdentity(db, path);
      if (isNew) {
        // Both must come before the first page. 16 KiB: measured a third less CPU than 4 KiB for batches of 50 KB.
        db.pragma('page_size = 16384');
        db.pragma('auto_vacuum = INCREMENTAL');
      }
      db.pragma('journal_mode = WAL');
      // Fsync at every commit: this build's default in WAL mode is NORMAL, which may lose commits in a power cut.
      db.pragma('synchronous = FULL');
      configure(db);
      // A WAL that grew under a long reader is cut back to 64 MiB at the next checkpoint.
      db.pragma(`journal_size_limit = ${64 * 1024 * 1024}`);
      if (isNew) createSchema(db);
      checkSchema(db, path);
    });
  });
}

/** A connection that only reads. Throws `log.open` where there is no log. */
export function connectReader(path: string): Database.Database {
  const stats = statOf(path);
  if (stats?.isFile() !== true) throw noLog(path);
  checkSize(path, stats.size);
  return guarded(path, 'opening it', () => {
    const db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    return closedOnError(db, () => {
      if (!checkIdentity(db, path)) throw noLog(path);
      configure(db);
      checkSchema(db, path);
    });
  });
}

function configure(db: Database.Database): void {
  // Appends touch few pages again; 4 MiB measured the same as the default 16 MiB.
  db.pragma('cache_size = -4096');
  // Damaged b-tree pages fail when they are loaded instead of giving other cells.
  db.pragma('cell_size_check = ON');
}

function closedOnError(db: Database.Database, work: () => void): Database.Database {
  try {
    work();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** SQLite takes a file that is shorter than its smallest page, 512 bytes, for an empty one, and would write over it. */
function checkSize(path: string, bytes: number): void {
  if (bytes > 0 && bytes < 512) throw notDatabase(path);
}

/** False for a file with nothing in it yet. */
function checkIdentity(db: Database.Database, path: string): boolean {
  // In one transaction: a writer may be creating the file at this moment.
  const { applicationId, version, hasSchema } = db.transaction(() => ({
    applicationId: db.pragma('application_id', { simple: true }),
    version: db.pragma('user_version', { simple: true }) as number,
    hasSchema: db.prepare('SELECT 1 FROM sqlite_schema').get() !== undefined,
  }))();
  if (applicationId === 0 && version === 0 && !hasSchema) return false;
  if (applicationId !== APPLICATION_ID) {
    throw new TailraceError('log.corrupt', `${path} is not a tailrace log: it is another program's SQLite database.`, {
      remedy: 'Give the log a path of its own.',
    });
  }
  if (version !== FORMAT_VERSION) {
    throw new TailraceError(
      'log.corrupt',
      `${path} has log format ${version}, this tailrace reads format ${FORMAT_VERSION}.`,
      { remedy: 'Use the tailrace version that wrote it, or a newer one.' },
    );
  }
  return true;
}

function createSchema(db: Database.Database): void {
  db.transaction(() => {
    for (const statement of SCHEMA) db.exec(statement);
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${FORMAT_VERSION}`);
  }).immediate();
}

/**
 * The schema is text in the file like everything else: it must be the one we wrote. The pages of the small tables are checked
 * as a whole, since a damaged page header may hide rows; batches show it by a gap, or by their total.
 */
function checkSchema(db: Database.Database, path: string): void {
  const found = db
    .prepare<[], string>('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid')
    .pluck()
    .all();
  if (found.length !== SCHEMA.length || found.some((sql, i) => sql !== SCHEMA[i])) {
    throw corrupt(path, 'its tables are not those of a log');
  }
  for (const table of SMALL_TABLES) {
    const result = db.pragma(`quick_check(${table})`, { simple: true }) as string;
    // Its first line names the database, each further one a fault.
    if (result !== 'ok') throw corrupt(path, `table ${table}: ${result.split('\n').slice(1).join('; ') || result}`);
  }
}

function noLog(path: string): TailraceError {
  return new TailraceError('log.open', `There is no log at ${path}.`, {
    remedy: 'Check the path; `tailrace run` or `tailrace bootstrap` creates the log.',
  });
}
