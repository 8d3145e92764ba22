import { TailraceError } from '../../model/errors.ts';
import type { SourceOffset, SourcePartition, StoredOffset } from '../../model/log.ts';
import type { LogRecord } from '../../model/record.ts';
import { formatOffsetKey, parseOffsetKey } from '../offset-key.ts';
import type { Fetcher } from './fetcher.ts';
import { decodeFetched, type PartitionReader } from './reader.ts';
import { KafkaRequestError } from './request-error.ts';
import { pause, type Retries } from './retries.ts';

interface Known {
  /** Null: the value is no JSON object. */
  readonly offset: SourceOffset | null;
  readonly updatedMs: number;
  readonly partition: number;
}

/** How far a partition was read. */
interface Cursor {
  readonly partition: number;
  next: number;
  /** Of the last fetch. */
  lastStableOffset: number;
  highWatermark: number;
}

/** Until it is looked again whether a transaction of another connector has ended. */
const UNDECIDED_POLL_MS = 20;

export interface OffsetTopicParts {
  readonly topic: string;
  /** `Kafka at host:port`. */
  readonly where: string;
  readonly fetcher: Fetcher;
  readonly reader: PartitionReader;
  readonly retries: Retries;
  /** The number of partitions; 0: there is no such topic. */
  readonly partitions: () => Promise<number>;
}

/**
 * Connect's offsets topic: key `["<connector>",{<partition>}]`, value the offset map as JSON, null when it was removed; the
 * last record of a key counts. It is read as a whole, and from then on as far as it has grown, whenever an offset is asked for.
 */
export class OffsetTopic {
  readonly #parts: OffsetTopicParts;
  readonly #offsets = new Map<string, Known>();
  readonly #cursors = new Map<number, Cursor>();
  /** Of each key the last record behind the last stable offset: nobody knows yet what becomes of it. */
  #undecided: ReadonlyMap<string, Pick<LogRecord, 'partition' | 'offset'>> = new Map();
  #reading: Promise<void> = Promise.resolve();

  constructor(parts: OffsetTopicParts) {
    this.#parts = parts;
  }

  /**
   * The offset as it is stored now.
   * @throws TailraceError `log.corrupt` when it is none, `log.unavailable` when a transaction that wrote it stays open
   */
  async get(connector: string, partition: SourcePartition): Promise<SourceOffset | null> {
    const key = formatOffsetKey(connector, partition);
    const deadline = performance.now() + this.#parts.retries.timeoutMs;
    await this.#readToEnd();
    const last = this.#undecided.get(key);
    // Those that come later are not waited for.
    while (last !== undefined && this.#cursors.get(last.partition)!.next <= last.offset) {
      if (performance.now() > deadline) throw this.#staysOpen(connector);
      await pause(UNDECIDED_POLL_MS);
      await this.#readToEnd();
    }
    const known = this.#offsets.get(key);
    if (known === undefined) return null;
    if (known.offset === null) throw this.#malformed(connector, known.partition);
    return known.offset;
  }

  /** Of all connectors. */
  async list(): Promise<readonly StoredOffset[]> {
    await this.#readToEnd();
    const found: StoredOffset[] = [];
    for (const [key, { offset, updatedMs, partition }] of this.#offsets) {
      const { connector, partition: sourcePartition } = parseOffsetKey(key)!;
      if (offset === null) throw this.#malformed(connector, partition);
      found.push({ connector, partition: sourcePartition, offset, updatedMs });
    }
    return found;
  }

  /** One reader at a time. */
  #readToEnd(): Promise<void> {
    this.#reading = this.#reading.catch(() => {}).then(() => this.#readOn());
    return this.#reading;
  }

  async #readOn(): Promise<void> {
    const count = await this.#parts.partitions();
    const cursors = Array.from({ length: count }, (_, partition) => {
      return this.#cursors.get(partition) ?? { partition, next: 0, lastStableOffset: 0, highWatermark: 0 };
    });
    for (const cursor of cursors) this.#cursors.set(cursor.partition, cursor);
    await this.#drain(cursors, true, (record) => this.#apply(record));
    const undecided = new Map<string, LogRecord>();
    const tails = cursors.filter(({ next, highWatermark }) => next < highWatermark).map((cursor) => ({ ...cursor }));
    await this.#drain(tails, false, (record) => undecided.set(keyOf(record), record));
    this.#undecided = undecided;
  }

  /** Up to the end, which is behind the last record: of what compaction has removed there nothing comes. */
  async #drain(cursors: readonly Cursor[], committed: boolean, take: (record: LogRecord) => void): Promise<void> {
    for (let left = cursors; left.length > 0; ) {
      // An answer has no room for all of them, but for one at least.
      const hasMoved = await Promise.all(left.map((cursor) => this.#step(cursor, committed, take)));
      if (!hasMoved.includes(true)) return;
      left = left.filter(({ next, lastStableOffset, highWatermark }) => {
        return next < (committed ? lastStableOffset : highWatermark);
      });
    }
  }

  /** Whether there was anything. */
  async #step(cursor: Cursor, committed: boolean, take: (record: LogRecord) => void): Promise<boolean> {
    const { topic, fetcher, where } = this.#parts;
    const { partition, next: offset } = cursor;
    try {
      const fetched = await fetcher.fetch({ topic, partition, offset }, { committed, maxWaitMs: 0 });
      const { batches, nextOffset } = decodeFetched(fetched, offset, where);
      for (const record of batches.flat()) take(record);
      cursor.next = nextOffset;
      cursor.lastStableOffset = fetched.lastStableOffset;
      cursor.highWatermark = fetched.highWatermark;
      return nextOffset > offset;
    } catch (error) {
      if (!(error instanceof KafkaRequestError) || error.type !== 'OFFSET_OUT_OF_RANGE') throw error;
    }
    // The topic was made anew, or its oldest records were deleted.
    const { start, end } = await this.#parts.reader.range(topic, partition);
    if (start < offset) this.#forget(partition);
    cursor.next = start;
    cursor.lastStableOffset = cursor.highWatermark = end;
    return true;
  }

  #forget(partition: number): void {
    for (const [key, known] of this.#offsets) {
      if (known.partition === partition) this.#offsets.delete(key);
    }
  }

  #apply(record: LogRecord): void {
    const { value, timestampMs: updatedMs, partition } = record;
    const key = keyOf(record);
    // Of another format, and of nobody that asks.
    if (parseOffsetKey(key) === null) return;
    if (value === null) this.#offsets.delete(key);
    else this.#offsets.set(key, { offset: parseOffset(value), updatedMs, partition });
  }

  #malformed(connector: string, partition: number): TailraceError {
    const { topic, where } = this.#parts;
    return new TailraceError(
      'log.corrupt',
      `The offset of connector ${connector} in ${topic}-${partition} in ${where} is no JSON object.`,
      { remedy: 'Set it with "tailrace offsets set", or remove it with "tailrace offsets reset".' },
    );
  }

  #staysOpen(connector: string): TailraceError {
    const { topic, where } = this.#parts;
    return new TailraceError(
      'log.unavailable',
      `A transaction that wrote the offset of ${connector} to topic ${topic} in ${where} is still open.`,
      {
        remedy:
          'Stop the other worker that runs this connector; what a worker that died has left open ends after its transaction.timeout.ms.',
      },
    );
  }
}

/** The bytes of the key and of the value, null to remove the offset. */
export function encodeOffset(
  connector: string,
  partition: SourcePartition,
  offset: SourceOffset | null,
): { readonly key: Buffer; readonly value: Buffer | null } {
  return {
    key: Buffer.from(formatOffsetKey(connector, partition)),
    value: offset === null ? null : Buffer.from(JSON.stringify(offset)),
  };
}

/** The key as we write it: another writer may have left spaces between. */
function keyOf({ key }: LogRecord): string {
  const text = key?.toString('utf8') ?? '';
  const parsed = parseOffsetKey(text);
  return parsed === null ? text : formatOffsetKey(parsed.connector, parsed.partition);
}

function parseOffset(value: Buffer): SourceOffset | null {
  try {
    const parsed: unknown = JSON.parse(value.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as SourceOffset) : null;
  } catch {
    return null;
  }
}
