import { setImmediate as nextTurn } from 'node:timers/promises';
import type Database from 'better-sqlite3';
import type { Append, OffsetStore, ReadRequest, TopicInfo, TopicLog } from '../../model/log.ts';
import type { LogRecord } from '../../model/record.ts';
import { AppendWatch } from './append-watch.ts';
import { Appender } from './appender.ts';
import type { Codec } from './batch-codec.ts';
import { checkGroupOffsets, type GroupOffset, readGroupOffsets, readGroups, writeGroupOffsets } from './groups.ts';
import { guarded } from './log-error.ts';
import { realLogPath } from './log-path.ts';
import { checkWritable, connectReader, connectWriter } from './open.ts';
import { BatchReader } from './reader.ts';
import type { RetentionPolicy } from './retention.ts';
import { readonlyLog, SourceOffsets } from './source-offsets.ts';
import { partitionOf, Topics } from './topics.ts';
import { WriterLock, writeWriter } from './writer-lock.ts';

export interface SqliteLogOptions {
  /**
   * The log's file, or a symbolic link to it; `-wal`, `-shm` and `-lock` files stand beside the file. Not on a network
   * filesystem: its locks are not safe there.
   */
  readonly path: string;
  /** Reads topics, and may commit log offsets of groups; any number of processes may, beside the one writer. */
  readonly readonly?: boolean;
  /** Partitions of a topic that is created; 1 by default. */
  readonly partitions?: number | ((topic: string) => number);
  /** What to keep of each partition; everything by default. */
  readonly retention?: RetentionPolicy;
  /** zstd by default. */
  readonly compression?: Codec;
  /** Milliseconds since 1970 UTC. */
  readonly clock?: () => number;
}

/** The embedded log: topics, source offsets and consumer groups in one SQLite file (FORMAT.md). */
export interface SqliteLog extends TopicLog {
  /** A writer's is that of the file itself. */
  readonly path: string;
  partitionsOf(topic: string): number;
  /** Stores, durably and all or none, where a group goes on reading. */
  commitLogOffsets(group: string, offsets: readonly GroupOffset[]): Promise<void>;
  committedLogOffsets(group: string): Promise<readonly GroupOffset[]>;
  groups(): Promise<readonly string[]>;
}

/**
 * Opens a log, creating it for a writer. Throws `log.locked` while another process writes to it, `log.corrupt` for a file that
 * is damaged, newer or not ours, `log.open` where it cannot be opened, `log.full` on a full disk.
 */
export function openSqliteLog(options: SqliteLogOptions): SqliteLog {
  if (options.readonly === true) return closingOnError(connectReader(options.path), null, options);
  const path = realLogPath(options.path);
  checkWritable(path);
  const lock = WriterLock.acquire(path);
  try {
    return closingOnError(connectWriter(path), lock, { ...options, path });
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

function closingOnError(db: Database.Database, lock: WriterLock | null, options: SqliteLogOptions): SqliteLog {
  try {
    return guarded(options.path, 'opening it', () => new SqliteTopicLog(db, lock, options));
  } catch (error) {
    db.close();
    throw error;
  }
}

class SqliteTopicLog implements SqliteLog {
  readonly guarantee = 'exactly-once';
  readonly path: string;
  readonly offsets: OffsetStore;
  readonly #db: Database.Database;
  readonly #lock: WriterLock | null;
  readonly #clock: () => number;
  readonly #watch: AppendWatch;
  readonly #topics: Topics;
  /** Null: opened for reading. */
  readonly #appender: Appender | null;
  readonly #reader: BatchReader;
  /** A reader's own connection for committing log offsets, made when first needed. */
  #groupDb: Database.Database | null = null;

  constructor(db: Database.Database, lock: WriterLock | null, options: SqliteLogOptions) {
    const { path, partitions = 1, compression = 'zstd', retention = {}, clock = Date.now } = options;
    this.path = path;
    this.#db = db;
    this.#lock = lock;
    this.#clock = clock;
    this.#watch = new AppendWatch(db);
    this.#topics = new Topics(db, {
      path,
      partitions: lock === null ? null : typeof partitions === 'number' ? () => partitions : partitions,
      version: () => this.#watch.version(),
    });
    checkGroupOffsets(db, path);
    this.#reader = new BatchReader(db, path);
    const totalRecords = () => this.#topics.state.totalRecords;
    const offsets = new SourceOffsets(db, { path, canWrite: lock !== null, clock, totalRecords });
    this.offsets = offsets;
    this.#appender =
      lock === null
        ? null
        : new Appender(db, { topics: this.#topics, offsets }, { path, compression, retention, clock });
    if (lock !== null) writeWriter(db, clock());
  }

  get name(): string {
    return this.path;
  }

  async fence(connector: string): Promise<number> {
    return this.#writer().fence(connector);
  }

  partitionsOf(topic: string): number {
    return this.#topics.obtain(topic).partitions.length;
  }

  /**
   * The work is done when it returns, and the promise settled already, but where a large snapshot is to be withdrawn: that
   * takes seconds, which others have a share in.
   */
  async append(append: Append): Promise<void> {
    const appender = this.#writer();
    if (append.snapshot === 'begin') while (appender.withdrawSome(append)) await nextTurn();
    appender.append(append);
    this.#watch.notify();
  }

  async topics(): Promise<readonly TopicInfo[]> {
    return [...this.#topics.state.topics.values()].map(({ name, partitions }) => ({
      topic: name,
      partitions: partitions.map(({ partition, startOffset, endOffset, startBytes, endBytes }) => ({
        partition,
        startOffset,
        endOffset,
        records: endOffset - startOffset,
        sizeBytes: endBytes - startBytes,
      })),
    }));
  }

  async *read(request: ReadRequest, signal?: AbortSignal): AsyncGenerator<LogRecord> {
    for await (const records of this.readBatches(request, signal)) {
      for (const record of records) {
        if (signal?.aborted === true) return;
        yield record;
      }
    }
  }

  async *readBatches(request: ReadRequest, signal?: AbortSignal): AsyncGenerator<readonly LogRecord[]> {
    const { topic, partition, from } = request;
    const state = partitionOf(this.#topics.existing(topic), partition);
    const position = { topic, partition, partitionId: state.id, from, endOffset: state.endOffset };
    yield* this.#reader.read(position, request.follow === true, this.#watch, signal);
  }

  async commitLogOffsets(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    guarded(this.path, `committing log offsets of group ${group}`, () => {
      if (this.#lock === null) this.#groupDb ??= connectWriter(this.path);
      writeGroupOffsets(this.#groupDb ?? this.#db, group, offsets, this.#clock());
    });
  }

  async committedLogOffsets(group: string): Promise<readonly GroupOffset[]> {
    return guarded(this.path, `reading log offsets of group ${group}`, () =>
      readGroupOffsets(this.#db, this.path, group),
    );
  }

  async groups(): Promise<readonly string[]> {
    return guarded(this.path, 'reading its groups', () => readGroups(this.#db));
  }

  async close(): Promise<void> {
    if (!this.#db.open) return;
    this.#groupDb?.close();
    this.#db.close();
    this.#lock?.[Symbol.dispose]();
    this.#watch.close();
  }

  #writer(): Appender {
    if (this.#appender === null) throw readonlyLog(this.path);
    return this.#appender;
  }
}
