import { type Logger, pino } from 'pino';
import type { Target } from '../../../src/logs/kafka/broker-pool.ts';
import { KafkaClient, type KafkaSession } from '../../../src/logs/kafka/client.ts';
import { createCompressor } from '../../../src/logs/kafka/compression.ts';
import type { KafkajsBroker } from '../../../src/logs/kafka/kafkajs-internals.ts';
import { KafkaProducer } from '../../../src/logs/kafka/producer.ts';
import type { RecordBatch } from '../../../src/logs/kafka/record-batch.ts';
import { RecordBatchEncoder } from '../../../src/logs/kafka/record-batch-encoder.ts';
import { decodeRecordSet } from '../../../src/logs/kafka/record-set.ts';
import { KafkaRequestError } from '../../../src/logs/kafka/request-error.ts';
import { createTopicsRequest, fetchRequest } from '../../../src/logs/kafka/requests.ts';
import type { KafkaClientSettings, KafkaProducerSettings } from '../../../src/logs/kafka/settings.ts';
import type { LogRecord } from '../../../src/model/record.ts';
import { encodedRecords, type PlainRecord } from './kafka-records.ts';

export const silent: Logger = pino({ level: 'silent' });

export function clientSettings(brokers: string, overrides: Partial<KafkaClientSettings> = {}): KafkaClientSettings {
  return {
    brokers: brokers.split(','),
    clientId: 'test',
    tls: null,
    sasl: null,
    connectionTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    metadataMaxAgeMs: 300_000,
    ...overrides,
  };
}

export const producerSettings: KafkaProducerSettings & Pick<KafkaClientSettings, 'requestTimeoutMs'> = {
  compression: 'none',
  compressionLevel: null,
  lingerMs: 0,
  batchBytes: 16_384,
  maxRequestBytes: 1_048_576,
  deliveryTimeoutMs: 60_000,
  retryBackoffMs: 10,
  transactionTimeoutMs: 60_000,
  requestTimeoutMs: 30_000,
};

/** For what must go well: long after any test. */
export function soon(): number {
  return performance.now() + 300_000;
}

/** What happens to one request on its way: not sent at all, or carried out with its answer lost. */
export type Fault = { readonly unsent: string } | { readonly answerLost: string };

/** A client of a real broker that loses some requests or answers, each fault once, in order, for the requests of its name. */
export class FaultyClient extends KafkaClient {
  readonly faults = new Map<string, (Fault | null)[]>();
  /** Names of all requests, in order. */
  readonly requests: string[] = [];

  /** Null lets a request through. */
  plan(request: string, ...faults: (Fault | null)[]): void {
    this.faults.set(request, faults);
  }

  override async call<T>(target: Target, request: string, work: (broker: KafkajsBroker) => Promise<T>): Promise<T> {
    return this.#meet(request, () => super.call(target, request, work));
  }

  override async session(nodeId: number): Promise<KafkaSession> {
    const session = await super.session(nodeId);
    return { ...session, send: (request) => this.#meet(request.apiName, () => session.send(request)) };
  }

  async #meet<T>(request: string, send: () => Promise<T>): Promise<T> {
    this.requests.push(request);
    const fault = this.faults.get(request)?.shift() ?? null;
    if (fault === null) return send();
    if ('unsent' in fault) throw new KafkaRequestError(request, { type: fault.unsent });
    await send();
    throw new KafkaRequestError(request, { type: fault.answerLost });
  }
}

export async function createTopic(
  client: KafkaClient,
  topic: string,
  options: { readonly partitions?: number; readonly configs?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const { partitions = 1, configs = {} } = options;
  const request = createTopicsRequest([{ topic, partitions, replicationFactor: 1, configs }], 10_000);
  const [result] = await client.send('controller', request);
  if (result?.error !== null) throw new Error(`${topic}: ${result?.error} ${result?.message}`);
  // The broker knows of it some time after the controller does.
  for (let partition = 0; partition < partitions; ) {
    try {
      await readPartition(client, topic, { partition });
      partition++;
    } catch {
      client.forgetTopics([topic]);
      await new Promise((wake) => setTimeout(wake, 20));
    }
  }
}

export function encodeBatches(
  topic: string,
  records: readonly PlainRecord[],
  options: {
    readonly partition?: number | null;
    readonly partitions?: number;
    readonly batchBytes?: number;
    readonly codec?: KafkaProducerSettings['compression'];
  } = {},
): readonly RecordBatch[] {
  const { partition = 0, partitions = 1, batchBytes = 1 << 20, codec = 'none' } = options;
  const encoder = new RecordBatchEncoder({ compressor: createCompressor(codec, null), batchBytes });
  encoder.add(encodedRecords(topic, partition, records), { partitions, timestampMs: Date.now() });
  return encoder.finish();
}

/** A partition from its beginning to its end now; `committed` leaves out what is open or aborted. */
export async function readPartition(
  client: KafkaClient,
  topic: string,
  options: { readonly partition?: number; readonly committed?: boolean } = {},
): Promise<LogRecord[]> {
  const { partition = 0, committed = true } = options;
  const records: LogRecord[] = [];
  for (let offset = 0; ; ) {
    const request = fetchRequest([{ topic, partition, offset }], {
      maxWaitMs: 0,
      maxBytes: 1 << 24,
      maxPartitionBytes: 1 << 24,
      committed,
    });
    const [fetched] = await client.send(await client.leader(topic, partition), request);
    if (fetched === undefined || fetched.error !== null) throw new Error(`fetch: ${fetched?.error}`);
    const { batches, nextOffset } = decodeRecordSet(fetched.recordSet, {
      topic,
      partition,
      from: offset,
      aborted: fetched.aborted,
    });
    records.push(...batches.flat());
    if (nextOffset === offset) return records;
    offset = nextOffset;
  }
}

export function valuesOf(records: readonly { readonly value: Buffer | null }[]): string[] {
  return records.map(({ value }) => String(value));
}

export function createProducer(
  client: KafkaClient,
  transactionalId: string | null = null,
  overrides: Partial<KafkaProducerSettings> = {},
): KafkaProducer {
  return new KafkaProducer({ client, settings: { ...producerSettings, ...overrides }, transactionalId });
}
