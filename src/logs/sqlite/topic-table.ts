import type Database from 'better-sqlite3';
import { TailraceError } from '../../model/errors.ts';
import { type BatchMeta, batchCrc, type StoredBatch } from './batch-codec.ts';
import { corrupt } from './log-error.ts';
import { MAX_PARTITIONS, OFFSET_BITS, rowCrc } from './open.ts';

const OFFSET_MASK = 2 ** OFFSET_BITS - 1;

/** SQL of a batch's id; its two parameters are the partition's id and an offset. */
export const BATCH_ID = `((? << ${OFFSET_BITS}) | ?)`;
/** SQL that keeps to the batches of one partition; its two parameters are twice the partition's id. */
export const IN_PARTITION = `id BETWEEN (? << ${OFFSET_BITS}) AND ((? << ${OFFSET_BITS}) | ${OFFSET_MASK})`;
export const BASE_OFFSET = `id & ${OFFSET_MASK}`;
/** SQL columns of a {@link BatchRow}. */
export const BATCH_COLUMNS = `${BASE_OFFSET} AS baseOffset, count, timestamp_ms AS timestampMs, end_bytes AS endBytes, codec, raw_bytes AS rawBytes, crc, head, body`;

/** A row of `batch`, without its partition's id. */
export type BatchRow = Omit<BatchMeta, 'partitionId'> & StoredBatch & { readonly crc: number };

export interface PartitionState {
  /** Its number among all partitions of the log. */
  readonly id: number;
  readonly partition: number;
  /** Log offset of the oldest record kept, and the stored bytes that were ever deleted before it. */
  startOffset: number;
  startBytes: number;
  /** Of a topic that is kept: records before this log offset are not needed any more. 0 where that is not known. */
  neededFrom: number;
  /** Log offset that the next record gets, and the stored bytes ever appended. */
  endOffset: number;
  endBytes: number;
}

export interface TopicState {
  readonly id: number;
  readonly name: string;
  /** Without retention: a source needs all of it. */
  kept: boolean;
  readonly partitions: readonly PartitionState[];
}

export interface LogState {
  readonly topics: Map<string, TopicState>;
  /** Records ever appended, to all partitions together. */
  totalRecords: number;
}

interface TopicRow {
  readonly id: number;
  readonly name: string;
  readonly partitions: number;
  readonly kept: 0 | 1;
  readonly crc: number;
}

interface PartitionRow {
  readonly id: number;
  readonly topicId: number;
  readonly partition: number;
  readonly startOffset: number;
  readonly startBytes: number;
  readonly crc: number;
}

/**
 * All topics and the ends of all partitions, as of one moment. Throws `log.corrupt` when rows fail their check sum or are
 * missing: the numbers of records of all partitions must add up to what the newest append says.
 */
export function loadState(db: Database.Database, path: string): LogState {
  return db.transaction(() => {
    const byTopic = new Map<number, PartitionState[]>();
    const tailOf = db.prepare<[number, number], { baseOffset: number; count: number; endBytes: number }>(
      `SELECT ${BASE_OFFSET} AS baseOffset, count, end_bytes AS endBytes FROM batch WHERE ${IN_PARTITION} ORDER BY id DESC LIMIT 1`,
    );
    let records = 0;
    for (const row of readPartitions(db, path)) {
      const { id, topicId, partition, startOffset, startBytes } = row;
      const tail = tailOf.get(id, id);
      const endOffset = tail === undefined ? startOffset : tail.baseOffset + tail.count;
      records += endOffset;
      const endBytes = tail?.endBytes ?? startBytes;
      const state = { id, partition, startOffset, startBytes, neededFrom: 0, endOffset, endBytes };
      const siblings = byTopic.get(topicId);
      if (siblings === undefined) byTopic.set(topicId, [state]);
      else siblings.push(state);
    }
    const topics = new Map<string, TopicState>();
    for (const row of db
      .prepare<[], TopicRow>('SELECT id, name, partitions, kept, crc FROM topic ORDER BY name')
      .iterate()) {
      const partitions = byTopic.get(row.id) ?? [];
      if (row.crc !== topicCrc(row) || partitions.length !== row.partitions) {
        throw corrupt(path, `the row of topic ${row.id} is not as it was written`);
      }
      topics.set(row.name, { id: row.id, name: row.name, kept: row.kept === 1, partitions });
    }
    if (topics.size !== byTopic.size) throw corrupt(path, 'a topic is missing');
    const totalRecords =
      db.prepare<[], number | null>('SELECT max(total_records) FROM source_offset').pluck().get() ?? 0;
    if (totalRecords !== records) throw corrupt(path, `it has ${records} records where ${totalRecords} were appended`);
    return { topics, totalRecords };
  })();
}

function readPartitions(db: Database.Database, path: string): PartitionRow[] {
  const rows = db
    .prepare<[], PartitionRow>(
      'SELECT id, topic_id AS topicId, partition, start_offset AS startOffset, start_bytes AS startBytes, crc FROM topic_partition ORDER BY id',
    )
    .all();
  for (const row of rows) {
    if (row.crc !== partitionCrc(row)) throw corrupt(path, `the row of partition ${row.id} is not as it was written`);
  }
  return rows;
}

/** Throws `log.corrupt` unless the newest batch of each partition is whole: a torn write is found before it is built upon. */
export function checkTails(db: Database.Database, path: string, state: LogState): void {
  const tailOf = db.prepare<[number, number], BatchRow>(
    `SELECT ${BATCH_COLUMNS} FROM batch WHERE ${IN_PARTITION} ORDER BY id DESC LIMIT 1`,
  );
  for (const topic of state.topics.values()) {
    for (const { id, partition } of topic.partitions) {
      const row = tailOf.get(id, id);
      if (row !== undefined) checkBatch(row, id, path, topic.name, partition);
    }
  }
}

export function checkBatch(row: BatchRow, partitionId: number, path: string, topic: string, partition: number): void {
  if (batchCrc({ ...row, partitionId }, row) === row.crc) return;
  throw corrupt(path, `the records of ${topic}-${partition} from offset ${row.baseOffset} on fail their check sum`);
}

/** Adds a topic, durably, and its state. Call inside no transaction. */
export function createTopic(db: Database.Database, state: LogState, { name, count, kept }: NewTopic): TopicState {
  const topic = db
    .transaction(() => {
      const nextId = (table: string) =>
        db.prepare<[], number>(`SELECT coalesce(max(id), 0) + 1 FROM ${table}`).pluck().get()!;
      const id = nextId('topic');
      const firstPartition = nextId('topic_partition');
      if (firstPartition + count - 1 > MAX_PARTITIONS) {
        throw new TailraceError(
          'log.write',
          `The log has no room for ${count} more partitions, its limit is ${MAX_PARTITIONS}.`,
          {
            remedy: 'Configure fewer partitions per topic, or use one log per connector.',
          },
        );
      }
      const row: Omit<TopicRow, 'crc'> = { id, name, partitions: count, kept: kept ? 1 : 0 };
      db.prepare('INSERT INTO topic (id, name, partitions, kept, crc) VALUES (?, ?, ?, ?, ?)').run(
        id,
        name,
        count,
        row.kept,
        topicCrc(row),
      );
      const insert = db.prepare(
        'INSERT INTO topic_partition (id, topic_id, partition, start_offset, start_bytes, crc) VALUES (?, ?, ?, 0, 0, ?)',
      );
      const partitions: PartitionState[] = [];
      for (let partition = 0; partition < count; partition++) {
        const first = { id: firstPartition + partition, topicId: id, partition, startOffset: 0, startBytes: 0 };
        insert.run(first.id, id, partition, partitionCrc(first));
        partitions.push({
          id: first.id,
          partition,
          startOffset: 0,
          startBytes: 0,
          neededFrom: 0,
          endOffset: 0,
          endBytes: 0,
        });
      }
      return { id, name, kept, partitions };
    })
    .immediate();
  state.topics.set(name, topic);
  return topic;
}

export interface NewTopic {
  readonly name: string;
  /** Of partitions. */
  readonly count: number;
  readonly kept: boolean;
}

/** Takes a topic out of retention, durably. Call inside no transaction. */
export function keepTopic(db: Database.Database, topic: TopicState): void {
  const row: Omit<TopicRow, 'crc'> = { id: topic.id, name: topic.name, partitions: topic.partitions.length, kept: 1 };
  db.prepare('UPDATE topic SET kept = ?, crc = ? WHERE id = ?').run(row.kept, topicCrc(row), row.id);
  topic.kept = true;
}

function topicCrc({ id, name, partitions, kept }: Omit<TopicRow, 'crc'>): number {
  return rowCrc(id, name, partitions, kept);
}

export function partitionCrc(row: Omit<PartitionRow, 'crc'>): number {
  return rowCrc(row.id, row.topicId, row.partition, row.startOffset, row.startBytes);
}
