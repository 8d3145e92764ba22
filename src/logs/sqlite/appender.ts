import type Database from 'better-sqlite3';
import { TailraceError } from '../../model/errors.ts';
import type { Append } from '../../model/log.ts';
import { type EncodedRecords, INDEX_STRIDE } from '../../model/record.ts';
import { formatOffsetKey } from '../offset-key.ts';
import { ZstdCompressor } from '../zstd-compressor.ts';
import { batchCrc, type Codec, encodeBatch, type StoredBatch } from './batch-codec.ts';
import { corrupt, guarded } from './log-error.ts';
import { rowCrc } from './open.ts';
import { Retention, type RetentionPolicy } from './retention.ts';
import { SnapshotRuns } from './snapshot-runs.ts';
import type { SourceOffsets } from './source-offsets.ts';
import { BATCH_ID, type PartitionState, type TopicState } from './topic-table.ts';
import { partitionOf, type Topics } from './topics.ts';

/** A batch that is ready to be inserted. */
interface PlannedBatch {
  readonly topic: TopicState;
  readonly state: PartitionState;
  readonly baseOffset: number;
  readonly count: number;
  readonly endBytes: number;
  readonly stored: StoredBatch;
  /** Of a topic that is kept: what comes before this log offset is not needed any more; null: the batch does not say. */
  readonly neededFrom: number | null;
}

/** The writing side: one transaction an append, with records, source offset, epoch check and a little retention. */
export class Appender {
  readonly #db: Database.Database;
  readonly #path: string;
  readonly #compressor: ZstdCompressor | null;
  readonly #clock: () => number;
  readonly #topics: Topics;
  readonly #offsets: SourceOffsets;
  readonly #retention: Retention;
  readonly #snapshots: SnapshotRuns;
  readonly #selectEpoch: Database.Statement<[string], { epoch: number; crc: number }>;
  readonly #insertBatch: Database.Statement;
  readonly #commit: Database.Transaction<(append: Append, planned: readonly PlannedBatch[]) => void>;

  constructor(
    db: Database.Database,
    parts: { topics: Topics; offsets: SourceOffsets },
    options: { path: string; compression: Codec; retention: RetentionPolicy; clock: () => number },
  ) {
    this.#db = db;
    this.#path = options.path;
    this.#compressor = options.compression === 'zstd' ? new ZstdCompressor() : null;
    this.#clock = options.clock;
    this.#topics = parts.topics;
    this.#offsets = parts.offsets;
    this.#retention = new Retention(db, options.retention);
    this.#snapshots = new SnapshotRuns(db, options.path);
    this.#selectEpoch = db.prepare('SELECT epoch, crc FROM task WHERE connector = ?');
    this.#insertBatch = db.prepare(
      `INSERT INTO batch (id, count, timestamp_ms, end_bytes, codec, raw_bytes, crc, head, body) VALUES (${BATCH_ID}, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#commit = db.transaction((append: Append, planned: readonly PlannedBatch[]) => this.#write(append, planned));
  }

  fence(connector: string): number {
    return guarded(this.#path, `starting the task of ${connector}`, () =>
      this.#db
        .transaction(() => {
          const epoch = (this.#epochOf(connector) ?? 0) + 1;
          this.#db
            .prepare('INSERT OR REPLACE INTO task (connector, epoch, crc) VALUES (?, ?, ?)')
            .run(connector, epoch, rowCrc(connector, epoch));
          return epoch;
        })
        .immediate(),
    );
  }

  append(append: Append): void {
    guarded(this.#path, 'appending', () => {
      this.#retention.giveBackSome();
      // Compressed before the transaction begins, so that it is short for the others that write.
      const planned = this.#plan(append);
      try {
        this.#commit.immediate(append, planned);
      } catch (error) {
        this.#retention.forget();
        this.#topics.invalidate();
        throw error;
      }
    });
  }

  /** To be called before an append that begins a snapshot, until it says false: bounds the work that the append is left with. */
  withdrawSome({ connector, epoch }: Append): boolean {
    return guarded(this.#path, 'withdrawing an interrupted snapshot', () =>
      this.#db
        .transaction(() => {
          this.#checkEpoch(connector, epoch);
          return this.#snapshots.withdrawSome(connector);
        })
        .immediate(),
    );
  }

  #checkEpoch(connector: string, epoch: number): void {
    const current = this.#epochOf(connector);
    if (current !== epoch) throw fenced(connector, epoch, current);
  }

  #epochOf(connector: string): number | undefined {
    const row = this.#selectEpoch.get(connector);
    if (row === undefined) return undefined;
    if (row.crc !== rowCrc(connector, row.epoch))
      throw corrupt(this.#path, `the epoch of ${connector} fails its check sum`);
    return row.epoch;
  }

  #plan(append: Append): PlannedBatch[] {
    const ends = new Map<PartitionState, { offset: number; bytes: number }>();
    const planned: PlannedBatch[] = [];
    for (const records of append.records) {
      const { count } = records;
      if (count === 0) continue;
      const topic = records.kept === true ? this.#topics.obtainKept(records.topic) : this.#topics.obtain(records.topic);
      if (records.partition === null) throw new TypeError(`the partition of records of ${records.topic} is not chosen`);
      const state = partitionOf(topic, records.partition);
      const end = ends.get(state) ?? { offset: state.endOffset, bytes: state.endBytes };
      const stored = encodeBatch(records, this.#compressor);
      const endBytes = end.bytes + stored.head.length + stored.body.length;
      const neededFrom = topic.kept ? neededFromOf(records, end.offset) : null;
      planned.push({ topic, state, baseOffset: end.offset, count, endBytes, stored, neededFrom });
      ends.set(state, { offset: end.offset + count, bytes: endBytes });
    }
    return planned;
  }

  #write(append: Append, planned: readonly PlannedBatch[]): void {
    const { connector, epoch, partition, offset, timestampMs, snapshot } = append;
    this.#checkEpoch(connector, epoch);
    const log = this.#topics.state;
    if (snapshot === 'begin') this.#snapshots.begin(connector, epoch);
    for (const { state, baseOffset, count, endBytes, stored, neededFrom } of planned) {
      const crc = batchCrc({ partitionId: state.id, baseOffset, count, timestampMs, endBytes }, stored);
      const { codec, rawBytes, head, body } = stored;
      this.#insertBatch.run(state.id, baseOffset, count, timestampMs, endBytes, codec, rawBytes, crc, head, body);
      this.#snapshots.note(connector, epoch, state.id, baseOffset);
      if (neededFrom !== null) state.neededFrom = neededFrom;
      state.endOffset = baseOffset + count;
      state.endBytes = endBytes;
      log.totalRecords += count;
    }
    if (snapshot === 'end') this.#snapshots.end(connector);
    this.#offsets.write(formatOffsetKey(connector, partition), offset, log.totalRecords);
    this.#retention.deleteSome(planned, log.topics, this.#clock());
  }
}

/** Log offset of the last record without key and value, by which a source says that it needs nothing before it. */
function neededFromOf({ count, index }: EncodedRecords, baseOffset: number): number | null {
  for (let i = count - 1; i >= 0; i--) {
    if (index[i * INDEX_STRIDE] === -1 && index[i * INDEX_STRIDE + 1] === -1) return baseOffset + i;
  }
  return null;
}

function fenced(connector: string, epoch: number, current: number | undefined): TailraceError {
  return new TailraceError(
    'log.fenced',
    current === undefined
      ? `Connector ${connector} has no running task.`
      : `Another task of connector ${connector} took over (generation ${current}, this is ${epoch}).`,
    { remedy: 'Leave it to the newer task; this one must end without appending.' },
  );
}
