import type Database from 'better-sqlite3';
import {
  BASE_OFFSET,
  BATCH_ID,
  IN_PARTITION,
  type PartitionState,
  partitionCrc,
  type TopicState,
} from './topic-table.ts';

export interface RetentionPolicy {
  /** Stored bytes kept of each partition: its oldest batch goes while the others still hold as many. */
  readonly bytes?: number;
  /** Batches older than this go. */
  readonly ms?: number;
}

/** The batch that would go next. */
interface Oldest {
  readonly baseOffset: number;
  readonly count: number;
  readonly timestampMs: number;
  readonly endBytes: number;
}

/** The first batch after some of a clock that ran ahead that is not of the future. */
interface Successor {
  /** Its own log offset, or where to look on. */
  readonly offset: number;
  /** Null: there is none before `offset`. */
  readonly timestampMs: number | null;
}

/** Work of one append at most: deleting a batch costs about what storing it did. */
const BATCHES_PER_STEP = 16;
/** Batches looked at in one append for a {@link Successor}. */
const SUCCESSORS_PER_STEP = 256;
/** Partitions looked at in one append, beside those it wrote to: old batches go where nothing is written any more, too. */
const PARTITIONS_PER_STEP = 8;

/** The file shrinks when more than 16 MiB (in pages of 16 KiB) and more than a quarter of it is free, by at most 1 MiB an append. */
const VACUUM_FROM_PAGES = 1024;
const VACUUM_FROM_SHARE = 0.25;
const VACUUM_STEP_PAGES = 64;
/** Free pages are counted again after so many appends. */
const APPENDS_PER_COUNT = 64;

/** Deletes whole batches from the old end of partitions, a few with each append, and gives disk space back. */
export class Retention {
  readonly #db: Database.Database;
  readonly #policy: RetentionPolicy;
  readonly #oldest = new Map<number, Oldest>();
  readonly #successors = new Map<number, Successor>();
  readonly #selectFrom: Database.Statement<[number, number, number, number, number], Oldest>;
  readonly #delete: Database.Statement<[number, number, number, number]>;
  readonly #update: Database.Statement<[number, number, number, number]>;
  #rounds: Iterator<[TopicState, PartitionState]> | null = null;
  #appends = 0;
  #vacuuming = false;

  constructor(db: Database.Database, policy: RetentionPolicy) {
    this.#db = db;
    this.#policy = policy;
    this.#selectFrom = db.prepare(
      `SELECT ${BASE_OFFSET} AS baseOffset, count, timestamp_ms AS timestampMs, end_bytes AS endBytes FROM batch WHERE ${IN_PARTITION} AND id >= ${BATCH_ID} ORDER BY id LIMIT ?`,
    );
    this.#delete = db.prepare(`DELETE FROM batch WHERE ${IN_PARTITION} AND id < ${BATCH_ID}`);
    this.#update = db.prepare('UPDATE topic_partition SET start_offset = ?, start_bytes = ?, crc = ? WHERE id = ?');
  }

  /** Inside the append's transaction: when that fails, call {@link forget}. */
  deleteSome(
    written: Iterable<{ topic: TopicState; state: PartitionState }>,
    topics: ReadonlyMap<string, TopicState>,
    nowMs: number,
  ): void {
    let budget = BATCHES_PER_STEP;
    for (const { topic, state } of written) budget -= this.#deleteFrom(topic, state, nowMs, budget);
    for (let i = 0; i < PARTITIONS_PER_STEP && budget > 0; i++) {
      this.#rounds ??= allPartitions(topics);
      const next = this.#rounds.next();
      if (next.done === true) {
        this.#rounds = null;
        break;
      }
      budget -= this.#deleteFrom(...next.value, nowMs, budget);
    }
  }

  /** Outside of transactions, before the append's own. */
  giveBackSome(): void {
    if (this.#vacuuming || this.#appends++ % APPENDS_PER_COUNT === 0) {
      const free = this.#db.pragma('freelist_count', { simple: true }) as number;
      const pages = this.#db.pragma('page_count', { simple: true }) as number;
      this.#vacuuming =
        free > (this.#vacuuming ? VACUUM_FROM_PAGES / 2 : Math.max(VACUUM_FROM_PAGES, pages * VACUUM_FROM_SHARE));
      if (this.#vacuuming) this.#db.pragma(`incremental_vacuum(${VACUUM_STEP_PAGES})`);
    }
  }

  /** Drops what is remembered of the file. */
  forget(): void {
    this.#oldest.clear();
    this.#successors.clear();
    this.#rounds = null;
  }

  #deleteFrom(topic: TopicState, state: PartitionState, nowMs: number, budget: number): number {
    let deleted = 0;
    const { bytes, ms } = this.#policy;
    if (!topic.kept && bytes === undefined && ms === undefined) return 0;
    for (; deleted < budget; deleted++) {
      const oldest = this.#oldestOf(state);
      if (oldest === null) break;
      const isDue = topic.kept ? isForgotten(oldest, state) : this.#isDue(oldest, state, nowMs);
      if (!isDue) break;
      state.startOffset = oldest.baseOffset + oldest.count;
      state.startBytes = oldest.endBytes;
      this.#delete.run(state.id, state.id, state.id, state.startOffset);
      this.#oldest.delete(state.id);
    }
    if (deleted > 0) {
      const { id, partition, startOffset, startBytes } = state;
      const crc = partitionCrc({ id, topicId: topic.id, partition, startOffset, startBytes });
      this.#update.run(startOffset, startBytes, crc, id);
    }
    return deleted;
  }

  #isDue(oldest: Oldest, state: PartitionState, nowMs: number): boolean {
    const { bytes, ms } = this.#policy;
    return (
      (ms !== undefined && this.#writtenMs(oldest, state, nowMs) < nowMs - ms) ||
      (bytes !== undefined && state.endBytes - oldest.endBytes >= bytes)
    );
  }

  /**
   * When a batch was written at the latest: its timestamp, or, where a clock that ran ahead put that into the future, the
   * timestamp of the first batch after it that is not of the future. Else it would keep all that follows it for as long.
   */
  #writtenMs({ baseOffset, timestampMs }: Oldest, { id }: PartitionState, nowMs: number): number {
    if (timestampMs <= nowMs) return timestampMs;
    const known = this.#successors.get(id);
    let successor =
      known !== undefined && known.offset > baseOffset ? known : { offset: baseOffset, timestampMs: null };
    if (successor.timestampMs === null) {
      successor = this.#successorFrom(id, successor.offset, nowMs);
      this.#successors.set(id, successor);
    }
    return successor.timestampMs ?? timestampMs;
  }

  #successorFrom(id: number, from: number, nowMs: number): Successor {
    let offset = from;
    for (const batch of this.#selectFrom.iterate(id, id, id, from, SUCCESSORS_PER_STEP)) {
      if (batch.timestampMs <= nowMs) return { offset: batch.baseOffset, timestampMs: batch.timestampMs };
      offset = batch.baseOffset + batch.count;
    }
    return { offset, timestampMs: null };
  }

  #oldestOf(state: PartitionState): Oldest | null {
    const known = this.#oldest.get(state.id);
    if (known !== undefined) return known;
    const { id, startOffset } = state;
    const found = this.#selectFrom.get(id, id, id, startOffset, 1) ?? null;
    // An empty partition may get its first batch later: only batches are remembered.
    if (found !== null) this.#oldest.set(state.id, found);
    return found;
  }
}

/** Of a topic that a source keeps, and does not need so far back. */
function isForgotten({ baseOffset, count }: Oldest, { neededFrom }: PartitionState): boolean {
  return baseOffset + count <= neededFrom;
}

function* allPartitions(topics: ReadonlyMap<string, TopicState>): Generator<[TopicState, PartitionState]> {
  for (const topic of topics.values()) for (const state of topic.partitions) yield [topic, state];
}
