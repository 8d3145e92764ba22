import type Database from 'better-sqlite3';
import { batchCrc, WITHDRAWN } from './batch-codec.ts';
import { corrupt } from './log-error.ts';
import { rowCrc } from './open.ts';
import { BATCH_ID } from './topic-table.ts';

interface RunRow {
  readonly partitionId: number;
  readonly baseOffset: number;
  readonly crc: number;
}

interface BatchRange {
  readonly count: number;
  readonly timestampMs: number;
  readonly endBytes: number;
}

/** Withdrawing one costs some 50 to 100 µs: a large snapshot has hundreds of thousands, and one step takes about 20 ms. */
const BATCHES_PER_STEP = 256;
/** SQLite's. */
const NO_LIMIT = -1;

/**
 * Which batches belong to a snapshot that is not complete, so that they can be withdrawn when it begins anew. A withdrawn
 * batch keeps its place and its log offsets, which are not given again, and loses its records. Withdrawing may take several
 * transactions, since a batch leaves the list in the one that withdraws it; all else is within the append's.
 */
export class SnapshotRuns {
  readonly #path: string;
  readonly #select: Database.Statement<[string, number], RunRow>;
  readonly #selectBatch: Database.Statement<[number, number], BatchRange>;
  readonly #withdraw: Database.Statement;
  readonly #insert: Database.Statement;
  readonly #deleteOne: Database.Statement<[string, number, number]>;
  readonly #delete: Database.Statement<[string]>;
  /** Connector -> epoch of the task whose snapshot is running. What another task left is only ever withdrawn. */
  readonly #running = new Map<string, number>();

  constructor(db: Database.Database, path: string) {
    this.#path = path;
    this.#select = db.prepare(
      'SELECT partition_id AS partitionId, base_offset AS baseOffset, crc FROM snapshot_batch WHERE connector = ? LIMIT ?',
    );
    this.#selectBatch = db.prepare(
      `SELECT count, timestamp_ms AS timestampMs, end_bytes AS endBytes FROM batch WHERE id = ${BATCH_ID}`,
    );
    this.#withdraw = db.prepare(
      `UPDATE batch SET codec = ?, raw_bytes = 0, head = x'', body = x'', crc = ? WHERE id = ${BATCH_ID}`,
    );
    this.#insert = db.prepare(
      'INSERT INTO snapshot_batch (connector, partition_id, base_offset, crc) VALUES (?, ?, ?, ?)',
    );
    this.#deleteOne = db.prepare(
      'DELETE FROM snapshot_batch WHERE connector = ? AND partition_id = ? AND base_offset = ?',
    );
    this.#delete = db.prepare('DELETE FROM snapshot_batch WHERE connector = ?');
  }

  /** Withdraws some of what is listed, in a transaction of its own. False, and nothing is done, where `begin` may do it all. */
  withdrawSome(connector: string): boolean {
    const rows = this.#select.all(connector, BATCHES_PER_STEP + 1);
    if (rows.length <= BATCHES_PER_STEP) return false;
    for (const row of rows) this.#withdrawOne(connector, row);
    return true;
  }

  /** Withdraws all that is listed. */
  begin(connector: string, epoch: number): void {
    for (const row of this.#select.all(connector, NO_LIMIT)) this.#withdrawOne(connector, row);
    this.#running.set(connector, epoch);
  }

  #withdrawOne(connector: string, { partitionId, baseOffset, crc }: RunRow): void {
    if (crc !== rowCrc(connector, partitionId, baseOffset)) {
      throw corrupt(this.#path, `a batch of the unfinished snapshot of ${connector} is not as it was written`);
    }
    const batch = this.#selectBatch.get(partitionId, baseOffset);
    // Retention may have deleted it.
    if (batch !== undefined) {
      const meta = { partitionId, baseOffset, ...batch };
      this.#withdraw.run(WITHDRAWN.codec, batchCrc(meta, WITHDRAWN), partitionId, baseOffset);
    }
    this.#deleteOne.run(connector, partitionId, baseOffset);
  }

  /** A batch was inserted: notes it if a snapshot of that task is running. */
  note(connector: string, epoch: number, partitionId: number, baseOffset: number): void {
    if (this.#running.get(connector) !== epoch) return;
    this.#insert.run(connector, partitionId, baseOffset, rowCrc(connector, partitionId, baseOffset));
  }

  end(connector: string): void {
    this.#delete.run(connector);
    this.#running.delete(connector);
  }
}
