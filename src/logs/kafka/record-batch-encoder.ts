import { type EncodedRecords, INDEX_STRIDE } from '../../model/record.ts';
import { partitionForSpan } from '../partitioner.ts';
import { BatchMemory } from './batch-memory.ts';
import type { Compressor } from './compression.ts';
import { encodeHeaders, OpenBatch, RECORD_OVERHEAD_BYTES } from './open-batch.ts';
import { BATCH_HEADER_BYTES, RecordBatch } from './record-batch.ts';

export interface RecordBatchEncoderOptions {
  readonly compressor: Compressor;
  /** A batch is closed before it has more bytes, uncompressed; a record that is larger has one of its own. */
  readonly batchBytes: number;
}

export interface EncodeTarget {
  /** How many the topic has. */
  readonly partitions: number;
  /** Milliseconds since 1970 UTC: the timestamp of every record. */
  readonly timestampMs: number;
  /** Of one batch of the topic, where that is less than the encoder's `batchBytes`: `max.message.bytes`. */
  readonly mostBytes?: number;
}

/**
 * Puts the records of an append into record batches, in their order within each partition. A batch that compression would not make
 * smaller stays as it is. Memory is used again: the batches that {@link finish} gives are valid until they are given to {@link release}.
 */
export class RecordBatchEncoder {
  readonly #compressor: Compressor;
  readonly #batchBytes: number;
  readonly #memory = new BatchMemory();
  readonly #open = new Map<string, (OpenBatch | undefined)[]>();
  #closed: RecordBatch[] = [];

  constructor({ compressor, batchBytes }: RecordBatchEncoderOptions) {
    this.#compressor = compressor;
    this.#batchBytes = batchBytes;
  }

  /** @throws RangeError for a partition that the topic does not have */
  add(records: EncodedRecords, target: EncodeTarget): void {
    const { topic, partition, count, bytes, index } = records;
    const { partitions, timestampMs, mostBytes = this.#batchBytes } = target;
    if (partition !== null && partition >= partitions) {
      throw new RangeError(`${topic} has ${partitions} partitions, and records are for partition ${partition}`);
    }
    const batchBytes = Math.min(this.#batchBytes, mostBytes);
    const sizeHint = firstBytes(records, partitions, batchBytes);
    const headers = records.headers.map(encodeHeaders);
    let open = this.#open.get(topic);
    if (open === undefined) {
      open = [];
      this.#open.set(topic, open);
    }
    let at = 0;
    for (let i = 0; i < count * INDEX_STRIDE; i += INDEX_STRIDE) {
      const keyLength = index[i]!;
      const valueLength = index[i + 1]!;
      const ownHeaders = headers[index[i + 2]!]!;
      const size = (keyLength < 0 ? 0 : keyLength) + (valueLength < 0 ? 0 : valueLength);
      const chosen = partition ?? partitionForSpan(topic, bytes, at, keyLength, partitions);
      let batch = open[chosen];
      if (
        batch === undefined ||
        batch.length + RECORD_OVERHEAD_BYTES + size + ownHeaders.length > batchBytes ||
        batch.timestampMs !== timestampMs
      ) {
        if (batch !== undefined) this.#close(batch);
        batch = new OpenBatch({ topic, partition: chosen, timestampMs }, this.#memory, sizeHint);
        open[chosen] = batch;
      }
      batch.append(bytes, at, keyLength, valueLength, ownHeaders);
      at += size;
    }
  }

  /** The batches of all that was added since the last call, those of a partition in order. */
  finish(): readonly RecordBatch[] {
    for (const batches of this.#open.values()) {
      for (const batch of batches) if (batch !== undefined) this.#close(batch);
    }
    this.#open.clear();
    const finished = this.#closed;
    this.#closed = [];
    return finished;
  }

  /** Nobody needs the bytes of the batches any more. */
  release(batches: readonly RecordBatch[]): void {
    for (const { memory } of batches) if (memory !== null) this.#memory.give(memory);
  }

  #close(open: OpenBatch): void {
    const { topic, partition, count, timestampMs, memory, length } = open;
    const { codec, compress } = this.#compressor;
    const records = memory.subarray(BATCH_HEADER_BYTES, length);
    const compressed = compress === null ? null : compress(records);
    const fields = { topic, partition, count, timestampMs };
    if (compressed === null || compressed.length >= records.length) {
      const head = memory.subarray(0, length);
      this.#closed.push(new RecordBatch({ ...fields, codec: 0, head, compressed: null, memory }));
      return;
    }
    this.#memory.give(memory);
    const head = Buffer.alloc(BATCH_HEADER_BYTES);
    this.#closed.push(new RecordBatch({ ...fields, codec, head, compressed, memory: null }));
  }
}

/** What a batch will need, so that its buffer mostly need not grow. */
function firstBytes({ length, count, partition }: EncodedRecords, partitions: number, batchBytes: number): number {
  const all = length + count * RECORD_OVERHEAD_BYTES;
  return Math.min(batchBytes, partition === null ? Math.ceil((1.2 * all) / partitions) : all);
}
