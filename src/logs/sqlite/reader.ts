import type Database from 'better-sqlite3';
import type { LogRecord } from '../../model/record.ts';
import type { AppendWatch } from './append-watch.ts';
import { decodeBatch } from './batch-codec.ts';
import { corrupt, guarded } from './log-error.ts';
import { BASE_OFFSET, BATCH_COLUMNS, BATCH_ID, type BatchRow, checkBatch, IN_PARTITION } from './topic-table.ts';

export interface ReadPosition {
  readonly topic: string;
  readonly partition: number;
  readonly partitionId: number;
  readonly from: number;
  /** The end of the partition when reading began. */
  readonly endOffset: number;
}

/** Reads batches one at a time: no transaction, and so no obstacle to a checkpoint, stays open between two of them. */
export class BatchReader {
  readonly #db: Database.Database;
  readonly #path: string;
  readonly #selectContaining: Database.Statement<
    [number, number, number, number],
    { baseOffset: number; count: number }
  >;
  readonly #selectFrom: Database.Statement<[number, number, number, number], BatchRow>;
  readonly #selectStart: Database.Statement<[number], number>;

  constructor(db: Database.Database, path: string) {
    this.#db = db;
    this.#path = path;
    this.#selectContaining = db.prepare(
      `SELECT ${BASE_OFFSET} AS baseOffset, count FROM batch WHERE ${IN_PARTITION} AND id <= ${BATCH_ID} ORDER BY id DESC LIMIT 1`,
    );
    this.#selectFrom = db.prepare(
      `SELECT ${BATCH_COLUMNS} FROM batch WHERE ${IN_PARTITION} AND id >= ${BATCH_ID} ORDER BY id LIMIT 1`,
    );
    this.#selectStart = db.prepare<[number], number>('SELECT start_offset FROM topic_partition WHERE id = ?').pluck();
  }

  /**
   * The batches of a partition, each cut to the records from `position.from` on, until `position.endOffset`, or for ever,
   * waiting for appends. Batches that retention deletes meanwhile are passed over; any other gap is `log.corrupt`.
   */
  async *read(
    position: ReadPosition,
    follow: boolean,
    watch: AppendWatch,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly LogRecord[]> {
    let cursor = guarded(this.#path, 'reading it', () => this.#baseOfBatchAt(position));
    while (signal?.aborted !== true && this.#db.open && (follow || cursor < position.endOffset)) {
      const version = watch.version();
      const row = guarded(this.#path, 'reading it', () => this.#next(position, cursor));
      if (row === null) {
        if (!follow) return;
        await watch.changed(version, signal);
        continue;
      }
      cursor = row.baseOffset + row.count;
      if (cursor > position.from) yield this.#decode(position, row);
    }
  }

  /** Where to start so that every later batch begins where the one before it ended. */
  #baseOfBatchAt({ partitionId: id, from }: ReadPosition): number {
    const found = this.#selectContaining.get(id, id, id, from);
    if (found === undefined) return this.#selectStart.get(id) ?? 0;
    const end = found.baseOffset + found.count;
    return end > from ? found.baseOffset : end;
  }

  #next(position: ReadPosition, cursor: number): BatchRow | null {
    const id = position.partitionId;
    let row = this.#selectFrom.get(id, id, id, cursor);
    if (row?.baseOffset !== cursor) {
      // At the end, or behind retention: only one snapshot of both tables can tell which.
      row = this.#db.transaction(() => {
        const start = Math.max(cursor, this.#selectStart.get(id) ?? 0);
        const next = this.#selectFrom.get(id, id, id, start);
        const end = next?.baseOffset ?? Math.max(start, position.endOffset);
        if (end === start) return next;
        const where = `${position.topic}-${position.partition}`;
        throw corrupt(this.#path, `the records of ${where} from offset ${start} to ${end - 1} are missing`);
      })();
    }
    return row ?? null;
  }

  #decode({ topic, partition, partitionId, from }: ReadPosition, row: BatchRow): LogRecord[] {
    checkBatch(row, partitionId, this.#path, topic, partition);
    let records: LogRecord[];
    try {
      records = decodeBatch(topic, partition, { ...row, partitionId }, row);
    } catch (error) {
      throw corrupt(
        this.#path,
        `the records of ${topic}-${partition} from offset ${row.baseOffset} on cannot be decoded`,
        error,
      );
    }
    return row.baseOffset >= from ? records : records.slice(from - row.baseOffset);
  }
}
