import { TailraceError } from '../../model/errors.ts';
import type { KafkaClient } from './client.ts';
import { type Delivered, type Delivery, deadline, producerSettings } from './delivery.ts';
import { KafkaProducer } from './producer.ts';
import type { RecordBatch } from './record-batch.ts';
import { KafkaRequestError } from './request-error.ts';
import type { KafkaLogSettings } from './settings.ts';
import { KafkaTransaction } from './transaction.ts';

/** When a transaction ends. */
interface Boundary {
  /** Appends of fewer records end it at once: they come one by one, and someone waits for each. */
  readonly fromRecords: number;
  /** After its first append. */
  readonly ageMs: number;
  /** After its last one. */
  readonly idleMs: number;
}

/**
 * `poll`: each append has a transaction of its own, but in a stream of full ones, where the end of a transaction, which takes the
 * brokers some 5 ms, would be most of the time: it is shared by those of 50 ms.
 */
const POLL: Boundary = { fromRecords: 256, ageMs: 50, idleMs: 5 };

/** What waits for the end of the open transaction. */
interface Open {
  readonly startedMs: number;
  readonly committed: PromiseWithResolvers<void>;
  timer: NodeJS.Timeout | null;
}

/**
 * Exactly once: records and offset in one transaction of Kafka, with those of other appends that came within `transaction.boundary`.
 * Each is durable when the transaction is committed.
 */
export class TransactionalDelivery implements Delivery {
  readonly #settings: KafkaLogSettings;
  readonly #producer: KafkaProducer;
  readonly #transaction: KafkaTransaction;
  readonly #boundary: Boundary;
  #open: Open | null = null;
  /** Nothing is sent while a transaction is being committed. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    client: KafkaClient,
    settings: KafkaLogSettings,
    exactlyOnce: NonNullable<KafkaLogSettings['exactlyOnce']>,
  ) {
    const { transactionalId, boundary } = exactlyOnce;
    const producer = new KafkaProducer({ client, settings: producerSettings(settings), transactionalId });
    this.#settings = settings;
    this.#producer = producer;
    this.#transaction = new KafkaTransaction({ client, producer, transactionalId, settings: settings.producer });
    this.#boundary =
      boundary.kind === 'interval' ? { fromRecords: 0, ageMs: boundary.intervalMs, idleMs: boundary.intervalMs } : POLL;
  }

  init(): Promise<void> {
    return this.#inTurn(async () => {
      const open = this.#open;
      if (open !== null) {
        this.#close(open);
        open.committed.reject(superseded());
      }
      await this.#producer.init(deadline(this.#settings));
    });
  }

  deliver(records: readonly RecordBatch[], offset: readonly RecordBatch[]): Promise<Delivered> {
    return this.#inTurn(async () => {
      const open = this.#open ?? this.#begin();
      await this.#ending(open, () => this.#transaction.send([...records, ...offset], deadline(this.#settings)));
      if (countOf(records) < this.#boundary.fromRecords) await this.#commit(open);
      else this.#schedule(open);
      return { durable: open.committed.promise };
    });
  }

  flush(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#open !== null) await this.#commit(this.#open);
    });
  }

  #begin(): Open {
    this.#transaction.begin();
    const open: Open = { startedMs: performance.now(), committed: Promise.withResolvers(), timer: null };
    // Those who wait for it get the error, if there are any.
    open.committed.promise.catch(() => {});
    this.#open = open;
    return open;
  }

  #schedule(open: Open): void {
    const { ageMs, idleMs } = this.#boundary;
    const leftMs = open.startedMs + ageMs - performance.now();
    if (open.timer !== null) clearTimeout(open.timer);
    open.timer = setTimeout(
      () => void this.#inTurn(() => this.#commitDue(open)),
      Math.max(0, Math.min(leftMs, idleMs)),
    );
  }

  async #commitDue(open: Open): Promise<void> {
    // Its error is that of the appends in it.
    if (this.#open === open) await this.#commit(open).catch(() => {});
  }

  async #commit(open: Open): Promise<void> {
    await this.#ending(open, () => this.#transaction.commit(deadline(this.#settings)));
    this.#close(open);
    open.committed.resolve();
  }

  /** After an error the transaction is at its end, and all appends in it have failed. */
  async #ending(open: Open, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#close(open);
      const { transactionTimeoutMs } = this.#settings.producer;
      // An epoch that the coordinator has raised by itself looks like another task's.
      const isLate = performance.now() - open.startedMs >= transactionTimeoutMs;
      const isTimedOut = isLate && error instanceof KafkaRequestError && error.isFenced;
      const failure = isTimedOut ? timedOut(transactionTimeoutMs, error) : error;
      open.committed.reject(failure);
      throw failure;
    }
  }

  #close(open: Open): void {
    if (open.timer !== null) clearTimeout(open.timer);
    this.#open = null;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.catch(() => {}).then(work);
    this.#turn = done;
    done.catch(() => {});
    return done;
  }
}

function countOf(batches: readonly RecordBatch[]): number {
  let records = 0;
  for (const { count } of batches) records += count;
  return records;
}

function superseded(): TailraceError {
  return new TailraceError(
    'log.fenced',
    'A newer task began while a transaction of this one was open: it was aborted.',
    {
      remedy: 'Run each connector once only.',
    },
  );
}

function timedOut(timeoutMs: number, cause: KafkaRequestError): TailraceError {
  return new TailraceError('log.unavailable', `A transaction took longer than ${timeoutMs} ms, and Kafka aborted it.`, {
    remedy:
      'The task goes on from its checkpoint. If it happens again, raise producer.override.transaction.timeout.ms, or lower transaction.boundary.interval.ms or tailrace.batch.bytes.',
    cause,
  });
}
