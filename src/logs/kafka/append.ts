import type { Append, SourceOffset, SourcePartition } from '../../model/log.ts';
import { type EncodedRecords, INDEX_STRIDE } from '../../model/record.ts';
import type { Logger } from '../../observe/logger.ts';
import { createCompressor } from './compression.ts';
import type { Delivered, Delivery } from './delivery.ts';
import { encodeOffset } from './offset-topic.ts';
import { OversizedRecords } from './oversized.ts';
import type { RecordBatch } from './record-batch.ts';
import { RecordBatchEncoder } from './record-batch-encoder.ts';
import { recordList } from './record-list.ts';
import type { KafkaLogSettings } from './settings.ts';
import type { Topics, TopicUse } from './topics.ts';

export interface NewOffset {
  readonly partition: SourcePartition;
  /** Null: it is removed. */
  readonly offset: SourceOffset | null;
  /** Milliseconds since 1970 UTC. */
  readonly timestampMs: number;
}

/** Turns appends into record batches, and sees to it that there are topics for them. */
export class Appender {
  readonly #settings: KafkaLogSettings;
  readonly #topics: Topics;
  readonly #delivery: Delivery;
  readonly #encoder: RecordBatchEncoder;
  readonly #oversized: OversizedRecords;

  constructor(settings: KafkaLogSettings, parts: { topics: Topics; delivery: Delivery; logger: Logger }) {
    const { topics, delivery, logger } = parts;
    const { compression, compressionLevel, batchBytes, maxRequestBytes } = settings.producer;
    const compressor = createCompressor(compression, compressionLevel);
    this.#settings = settings;
    this.#topics = topics;
    this.#delivery = delivery;
    this.#encoder = new RecordBatchEncoder({ compressor, batchBytes });
    this.#oversized = new OversizedRecords({
      connector: settings.connector,
      policy: settings.oversized,
      maxRequestBytes,
      maxBatchBytes: (topic) => topics.writable(topic).maxBatchBytes,
      compressor,
      logger,
    });
  }

  /** Resolves when the bytes of the append are not needed any more. @throws KafkaRequestError, TailraceError `log.record_too_large` */
  async append({ connector, records, partition, offset, timestampMs }: Append): Promise<Delivered> {
    await this.#ensureTopics(records);
    const admitted = records.flatMap((list) => (list.count === 0 ? [] : this.#oversized.admit(list)));
    const offsets = this.#offsetRecord(connector, partition, offset);
    const delivered = await this.#deliver(
      this.#delivery,
      this.#encode(admitted, timestampMs),
      this.#encode([offsets], timestampMs),
    );
    if (this.#settings.exactlyOnce?.boundary.kind !== 'interval') await this.#forget(records, delivered);
    return delivered;
  }

  /** Topics that a source has no need of any more: once the offset is stored with which it says so. */
  async #forget(records: readonly EncodedRecords[], { durable }: Delivered): Promise<void> {
    for (const { topic, kept, count, index } of records) {
      const last = (count - 1) * INDEX_STRIDE;
      if (kept !== true || count === 0 || index[last] !== -1 || index[last + 1] !== -1) continue;
      await durable;
      await this.#topics.clear(topic);
    }
  }

  /** Stores an offset alone, null to remove it. */
  async setOffset(connector: string, at: NewOffset, delivery: Delivery): Promise<void> {
    await this.#ensureTopics([]);
    const { durable } = await this.#deliver(
      delivery,
      [],
      this.#encode([this.#offsetRecord(connector, at.partition, at.offset)], at.timestampMs),
    );
    await durable;
  }

  async #deliver(
    delivery: Delivery,
    records: readonly RecordBatch[],
    offset: readonly RecordBatch[],
  ): Promise<Delivered> {
    try {
      return await delivery.deliver(records, offset);
    } catch (error) {
      this.#topics.forget();
      throw error;
    } finally {
      this.#encoder.release(records);
      this.#encoder.release(offset);
    }
  }

  async #ensureTopics(records: readonly EncodedRecords[]): Promise<void> {
    const unknown = this.#unknownTopics(records);
    if (unknown.size > 0) await this.#topics.ensure(unknown);
  }

  /** Empty for all appends but a few: topics are asked for once. */
  #unknownTopics(records: readonly EncodedRecords[]): ReadonlyMap<string, TopicUse> {
    const { offsets, oversized } = this.#settings;
    const unknown = new Map<string, TopicUse>();
    const note = (topic: string, use: TopicUse): void => {
      if (!this.#topics.isKnown(topic)) unknown.set(topic, use);
    };
    for (const { topic, kept } of records) note(topic, kept === true ? 'state' : 'records');
    note(offsets.topic, 'offsets');
    // With the first append, so that a fault in its name is known before it is needed.
    if (oversized.kind === 'dead-letter' && records.length > 0) note(oversized.topic, 'records');
    return unknown;
  }

  #offsetRecord(connector: string, partition: SourcePartition, offset: SourceOffset | null): EncodedRecords {
    const { key, value } = encodeOffset(connector, partition, offset);
    return recordList({ topic: this.#settings.offsets.topic, partition: null }, [{ key, value, headers: [] }]);
  }

  #encode(records: readonly EncodedRecords[], timestampMs: number): readonly RecordBatch[] {
    for (const list of records) {
      const { partitions, maxBatchBytes: mostBytes } = this.#topics.writable(list.topic);
      this.#encoder.add(list, { partitions, timestampMs, mostBytes });
    }
    return this.#encoder.finish();
  }
}
