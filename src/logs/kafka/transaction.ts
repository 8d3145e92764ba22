import type { KafkaClient } from './client.ts';
import { requestAddPartitions } from './kafkajs-internals.ts';
import type { KafkaProducer } from './producer.ts';
import type { ProducerIdentity, RecordBatch } from './record-batch.ts';
import { errorName, KafkaRequestError } from './request-error.ts';
import { retryUntil } from './retry.ts';
import type { KafkaProducerSettings } from './settings.ts';

export interface TransactionOptions {
  readonly client: KafkaClient;
  /** One with the same transactional id, initialised. */
  readonly producer: KafkaProducer;
  readonly transactionalId: string;
  readonly settings: Pick<KafkaProducerSettings, 'retryBackoffMs'>;
}

/**
 * A transaction of Kafka at a time: what is sent between {@link begin} and {@link commit} is seen by read-committed readers as a whole,
 * or not at all. After any error that is thrown the producer is at its end: `producer.init()` settles what is open, and only the topics
 * then tell whether a commit whose answer never came was carried out. Deadlines are of performance.now().
 */
export class KafkaTransaction {
  readonly #client: KafkaClient;
  readonly #producer: KafkaProducer;
  readonly #transactionalId: string;
  readonly #backoffMs: number;
  /** Partitions by topic that the coordinator knows to belong to the open transaction; null: none is open. */
  #added: Map<string, Set<number>> | null = null;
  /** Whose it is: one of a producer that is at its end is not open any more. */
  #owner: ProducerIdentity | null = null;

  constructor({ client, producer, transactionalId, settings }: TransactionOptions) {
    this.#client = client;
    this.#producer = producer;
    this.#transactionalId = transactionalId;
    this.#backoffMs = settings.retryBackoffMs;
  }

  get isOpen(): boolean {
    const { identity } = this.#producer;
    return this.#added !== null && identity !== null && identity === this.#owner;
  }

  /** Begins one; the cluster hears of it with the first records. */
  begin(): void {
    if (this.isOpen) throw new Error('a transaction is open already');
    this.#added = new Map();
    this.#owner = this.#producer.identity;
  }

  /** Delivers batches as part of the open transaction. @throws KafkaRequestError */
  async send(batches: readonly RecordBatch[], deadlineMs: number): Promise<void> {
    await this.#addPartitions(batches, deadlineMs);
    await this.#producer.send(batches, deadlineMs);
  }

  /**
   * Resolves when the transaction is committed for certain. An answer that is lost is asked for again: the coordinator gives the same.
   * @throws KafkaRequestError when it is not committed, or when nobody could tell until the deadline
   */
  async commit(deadlineMs: number): Promise<void> {
    await this.#end(true, deadlineMs);
  }

  /** Nobody will see the records of the open transaction. @throws KafkaRequestError */
  async abort(deadlineMs: number): Promise<void> {
    await this.#end(false, deadlineMs);
  }

  async #addPartitions(batches: readonly RecordBatch[], deadlineMs: number): Promise<void> {
    const added = this.#added;
    if (added === null) throw new Error('no transaction is open');
    const missing = new Map<string, Set<number>>();
    for (const { topic, partition } of batches) {
      if (added.get(topic)?.has(partition)) continue;
      const partitions = missing.get(topic);
      if (partitions === undefined) missing.set(topic, new Set([partition]));
      else partitions.add(partition);
    }
    if (missing.size === 0) return;
    const topics = [...missing].map(([topic, partitions]) => ({ topic, partitions: [...partitions] }));
    await this.#ask('AddPartitionsToTxn', deadlineMs, async (coordinator, identity) => {
      const { errors } = await this.#client.call(coordinator, 'AddPartitionsToTxn', (broker) =>
        requestAddPartitions(broker, { ...this.#producerFields(identity), topics }),
      );
      throwFirst(errors, this.#client.address(coordinator));
    });
    for (const [topic, partitions] of missing) {
      added.set(topic, (added.get(topic) ?? new Set()).union(partitions));
    }
  }

  async #end(isCommit: boolean, deadlineMs: number): Promise<void> {
    const added = this.#added;
    if (added === null) throw new Error('no transaction is open');
    this.#added = null;
    // The coordinator has heard of nothing.
    if (added.size === 0) return;
    await this.#ask('EndTxn', deadlineMs, (coordinator, identity) =>
      this.#client.call(coordinator, 'EndTxn', (broker) =>
        broker.endTxn({ ...this.#producerFields(identity), transactionResult: isCommit }),
      ),
    );
  }

  /** Asks the coordinator, wherever it is by now. */
  async #ask(
    request: string,
    deadlineMs: number,
    ask: (coordinator: number, identity: ProducerIdentity) => Promise<unknown>,
  ): Promise<void> {
    const { identity } = this.#producer;
    if (identity === null) throw new Error(`${request}: the producer is at its end`);
    const onRetry = ({ type }: KafkaRequestError): void => {
      if (type !== 'CONCURRENT_TRANSACTIONS') this.#client.forgetCoordinator(this.#transactionalId);
    };
    try {
      await retryUntil({ deadlineMs, backoffMs: this.#backoffMs, onRetry }, async () => {
        await ask(await this.#client.coordinator(this.#transactionalId), identity);
      });
    } catch (error) {
      this.#producer.end();
      throw error;
    }
  }

  #producerFields({ producerId, epoch }: ProducerIdentity): {
    transactionalId: string;
    producerId: string;
    producerEpoch: number;
  } {
    return { transactionalId: this.#transactionalId, producerId: String(producerId), producerEpoch: epoch };
  }
}

/** What partitions are told where the fault is with others of the same request. */
const NOT_ATTEMPTED = 'OPERATION_NOT_ATTEMPTED';

function throwFirst(topics: Awaited<ReturnType<typeof requestAddPartitions>>['errors'], broker: string): void {
  let found: KafkaRequestError | null = null;
  for (const { topic, partitionErrors } of topics) {
    for (const { partition, errorCode } of partitionErrors) {
      const type = errorName(errorCode);
      if (type === 'NONE' || (found !== null && found.type !== NOT_ATTEMPTED)) continue;
      found = new KafkaRequestError('AddPartitionsToTxn', { type, topic, partition, broker });
    }
  }
  if (found !== null) throw found;
}
