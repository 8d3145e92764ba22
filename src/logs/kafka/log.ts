import { TailraceError } from '../../model/errors.ts';
import type {
  Append,
  OffsetStore,
  ReadRequest,
  SourceOffset,
  SourcePartition,
  TopicInfo,
  TopicLog,
} from '../../model/log.ts';
import type { LogRecord } from '../../model/record.ts';
import type { Logger } from '../../observe/logger.ts';
import { formatOffsetKey } from '../offset-key.ts';
import { topicMissing } from '../topic-name.ts';
import { Appender } from './append.ts';
import { KafkaClient } from './client.ts';
import { type Delivery, PlainDelivery } from './delivery.ts';
import type { Situation } from './error-table.ts';
import { Fetcher } from './fetcher.ts';
import { clusterName, guarded } from './kafka-error.ts';
import { OffsetTopic } from './offset-topic.ts';
import { PartitionReader } from './reader.ts';
import type { Retries } from './retries.ts';
import type { KafkaLogSettings } from './settings.ts';
import { Topics } from './topics.ts';
import { TransactionalDelivery } from './transactional-delivery.ts';

export interface KafkaLogParts {
  readonly logger: Logger;
  /** Milliseconds since 1970 UTC: the timestamp of an offset that a command sets. */
  readonly clock: () => number;
  /** Aborts when the process is to end: an append that Kafka does not take within {@link STOP_WITHIN_MS} is then given up. */
  readonly stopping?: AbortSignal;
}

/** `task.shutdown.graceful.timeout.ms` of Connect. */
const STOP_WITHIN_MS = 5_000;

/** One connector's view of a Kafka cluster: its topics, and Connect's offsets topic. */
export type KafkaLog = TopicLog;

/**
 * Makes a log of a Kafka cluster, which is reached with the first call of one of its methods. They reject with TailraceErrors:
 * `log.connect`, `log.authentication`, `log.tls`, `log.privilege`, `log.setting`, `log.topic_missing`, `log.record_too_large`,
 * `log.fenced`, `log.unavailable`, `log.corrupt`.
 * @throws TailraceError `config.invalid`
 */
export function createKafkaLog(settings: KafkaLogSettings, parts: KafkaLogParts): KafkaLog {
  if (settings.exactlyOnce?.boundary.kind === 'connector') {
    throw new TailraceError(
      'config.invalid',
      `${settings.connector} does not define transaction boundaries of its own, as transaction.boundary=connector asks for`,
      { remedy: 'Set transaction.boundary to poll or interval.' },
    );
  }
  return new KafkaTopicLog(settings, parts);
}

class KafkaTopicLog implements TopicLog {
  readonly name: string;
  readonly guarantee: TopicLog['guarantee'];
  readonly offsets: OffsetStore;
  readonly #settings: KafkaLogSettings;
  readonly #parts: KafkaLogParts;
  readonly #client: KafkaClient;
  readonly #topics: Topics;
  readonly #reader: PartitionReader;
  readonly #offsetTopic: OffsetTopic;
  readonly #delivery: Delivery;
  readonly #appender: Appender;
  readonly #epochs = new Map<string, number>();
  /** What the tasks of this process have stored since they began: they are the only ones that do. */
  readonly #stored = new Map<string, SourceOffset>();
  /** Until then connecting is tried once: whoever started the process is waiting to hear of a wrong address. */
  #wasReached = false;
  /** One append, or fencing, at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(settings: KafkaLogSettings, parts: KafkaLogParts) {
    const { logger } = parts;
    const { exactlyOnce, producer, offsets } = settings;
    const retries: Retries = { timeoutMs: producer.deliveryTimeoutMs, backoffMs: producer.retryBackoffMs };
    this.#settings = settings;
    this.#parts = parts;
    this.name = clusterName(settings.client);
    this.guarantee = exactlyOnce === null ? 'at-least-once' : 'exactly-once';
    this.#client = new KafkaClient(settings.client, logger);
    const giveUp = (): void => void setTimeout(() => this.#client.close(), STOP_WITHIN_MS).unref();
    if (parts.stopping?.aborted === true) giveUp();
    else parts.stopping?.addEventListener('abort', giveUp, { once: true });
    const fetcher = new Fetcher(this.#client, retries);
    this.#reader = new PartitionReader(this.#client, fetcher, retries);
    this.#topics = new Topics({ client: this.#client, settings, retries, logger });
    this.#offsetTopic = new OffsetTopic({
      topic: offsets.topic,
      where: this.name,
      fetcher,
      reader: this.#reader,
      retries,
      partitions: () => this.#topics.count(offsets.topic),
    });
    this.#delivery =
      exactlyOnce === null
        ? new PlainDelivery(this.#client, settings)
        : new TransactionalDelivery(this.#client, settings, exactlyOnce);
    this.#appender = new Appender(settings, { topics: this.#topics, delivery: this.#delivery, logger });
    this.offsets = {
      get: (connector, partition) => this.#storedOffset(connector, partition),
      list: () =>
        this.#guarded({ doing: 'reading source offsets', topic: offsets.topic }, () => this.#offsetTopic.list()),
      set: (connector, partition, offset) => this.#setOffset(connector, partition, offset),
    };
  }

  fence(connector: string): Promise<number> {
    const epoch = (this.#epochs.get(connector) ?? 0) + 1;
    this.#epochs.set(connector, epoch);
    this.#stored.clear();
    return this.#inTurn(() =>
      this.#guarded({ doing: 'starting' }, async () => {
        await this.#delivery.init();
        return epoch;
      }),
    );
  }

  partitionsOf(): null {
    return null;
  }

  async append(append: Append): Promise<void> {
    const situation = { doing: 'writing' };
    const { connector, epoch, partition } = append;
    const { durable } = await this.#inTurn(async () => {
      if (epoch !== this.#epochs.get(connector)) throw outdated(connector, this.name);
      return this.#guarded(situation, () => this.#appender.append(append));
    });
    append.onAccepted?.();
    await this.#guarded(situation, () => durable);
    if (epoch === this.#epochs.get(connector)) this.#stored.set(formatOffsetKey(connector, partition), append.offset);
  }

  flush(): Promise<void> {
    return this.#guarded({ doing: 'writing' }, () => this.#delivery.flush());
  }

  topics(): Promise<readonly TopicInfo[]> {
    return this.#guarded({ doing: 'listing topics' }, () => this.#topics.list());
  }

  async *read(request: ReadRequest, signal?: AbortSignal): AsyncGenerator<LogRecord> {
    for await (const records of this.readBatches(request, signal)) {
      for (const record of records) {
        if (signal?.aborted === true) return;
        yield record;
      }
    }
  }

  async *readBatches(request: ReadRequest, signal?: AbortSignal): AsyncGenerator<readonly LogRecord[]> {
    const { topic, partition } = request;
    const situation = { doing: 'reading', topic, partition };
    const count = await this.#guarded(situation, () => this.#topics.count(topic));
    if (count === 0) throw topicMissing(topic, await this.#topicNames(), this.name);
    if (partition >= count) throw partitionMissing(topic, partition, count);
    const batches = this.#reader.read(request, signal);
    try {
      for (;;) {
        const { value, done } = await this.#guarded(situation, () => batches.next());
        if (done === true) return;
        yield value;
      }
    } finally {
      await batches.return(undefined);
    }
  }

  async close(): Promise<void> {
    await this.#turn.catch(() => {});
    this.#client.close();
  }

  #topicNames(): Promise<readonly string[]> {
    return this.#guarded({ doing: 'listing topics' }, async () =>
      (await this.#client.metadata(null)).map(({ topic }) => topic),
    );
  }

  /** A task that begins asks the topic, whoever wrote there; who watches it does not wait for its transactions. */
  async #storedOffset(connector: string, partition: SourcePartition): Promise<SourceOffset | null> {
    const stored = this.#stored.get(formatOffsetKey(connector, partition));
    if (stored !== undefined) return stored;
    return this.#guarded({ doing: 'reading source offsets', topic: this.#settings.offsets.topic }, () =>
      this.#offsetTopic.get(connector, partition),
    );
  }

  /** A command's: no task of the connector runs. */
  #setOffset(connector: string, partition: SourcePartition, offset: SourceOffset | null): Promise<void> {
    const timestampMs = this.#parts.clock();
    this.#stored.clear();
    return this.#inTurn(() =>
      this.#guarded({ doing: 'writing source offsets', topic: this.#settings.offsets.topic }, () =>
        // Not of the task's transactions: there may never have been one.
        this.#appender.setOffset(
          connector,
          { partition, offset, timestampMs },
          new PlainDelivery(this.#client, this.#settings),
        ),
      ),
    );
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.catch(() => {}).then(work);
    this.#turn = done;
    return done;
  }

  #guarded<T>(situation: Situation, work: () => Promise<T>): Promise<T> {
    const transactionalId = this.#settings.exactlyOnce?.transactionalId;
    const offsetsTopic = this.#settings.offsets.topic;
    const known = { ...situation, offsetsTopic, ...(transactionalId === undefined ? {} : { transactionalId }) };
    return guarded(this.#settings.client, known, async () => {
      if (!this.#wasReached) await this.#client.connect();
      this.#wasReached = true;
      return work();
    });
  }
}

function outdated(connector: string, where: string): TailraceError {
  return new TailraceError(
    'log.fenced',
    `A newer task of ${connector} writes to ${where}; this one may write no more.`,
    {
      remedy: 'Run each connector once only.',
    },
  );
}

function partitionMissing(topic: string, partition: number, count: number): TailraceError {
  return new TailraceError('log.topic_missing', `Topic ${topic} has no partition ${partition}: it has ${count}.`, {
    remedy: `Ask for one from 0 to ${count - 1}.`,
  });
}
