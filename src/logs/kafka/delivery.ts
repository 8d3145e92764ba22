import { TailraceError } from '../../model/errors.ts';
import type { Delivery } from './append.ts';
import type { KafkaClient } from './client.ts';
import { KafkaProducer } from './producer.ts';
import type { RecordBatch } from './record-batch.ts';
import { KafkaRequestError } from './request-error.ts';
import type { KafkaLogSettings } from './settings.ts';
import { KafkaTransaction } from './transaction.ts';

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

  async deliver(records: readonly RecordBatch[], offset: readonly RecordBatch[]): Promise<void> {
    if (this.#producer.identity === null) await this.init();
    if (records.length > 0) await this.#producer.send(records, deadline(this.#settings));
    await this.#producer.send(offset, deadline(this.#settings));
  }
}

/** Exactly once: records and offset in one transaction of Kafka. */
export class TransactionalDelivery implements Delivery {
  readonly #settings: KafkaLogSettings;
  readonly #producer: KafkaProducer;
  readonly #transaction: KafkaTransaction;

  constructor(client: KafkaClient, settings: KafkaLogSettings, transactionalId: string) {
    this.#settings = settings;
    this.#producer = new KafkaProducer({ client, settings: producerSettings(settings), transactionalId });
    this.#transaction = new KafkaTransaction({
      client,
      producer: this.#producer,
      transactionalId,
      settings: settings.producer,
    });
  }

  async init(): Promise<void> {
    await this.#producer.init(deadline(this.#settings));
  }

  async deliver(records: readonly RecordBatch[], offset: readonly RecordBatch[]): Promise<void> {
    const startedMs = performance.now();
    try {
      this.#transaction.begin();
      await this.#transaction.send([...records, ...offset], deadline(this.#settings));
      await this.#transaction.commit(deadline(this.#settings));
    } catch (error) {
      // An epoch that the coordinator has raised by itself looks like another task's.
      const { transactionTimeoutMs } = this.#settings.producer;
      const isLate = performance.now() - startedMs >= transactionTimeoutMs;
      throw isLate && error instanceof KafkaRequestError && error.isFenced
        ? timedOut(transactionTimeoutMs, error)
        : error;
    }
  }
}

function producerSettings({ client, producer }: KafkaLogSettings): KafkaLogSettings['producer'] & {
  readonly requestTimeoutMs: number;
} {
  return { ...producer, requestTimeoutMs: client.requestTimeoutMs };
}

/** Of performance.now(). */
function deadline({ producer }: KafkaLogSettings): number {
  return performance.now() + producer.deliveryTimeoutMs;
}

function timedOut(timeoutMs: number, cause: KafkaRequestError): TailraceError {
  return new TailraceError('log.unavailable', `A transaction took longer than ${timeoutMs} ms, and Kafka aborted it.`, {
    remedy:
      'The task goes on from its checkpoint. If it happens again, raise producer.override.transaction.timeout.ms or lower tailrace.batch.bytes.',
    cause,
  });
}
