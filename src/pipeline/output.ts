import type { SlabSink } from '../model/codec.ts';
import type { StateRecord } from '../model/plugin.ts';
import type { EncodedHeader, EncodedRecords } from '../model/record.ts';
import { RecordWriter, SlabPool } from './record-writer.ts';

const NO_ENCODED_HEADERS: readonly EncodedHeader[] = [];

/** Which partition a key belongs to; a null key is given as null. */
export type Partitioner = (topic: string, key: Uint8Array | null, partitions: number) => number;

export interface OutputOptions {
  readonly partitionsOf: (topic: string) => number | null;
  readonly partition: Partitioner;
  /** A sink of the format of values. */
  readonly createSink: (slab: Buffer) => SlabSink;
}

/** The records of the batch that is being encoded, by topic and partition. */
export class Output {
  readonly #pool = new SlabPool();
  readonly #partition: Partitioner;
  readonly #partitionsOf: (topic: string) => number | null;
  readonly #createSink: (slab: Buffer) => SlabSink;
  #writers = new Map<string, RecordWriter[]>();

  constructor({ partitionsOf, partition, createSink }: OutputOptions) {
    this.#partitionsOf = partitionsOf;
    this.#partition = partition;
    this.#createSink = createSink;
  }

  partitionsOf(topic: string): number | null {
    return this.#partitionsOf(topic);
  }

  /** The writer of a partition, made on its first record in this batch; null: the log chooses it. `kept`: of a source's own topic. */
  writer(topic: string, partition: number | null, kept = false): RecordWriter {
    let writers = this.#writers.get(topic);
    if (writers === undefined) {
      writers = [];
      this.#writers.set(topic, writers);
    }
    // For each record: a closure for find() would be a quarter of what it allocates.
    for (const writer of writers) if (writer.partition === partition) return writer;
    const made = new RecordWriter({ topic, partition, kept }, this.#createSink(this.#pool.take()));
    writers.push(made);
    return made;
  }

  /** The writer that a key's record goes to. */
  writerFor(topic: string, key: Uint8Array | null): RecordWriter {
    const partitions = this.#partitionsOf(topic);
    return this.writer(topic, partitions === null ? null : this.#partition(topic, key, partitions));
  }

  append(
    topic: string,
    partition: number | null,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly EncodedHeader[],
  ): void {
    const writer = partition === null ? this.writerFor(topic, key) : this.writer(topic, partition);
    push(writer, key, value, headers);
  }

  /** A record of a source's own, on partition 0. */
  keep({ topic, key, value }: StateRecord): void {
    push(this.writer(topic, 0, true), key, value, NO_ENCODED_HEADERS);
  }

  /** Hands over what was written; `release` it when its append has settled. */
  take(): readonly EncodedRecords[] {
    const records = [...this.#writers.values()].flat().filter((writer) => writer.count > 0);
    this.#writers = new Map();
    return records;
  }

  release(records: readonly EncodedRecords[]): void {
    for (const { bytes } of records) this.#pool.give(bytes);
  }
}

function push(
  writer: RecordWriter,
  key: Uint8Array | null,
  value: Uint8Array | null,
  headers: readonly EncodedHeader[],
): void {
  if (key !== null) writer.sink.raw(key);
  if (value !== null) writer.sink.raw(value);
  writer.push(key === null ? -1 : key.length, value === null ? -1 : value.length, headers);
}
