import type { Batch, EncodedBatch } from '../model/plugin.ts';

type Change = Batch['changes'][number];

/** What is counted of one phase; numbers since the process started. */
export interface PhaseCounts {
  total: number;
  creates: number;
  updates: number;
  deletes: number;
  truncates: number;
  /** Milliseconds since 1970 UTC at which the last change was appended; null: none yet. */
  lastEventMs: number | null;
}

/**
 * A task's numbers, updated once per batch with plain additions; the metrics read them when they are scraped.
 * Lives as long as the connector, over restarts of its task.
 */
export class TaskCounters {
  readonly snapshot: PhaseCounts = newCounts();
  readonly streaming: PhaseCounts = newCounts();
  /** Committed transactions of which at least one change was captured. */
  transactions = 0;
  recordsWritten = 0;
  bytesWritten = 0;
  batches = 0;
  batchMaxMs = 0;
  batchSumMs = 0;
  batchMaxRecords = 0;
  restarts = 0;
  errors = 0;
  lastErrorMs: number | null = null;
  /** Commit time of the last appended change that was streamed, microseconds since 1970 UTC; null: none yet. */
  lastCommitMicros: number | null = null;
  /** Milliseconds between the commit of the last appended change that was streamed and its append; null: none yet. */
  behindMs: number | null = null;

  /** A batch became durable. `appendMs`: how long the append took. */
  countBatch(changes: readonly Change[], encoded: EncodedBatch, appendMs: number): void {
    for (const change of changes) this.#count(change);
    const { records, timestampMs } = encoded;
    let written = 0;
    for (const part of records) {
      written += part.count;
      this.bytesWritten += part.length;
    }
    this.recordsWritten += written;
    this.batches++;
    this.batchSumMs += appendMs;
    this.batchMaxMs = Math.max(this.batchMaxMs, appendMs);
    this.batchMaxRecords = Math.max(this.batchMaxRecords, written);
    const last = changes.at(-1);
    if (last === undefined) return;
    if ((last.kind === 'row' || last.kind === 'schema') && last.snapshot !== 'false') {
      this.snapshot.lastEventMs = timestampMs;
      return;
    }
    this.streaming.lastEventMs = timestampMs;
    this.lastCommitMicros = last.tx.commitTimeMicros;
    this.behindMs = Math.max(0, timestampMs - last.tx.commitTimeMicros / 1000);
  }

  countError(nowMs: number): void {
    this.errors++;
    this.lastErrorMs = nowMs;
  }

  #count(change: Change): void {
    const { streaming } = this;
    switch (change.kind) {
      case 'row':
        switch (change.op) {
          case 'r':
            this.snapshot.total++;
            return;
          case 'c':
            streaming.creates++;
            break;
          case 'u':
            streaming.updates++;
            break;
          case 'd':
            streaming.deletes++;
            break;
        }
        streaming.total++;
        return;
      case 'truncate':
        streaming.truncates++;
        streaming.total++;
        return;
      case 'message':
        streaming.total++;
        return;
      case 'commit':
        this.transactions++;
        return;
      case 'begin':
      case 'schema':
        return;
      default:
        change satisfies never;
    }
  }
}

function newCounts(): PhaseCounts {
  return { total: 0, creates: 0, updates: 0, deletes: 0, truncates: 0, lastEventMs: null };
}
