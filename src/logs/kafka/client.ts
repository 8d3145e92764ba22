import type { Logger } from '../../observe/logger.ts';
import { addressOf, BrokerPool, type Target } from './broker-pool.ts';
import { COORDINATOR_TYPES, type KafkajsBroker, type MetadataResponse, requestMetadata } from './kafkajs-internals.ts';
import { type KafkaRequest, sendRaw } from './raw-request.ts';
import { errorName, KafkaRequestError, toRequestError } from './request-error.ts';
import type { KafkaClientSettings } from './settings.ts';

export interface TopicMetadata {
  readonly topic: string;
  /** Kafka's name of the error, `UNKNOWN_TOPIC_OR_PARTITION` and the like; null: the topic is there. */
  readonly error: string | null;
  readonly partitions: readonly PartitionMetadata[];
}

export interface PartitionMetadata {
  readonly partition: number;
  /** Node id; -1: it has none now. */
  readonly leader: number;
  readonly error: string | null;
}

interface CachedTopic {
  readonly metadata: TopicMetadata;
  readonly atMs: number;
}

export interface KafkaSession {
  /** `host:port` of the node. */
  readonly address: string;
  /** @throws KafkaRequestError when it cannot be sent, or is not answered */
  send<T>(request: KafkaRequest<T>): Promise<T>;
}

/**
 * Requests to the brokers of a cluster, its metadata, and who leads and coordinates what. Nothing here tries again: each call fails with
 * a KafkaRequestError (or with the TailraceError of a token's provider), and whether there is time for another attempt is for the caller
 * to say.
 */
export class KafkaClient {
  /** `Kafka at host:port`, the first of `bootstrap.servers`. */
  readonly name: string;
  readonly #settings: KafkaClientSettings;
  readonly #pool: BrokerPool;
  readonly #coordinators = new Map<string, number>();
  readonly #topics = new Map<string, CachedTopic>();

  constructor(settings: KafkaClientSettings, logger: Logger) {
    this.name = `Kafka at ${settings.brokers[0]}`;
    this.#settings = settings;
    this.#pool = new BrokerPool(settings, logger);
  }

  /**
   * Reaches any of `bootstrap.servers` and learns the cluster's brokers. Every other method does so by itself.
   * @throws KafkaRequestError `CONNECT_FAILED` that names each server and what was wrong with it, or what the first one that was
   *   reached had to say (`SASL_AUTHENTICATION_FAILED`, ..)
   */
  connect(): Promise<void> {
    return this.#pool.connect();
  }

  /** Sends a request that is encoded already. @throws KafkaRequestError when it cannot be sent, or is not answered */
  send<T>(target: Target, request: KafkaRequest<T>): Promise<T> {
    return this.call(target, request.apiName, (broker) => sendRaw(broker, this.#settings.clientId, request));
  }

  /** A connection to a node: requests reach it in the order in which they are sent, without waiting for each other's answers. */
  async session(nodeId: number): Promise<KafkaSession> {
    const broker = await this.#pool.reach(nodeId);
    return {
      address: addressOf(broker),
      send: (request) =>
        sendRaw(broker, this.#settings.clientId, request).catch((error: unknown) => this.#pool.failed(broker, error)),
    };
  }

  /** Calls one of kafkajs' methods of a broker. `request` names it in an error. */
  async call<T>(target: Target, request: string, work: (broker: KafkajsBroker) => Promise<T>): Promise<T> {
    const broker = await this.#pool.reach(target);
    return work(broker).catch((error: unknown) =>
      this.#pool.failed(broker, toRequestError(error, request, { broker: addressOf(broker) })),
    );
  }

  /**
   * Metadata as the cluster has it now; null: of all topics. `create`: missing ones are made where the broker's
   * `auto.create.topics.enable` allows it.
   */
  async metadata(
    topics: readonly string[] | null,
    { create = false }: { readonly create?: boolean } = {},
  ): Promise<readonly TopicMetadata[]> {
    if (topics !== null && topics.length === 0) return [];
    const response = await this.call('any', 'Metadata', (broker) => requestMetadata(broker, topics, create));
    this.#pool.learn(response);
    const found = response.topicMetadata.map(toTopicMetadata);
    const atMs = performance.now();
    for (const metadata of found) this.#topics.set(metadata.topic, { metadata, atMs });
    return found;
  }

  /** Metadata not older than `metadata.max.age.ms`, as {@link metadata} gave it; a topic with an error is asked for again. */
  async topic(topic: string): Promise<TopicMetadata> {
    const cached = this.#topics.get(topic);
    if (cached !== undefined && this.#isFresh(cached)) return cached.metadata;
    const [metadata] = await this.metadata([topic]);
    return metadata ?? { topic, error: 'UNKNOWN_TOPIC_OR_PARTITION', partitions: [] };
  }

  /** Asks for what {@link topic} would have to ask for, all at once. */
  async learnTopics(topics: Iterable<string>): Promise<void> {
    const unknown = [...topics].filter((topic) => this.cachedTopic(topic) === null);
    if (unknown.length > 0) await this.metadata(unknown);
  }

  /** What {@link topic} would give without asking; null: it would ask. */
  cachedTopic(topic: string): TopicMetadata | null {
    const cached = this.#topics.get(topic);
    return cached !== undefined && this.#isFresh(cached) ? cached.metadata : null;
  }

  /** The next {@link topic} asks again: a leader has moved, a topic was made. */
  forgetTopics(topics: Iterable<string>): void {
    for (const topic of topics) this.#topics.delete(topic);
  }

  /**
   * Node id of a partition's leader.
   * @throws KafkaRequestError `UNKNOWN_TOPIC_OR_PARTITION`, `LEADER_NOT_AVAILABLE`, `TOPIC_AUTHORIZATION_FAILED`, ..
   */
  async leader(topic: string, partition: number): Promise<number> {
    const { error, partitions } = await this.topic(topic);
    if (error !== null) throw new KafkaRequestError('Metadata', { type: error, topic });
    const found = partitions.find((candidate) => candidate.partition === partition);
    if (found === undefined || found.leader < 0) {
      this.forgetTopics([topic]);
      const type = found === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'LEADER_NOT_AVAILABLE';
      throw new KafkaRequestError('Metadata', { type, topic, partition });
    }
    return found.leader;
  }

  /** Node id of the coordinator of a transactional id, as it was found last. */
  async coordinator(transactionalId: string): Promise<number> {
    const known = this.#coordinators.get(transactionalId);
    if (known !== undefined) return known;
    const { coordinator } = await this.call('any', 'FindCoordinator', (broker) =>
      broker.findGroupCoordinator({ groupId: transactionalId, coordinatorType: COORDINATOR_TYPES.TRANSACTION }),
    );
    this.#pool.learnAddress(coordinator.nodeId, coordinator);
    this.#coordinators.set(transactionalId, coordinator.nodeId);
    return coordinator.nodeId;
  }

  /** The next {@link coordinator} asks again. */
  forgetCoordinator(transactionalId: string): void {
    this.#coordinators.delete(transactionalId);
  }

  /** The cluster's brokers, as far as they are known. */
  nodeIds(): readonly number[] {
    return this.#pool.nodeIds();
  }

  /** `host:port` of a node, for messages. */
  address(nodeId: number): string {
    return this.#pool.address(nodeId);
  }

  /** Ends all connections at once: requests in flight are rejected with `CLIENT_CLOSED`. */
  close(): void {
    this.#pool.close();
  }

  #isFresh({ metadata, atMs }: CachedTopic): boolean {
    return metadata.error === null && performance.now() - atMs < this.#settings.metadataMaxAgeMs;
  }
}

function toTopicMetadata(found: MetadataResponse['topicMetadata'][number]): TopicMetadata {
  return {
    topic: found.topic,
    error: found.topicErrorCode === 0 ? null : errorName(found.topicErrorCode),
    partitions: found.partitionMetadata
      .map(({ partitionId, leader, partitionErrorCode }) => ({
        partition: partitionId,
        leader,
        error: partitionErrorCode === 0 ? null : errorName(partitionErrorCode),
      }))
      .sort((a, b) => a.partition - b.partition),
  };
}
