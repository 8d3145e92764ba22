import type { KafkaClient } from './client.ts';
import { KafkaProducer } from './producer.ts';
import type { RecordBatch } from './record-batch.ts';
import type { KafkaLogSettings } from './settings.ts';

/** How record batches get to the brokers, those of one append at a time. Errors are those of Kafka's client. */
export interface Delivery {
  /** Begins a new generation: nothing that an older one sends is taken any more, as far as Kafka can tell them apart. */
  init(): Promise<void>;
  /** Resolves when the brokers have the batches. */
  deliver(records: readonly RecordBatch[], offset: readonly RecordBatch[]): Promise<Delivered>;
  /** Makes durable what was delivered. */
  flush(): Promise<void>;
}

export interface Delivered {
  /** Records and offset survive, and are seen. */
  readonly durable: Promise<void>;
}

const DURABLE: Delivered = { durable: Promise.resolve() };

/**
 * At least once: all records are acknowledged before the offset is sent. A task that ends in between repeats the records of this one
 * append, as its offset is still that of the append before.
 */
export class PlainDelivery implements Delivery {
  readonly #settings: KafkaLogSettings;
  readonly #producer: KafkaProducer;

  constructor(client: KafkaClient, settings: KafkaLogSettings) {
    this.#settings = settings;
    this.#producer = new KafkaProducer({ client, settings: producerSettings(settings), transactionalId: null });
  }

  async init(): Promise<void> {
    await this.#producer.init(deadline(this.#settings));
  }

  async deliver(records: readonly RecordBatch[], offset: readonly RecordBatch[]): Promise<Delivered> {
    if (this.#producer.identity === null) await this.init();
    if (records.length > 0) await this.#producer.send(records, deadline(this.#settings), { mayLinger: true });
    await this.#producer.send(offset, deadline(this.#settings));
    return DURABLE;
  }

  async flush(): Promise<void> {}
}

export function producerSettings({ client, producer }: KafkaLogSettings): KafkaLogSettings['producer'] & {
  readonly requestTimeoutMs: number;
} {
  return { ...producer, requestTimeoutMs: client.requestTimeoutMs };
}

/** `delivery.timeout.ms` from now on, of performance.now(). */
export function deadline({ producer }: KafkaLogSettings): number {
  return performance.now() + producer.deliveryTimeoutMs;
}
