import type { TopicInfo } from '../../model/log.ts';
import type { Logger } from '../../observe/logger.ts';
import { brokerConfigRequest } from './access-requests.ts';
import type { KafkaClient, TopicMetadata } from './client.ts';
import { KafkaRequestError } from './request-error.ts';
import {
  createTopicsRequest,
  deleteRecordsRequest,
  describeTopicConfigsRequest,
  listOffsetsRequest,
  type NewTopic,
  type TopicPartition,
} from './requests.ts';
import { type Retries, withRetries } from './retries.ts';
import type { KafkaLogSettings } from './settings.ts';
import { newOffsetsTopic, newRecordTopic, newStateTopic } from './topic-creation.ts';

/** What a topic is for: that says how it is made when it is missing. */
export type TopicUse = 'records' | 'state' | 'offsets';

/** How long the controller, and the brokers after it, may take to make a topic. */
const CREATE_TIMEOUT_MS = 30_000;
/** How long a broker that makes topics by itself may take: `max.block.ms` of Java's producer. */
const AUTO_CREATE_TIMEOUT_MS = 60_000;

const DELETE_TIMEOUT_MS = 5_000;
/** Someone waits for it, and a partition may be without a leader for long. */
const LIST_TIMEOUT_MS = 10_000;

/** Kafka's own, which it calls internal. */
const INTERNAL = new Set([
  '__consumer_offsets',
  '__transaction_state',
  '__share_group_state',
  '__cluster_metadata',
  '__remote_log_metadata',
]);

export interface KnownTopic {
  readonly partitions: number;
  /** `max.message.bytes`, the largest record batch that the topic takes; infinite where the broker does not tell. */
  readonly maxBatchBytes: number;
  /** Of performance.now(). */
  readonly atMs: number;
}

export interface TopicsParts {
  readonly client: KafkaClient;
  readonly settings: KafkaLogSettings;
  readonly retries: Retries;
  readonly logger: Logger;
}

/** The topics of a cluster: which there are, and those that have to be made. */
export class Topics {
  readonly #parts: TopicsParts;
  /** Those that were written to. */
  readonly #known = new Map<string, KnownTopic>();

  constructor(parts: TopicsParts) {
    this.#parts = parts;
  }

  /** Whether {@link writable} can tell, and what it tells is not older than `metadata.max.age.ms`. */
  isKnown(topic: string): boolean {
    const known = this.#known.get(topic);
    return known !== undefined && performance.now() - known.atMs < this.#parts.settings.client.metadataMaxAgeMs;
  }

  /** What {@link ensure} has found out. */
  writable(topic: string): KnownTopic {
    return this.#known.get(topic)!;
  }

  /** {@link ensure} asks again: a topic may have been deleted, or was changed. */
  forget(): void {
    this.#known.clear();
  }

  /** The number of partitions of a topic; 0: it is missing. */
  async count(topic: string): Promise<number> {
    return withRetries(this.#parts.retries, async () => {
      const { error, partitions } = await this.#parts.client.topic(topic);
      if (error === 'UNKNOWN_TOPIC_OR_PARTITION') return 0;
      if (error !== null) throw new KafkaRequestError('Metadata', { type: error, topic });
      return partitions.length;
    });
  }

  /** From now on they are {@link writable}: made where they are missing. @throws KafkaRequestError */
  async ensure(uses: ReadonlyMap<string, TopicUse>): Promise<void> {
    const topics = [...uses.keys()];
    const missing = await withRetries(this.#parts.retries, () => this.#missing(topics));
    const left: string[] = [];
    const created: NewTopic[] = [];
    for (const topic of missing) {
      const fresh = this.#newTopic(topic, uses.get(topic)!);
      if (fresh === null) left.push(topic);
      else created.push(fresh);
    }
    if (created.length > 0) await this.#create(created);
    if (left.length > 0) await this.#leaveToBroker(left);
    await this.#learn(uses);
  }

  /** Deletes all records of a source's own topic. What stays if that fails is of no harm. */
  async clear(topic: string): Promise<void> {
    const { client, logger } = this.#parts;
    const at = { topic, partition: 0 };
    try {
      const leader = await client.leader(topic, 0);
      const [end] = await client.send(leader, listOffsetsRequest([at], 'latest', true));
      if (end === undefined || end.error !== null) return;
      const { error } = await client.send(leader, deleteRecordsRequest(at, end.offset, DELETE_TIMEOUT_MS));
      if (error !== null) throw new KafkaRequestError('DeleteRecords', { type: error, topic });
    } catch (error) {
      if (!(error instanceof KafkaRequestError)) throw error;
      logger.debug({ topic, error: error.type }, 'records that nobody needs any more could not be deleted');
    }
  }

  /** All topics but Kafka's own, by name. */
  async list(): Promise<readonly TopicInfo[]> {
    const { client, retries } = this.#parts;
    return withRetries({ ...retries, timeoutMs: Math.min(retries.timeoutMs, LIST_TIMEOUT_MS) }, async () => {
      const topics = (await client.metadata(null)).filter(({ topic }) => !INTERNAL.has(topic));
      const partitions = topics.flatMap(({ topic, partitions }) => partitions.map((p) => ({ topic, ...p })));
      const [starts, ends] = await Promise.all([
        this.#offsets(partitions, 'earliest'),
        this.#offsets(partitions, 'latest'),
      ]);
      return topics
        .map(({ topic, partitions }) => ({
          topic,
          partitions: partitions.map(({ partition }) => {
            const [startOffset, endOffset] = [starts.get(`${topic} ${partition}`)!, ends.get(`${topic} ${partition}`)!];
            return { partition, startOffset, endOffset, records: endOffset - startOffset, sizeBytes: null };
          }),
        }))
        .sort((a, b) => (a.topic < b.topic ? -1 : 1));
    });
  }

  async #offsets(
    partitions: readonly (TopicPartition & { readonly leader: number })[],
    which: 'earliest' | 'latest',
  ): Promise<ReadonlyMap<string, number>> {
    const { client } = this.#parts;
    const found = new Map<string, number>();
    const byLeader = Map.groupBy(partitions, ({ leader }) => leader);
    await Promise.all(
      [...byLeader].map(async ([leader, own]) => {
        const { topic, partition } = own[0]!;
        if (leader < 0) throw new KafkaRequestError('ListOffsets', { type: 'LEADER_NOT_AVAILABLE', topic, partition });
        for (const { topic, partition, error, offset } of await client.send(
          leader,
          listOffsetsRequest(own, which, false),
        )) {
          if (error !== null) throw new KafkaRequestError('ListOffsets', { type: error, topic, partition });
          found.set(`${topic} ${partition}`, offset);
        }
      }),
    );
    return found;
  }

  async #missing(topics: readonly string[]): Promise<readonly string[]> {
    const found = await this.#parts.client.metadata(topics);
    return found.filter((metadata) => !isThere(metadata)).map(({ topic }) => topic);
  }

  #newTopic(topic: string, use: TopicUse): NewTopic | null {
    const { settings } = this.#parts;
    if (use === 'offsets') return newOffsetsTopic(settings.offsets);
    return use === 'state' ? newStateTopic(topic) : newRecordTopic(topic, settings.topicCreation);
  }

  async #create(topics: readonly NewTopic[]): Promise<void> {
    const { client, retries, logger } = this.#parts;
    await withRetries(retries, async () => {
      const results = await client.send('controller', createTopicsRequest(topics, CREATE_TIMEOUT_MS));
      for (const { topic, error, message } of results) {
        // Another task may have been faster.
        if (error !== null && error !== 'TOPIC_ALREADY_EXISTS') {
          throw new KafkaRequestError('CreateTopics', { type: error, topic, reason: message ?? undefined });
        }
        if (error === null) logger.info({ topic }, 'topic created');
      }
    });
    await this.#awaitTopics(
      topics.map(({ topic }) => topic),
      CREATE_TIMEOUT_MS,
      false,
    );
  }

  async #leaveToBroker(topics: readonly string[]): Promise<void> {
    const { client } = this.#parts;
    const [broker] = client.nodeIds();
    const allowed = broker === undefined ? null : await client.send(broker, brokerConfigRequest(broker, AUTO_CREATE));
    if (allowed !== 'false') return this.#awaitTopics(topics, AUTO_CREATE_TIMEOUT_MS, true);
    const topic = topics[0]!;
    throw new KafkaRequestError('Metadata', { type: 'UNKNOWN_TOPIC_OR_PARTITION', topic });
  }

  /** Until the brokers know them; `create` asks the brokers to make them as they have it. */
  async #awaitTopics(topics: readonly string[], timeoutMs: number, create: boolean): Promise<void> {
    const { client, retries } = this.#parts;
    await withRetries({ ...retries, timeoutMs }, async () => {
      for (const metadata of await client.metadata(topics, { create })) {
        const { topic } = metadata;
        if (!isThere(metadata)) throw new KafkaRequestError('Metadata', { type: 'UNKNOWN_TOPIC_OR_PARTITION', topic });
        const leaderless = metadata.partitions.find(({ leader }) => leader < 0);
        if (leaderless === undefined) continue;
        const { partition } = leaderless;
        throw new KafkaRequestError('Metadata', { type: 'LEADER_NOT_AVAILABLE', topic, partition });
      }
    });
  }

  async #learn(uses: ReadonlyMap<string, TopicUse>): Promise<void> {
    const { client, retries, logger } = this.#parts;
    const names = [MAX_MESSAGE_BYTES, CLEANUP_POLICY, RETENTION_MS];
    const found = await withRetries(retries, () =>
      client.send('any', describeTopicConfigsRequest([...uses.keys()], names)),
    );
    for (const { topic, error, configs } of found) {
      if (error !== null) logger.debug({ topic, error }, 'the broker does not tell how a topic is configured');
      const bytes = Number(configs.get(MAX_MESSAGE_BYTES) ?? Number.NaN);
      const maxBatchBytes = Number.isNaN(bytes) ? Number.POSITIVE_INFINITY : bytes;
      const isFirst = !this.#known.has(topic);
      this.#known.set(topic, { partitions: await this.count(topic), maxBatchBytes, atMs: performance.now() });
      if (isFirst) this.#warnOfLoss(topic, uses.get(topic)!, configs);
    }
  }

  /** Of a topic that another has made. */
  #warnOfLoss(topic: string, use: TopicUse, configs: ReadonlyMap<string, string | null>): void {
    const { logger } = this.#parts;
    const policy = configs.get(CLEANUP_POLICY) ?? null;
    const retentionMs = configs.get(RETENTION_MS) ?? null;
    if (use === 'offsets' && policy !== null && !policy.includes('compact')) {
      logger.warn(
        { topic, policy },
        'the offsets topic should have cleanup.policy=compact: offsets vanish with its retention',
      );
    }
    if (use === 'state' && policy !== null && (policy.includes('compact') || retentionMs !== '-1')) {
      logger.warn(
        { topic, policy, retentionMs },
        'a topic that must be kept whole should have cleanup.policy=delete and retention.ms=-1: without its oldest records a restart fails',
      );
    }
  }
}

/** A broker answers for a topic that it does not make, and for one that it is making, alike. */
const AUTO_CREATE = 'auto.create.topics.enable';
const MAX_MESSAGE_BYTES = 'max.message.bytes';
const CLEANUP_POLICY = 'cleanup.policy';
const RETENTION_MS = 'retention.ms';

/** @throws KafkaRequestError for what is neither there nor missing */
function isThere({ topic, error }: TopicMetadata): boolean {
  if (error === null) return true;
  if (error === 'UNKNOWN_TOPIC_OR_PARTITION') return false;
  throw new KafkaRequestError('Metadata', { type: error, topic });
}
