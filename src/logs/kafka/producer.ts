import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaClient } from './client.ts';
import { type ProduceAnswer, produceRequest } from './produce-request.ts';
import { type ProducerIdentity, type RecordBatch, sequenceAfter } from './record-batch.ts';
import { errorName, KafkaRequestError } from './request-error.ts';
import { Backoff, retryUntil } from './retry.ts';
import type { KafkaClientSettings, KafkaProducerSettings } from './settings.ts';

export interface KafkaProducerOptions {
  readonly client: KafkaClient;
  readonly settings: KafkaProducerSettings & Pick<KafkaClientSettings, 'requestTimeoutMs'>;
  /** Null: no transactions. */
  readonly transactionalId: string | null;
}

/** Requests on the way to one broker at a time: it remembers the sequences of as many batches of a partition (Kafka's own limit). */
const MAX_IN_FLIGHT = 5;

/** Batches of one partition that are not delivered yet, in order. */
interface PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  readonly batches: RecordBatch[];
  /** Of `batches`, in this round. */
  sent: number;
  delivered: number;
  /** The first of the round: nothing more is sent after it. */
  error: unknown;
}

/**
 * Delivers record batches, each exactly once and in the order of its partition: idempotent, acknowledged by all replicas in sync.
 * What may go well later is sent again, the same bytes with the same sequence, until the deadline. After any error that is thrown the
 * producer is at its end, and {@link init} begins a new one.
 */
export class KafkaProducer {
  readonly #client: KafkaClient;
  readonly #settings: KafkaProducerOptions['settings'];
  readonly #transactionalId: string | null;
  readonly #sequences = new Map<string, number[]>();
  #identity: ProducerIdentity | null = null;

  constructor({ client, settings, transactionalId }: KafkaProducerOptions) {
    this.#client = client;
    this.#settings = settings;
    this.#transactionalId = transactionalId;
  }

  /** Null: {@link init} is needed. */
  get identity(): ProducerIdentity | null {
    return this.#identity;
  }

  /**
   * Gets a producer id. With a transactional id it fences every older producer of that id, whose open transaction is aborted and whose
   * finished one is on the topics when this resolves. `deadlineMs` is of performance.now(), here and below.
   * @throws KafkaRequestError
   */
  async init(deadlineMs: number): Promise<ProducerIdentity> {
    const transactionalId = this.#transactionalId;
    this.#identity = null;
    this.#sequences.clear();
    const request = {
      ...(transactionalId === null ? {} : { transactionalId }),
      transactionTimeout: this.#settings.transactionTimeoutMs,
    };
    const onRetry = (error: KafkaRequestError): void => {
      if (transactionalId !== null && error.type !== 'CONCURRENT_TRANSACTIONS') {
        this.#client.forgetCoordinator(transactionalId);
      }
    };
    const backoffMs = this.#settings.retryBackoffMs;
    const { producerId, producerEpoch } = await retryUntil({ deadlineMs, backoffMs, onRetry }, async () => {
      const target = transactionalId === null ? 'any' : await this.#client.coordinator(transactionalId);
      return this.#client.call(target, 'InitProducerId', (broker) => broker.initProducerId(request));
    });
    const isTransactional = transactionalId !== null;
    this.#identity = { producerId: BigInt(producerId), epoch: producerEpoch, isTransactional };
    return this.#identity;
  }

  /** The producer is at its end: nothing is sent any more until {@link init}. */
  end(): void {
    this.#identity = null;
  }

  /**
   * Resolves when every batch is delivered. Batches are sealed here: they must be new. When it rejects, some may be delivered.
   * `mayLinger`: they wait for `linger.ms` unless they fill a batch; what comes meanwhile makes the next append larger.
   * @throws KafkaRequestError with topic, partition and broker
   */
  async send(
    batches: readonly RecordBatch[],
    deadlineMs: number,
    { mayLinger = false }: { readonly mayLinger?: boolean } = {},
  ): Promise<void> {
    const identity = this.#identity;
    if (identity === null) throw new Error('the producer is at its end: init() begins a new one');
    try {
      if (mayLinger) await this.#linger(batches);
      await this.#deliver(this.#enqueue(batches, identity), deadlineMs);
    } catch (error) {
      // Which sequences the brokers have seen is not known any more.
      this.#identity = null;
      throw error;
    }
  }

  async #linger(batches: readonly RecordBatch[]): Promise<void> {
    const { lingerMs, batchBytes } = this.#settings;
    if (lingerMs <= 0) return;
    let bytes = 0;
    for (const { byteLength } of batches) bytes += byteLength;
    if (bytes < batchBytes) await sleep(lingerMs);
  }

  #enqueue(batches: readonly RecordBatch[], identity: ProducerIdentity): PartitionQueue[] {
    const queues = new Map<string, PartitionQueue[]>();
    for (const batch of batches) {
      const { topic, partition, count } = batch;
      const sequences = getOrInsert(this.#sequences, topic, (): number[] => []);
      const sequence = sequences[partition] ?? 0;
      batch.seal(identity, sequence);
      sequences[partition] = sequenceAfter(sequence, count);
      const own = getOrInsert(queues, topic, (): PartitionQueue[] => []);
      const queue = own[partition];
      if (queue !== undefined) queue.batches.push(batch);
      else own[partition] = { topic, partition, batches: [batch], sent: 0, delivered: 0, error: null };
    }
    return [...queues.values()].flatMap((own) => own.filter((queue) => queue !== undefined));
  }

  async #deliver(all: readonly PartitionQueue[], deadlineMs: number): Promise<void> {
    const backoff = new Backoff(this.#settings.retryBackoffMs);
    for (let queues = all; ; ) {
      await this.#sendRound(queues);
      queues = queues.filter(({ batches, delivered }) => delivered < batches.length);
      if (queues.length === 0) return;
      await backoff.wait(retriableError(queues), deadlineMs);
      this.#client.forgetTopics(new Set(queues.map(({ topic }) => topic)));
      for (const queue of queues) {
        queue.batches.splice(0, queue.delivered);
        queue.sent = 0;
        queue.delivered = 0;
        queue.error = null;
      }
    }
  }

  /** Sends what is in the queues to the leaders of today, each queue up to its first error. All answers are there when it resolves. */
  async #sendRound(queues: readonly PartitionQueue[]): Promise<void> {
    const byLeader = new Map<number, PartitionQueue[]>();
    await this.#client.learnTopics(new Set(queues.map(({ topic }) => topic))).catch((error: unknown) => {
      fail(queues, error);
    });
    for (const queue of queues) {
      if (queue.error !== null) continue;
      try {
        const leader = await this.#client.leader(queue.topic, queue.partition);
        getOrInsert(byLeader, leader, (): PartitionQueue[] => []).push(queue);
      } catch (error) {
        fail([queue], error);
      }
    }
    const sends = await Promise.allSettled([...byLeader].map(([nodeId, own]) => this.#sendTo(nodeId, own)));
    for (const send of sends) if (send.status === 'rejected') throw send.reason;
  }

  async #sendTo(nodeId: number, queues: readonly PartitionQueue[]): Promise<void> {
    let session: Awaited<ReturnType<KafkaClient['session']>>;
    try {
      session = await this.#client.session(nodeId);
    } catch (error) {
      fail(queues, error);
      return;
    }
    const { requestTimeoutMs, maxRequestBytes } = this.#settings;
    const options = { transactionalId: this.#transactionalId, timeoutMs: requestTimeoutMs };
    const inFlight: Promise<void>[] = [];
    for (;;) {
      const next = nextBatches(queues, maxRequestBytes);
      if (next.length === 0) {
        if (inFlight.length === 0) break;
        await inFlight.shift();
        continue;
      }
      const request = produceRequest(
        next.map(({ batches, sent }) => batches[sent]!),
        options,
      );
      for (const queue of next) queue.sent++;
      inFlight.push(
        session.send(request).then(
          ({ partitions }) => settle(next, partitions, session.address),
          (error: unknown) => fail(next, error),
        ),
      );
      // They are answered in the order in which they were sent.
      if (inFlight.length >= MAX_IN_FLIGHT) await inFlight.shift();
    }
  }
}

/** Why a round did not deliver everything. @throws what makes another round useless */
function retriableError(queues: readonly PartitionQueue[]): KafkaRequestError {
  let first: KafkaRequestError | null = null;
  for (const { error } of queues) {
    if (!(error instanceof KafkaRequestError) || !error.isRetriable) throw error;
    first ??= error;
  }
  return first!;
}

/** Queues whose next batch goes into the same request, of `maxBytes` unless the first alone is larger. */
function nextBatches(queues: readonly PartitionQueue[], maxBytes: number): PartitionQueue[] {
  const next: PartitionQueue[] = [];
  let bytes = 0;
  for (const queue of queues) {
    const batch = queue.batches[queue.sent];
    if (batch === undefined || queue.error !== null || isBeginning(queue)) continue;
    bytes += batch.byteLength;
    if (bytes > maxBytes && next.length > 0) break;
    next.push(queue);
  }
  return next;
}

/**
 * The first batch for a partition is on its way, alone. A broker that knows nothing of a producer, or does not any more, takes any
 * sequence as its first: were that batch refused, because the topic was made a moment ago, the next one could stand in its place.
 */
function isBeginning({ sent, delivered }: PartitionQueue): boolean {
  return sent > 0 && delivered === 0;
}

/** Takes the broker's answer to a request with a batch of each queue. */
function settle(queues: readonly PartitionQueue[], answers: ProduceAnswer['partitions'], broker: string): void {
  const byTopic = Map.groupBy(answers, ({ topic }) => topic);
  for (const queue of queues) {
    if (queue.error !== null) continue;
    const { topic, partition } = queue;
    const answer = byTopic.get(topic)?.find((candidate) => candidate.partition === partition);
    const type = answer === undefined ? 'UNKNOWN_SERVER_ERROR' : errorName(answer.errorCode);
    // It was sent before, and the answer was lost.
    if (type === 'NONE' || type === 'DUPLICATE_SEQUENCE_NUMBER') queue.delivered++;
    else
      queue.error = new KafkaRequestError('Produce', {
        type,
        topic,
        partition,
        broker,
        reason: answer?.message ?? undefined,
      });
  }
}

function fail(queues: readonly PartitionQueue[], error: unknown): void {
  for (const queue of queues) queue.error ??= error;
}

function getOrInsert<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}
