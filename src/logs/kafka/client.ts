import type { ConnectionOptions } from 'node:tls';
import type { Logger } from '../../observe/logger.ts';
import {
  COORDINATOR_TYPES,
  createBroker,
  destroySockets,
  type KafkajsBroker,
  type KafkajsSasl,
  type MetadataResponse,
  requestMetadata,
} from './kafkajs-internals.ts';
import { oauthAuthentication } from './oauth-sasl.ts';
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

interface Address {
  readonly host: string;
  readonly port: number;
}

export interface KafkaSession {
  /** `host:port` of the node. */
  readonly address: string;
  /** @throws KafkaRequestError when it cannot be sent, or is not answered */
  send<T>(request: KafkaRequest<T>): Promise<T>;
}

/** Which broker a request goes to: a node id, or any one that answers. */
export type Target = number | 'any' | 'controller';

/**
 * Connections to the brokers of a cluster, their metadata, and who leads what. Nothing here tries again: each call fails with a
 * KafkaRequestError (or with the TailraceError of a token's provider), and whether there is time for another attempt is the caller's.
 * A failed connection is forgotten, so that the next call makes a new one.
 */
export class KafkaClient {
  /** `Kafka at host:port`, the first of `bootstrap.servers`. */
  readonly name: string;
  readonly #settings: KafkaClientSettings;
  readonly #logger: Logger;
  readonly #tls: ConnectionOptions | null;
  readonly #brokers = new Map<number, KafkajsBroker>();
  readonly #addresses = new Map<number, Address>();
  readonly #coordinators = new Map<string, number>();
  readonly #topics = new Map<string, CachedTopic>();
  #bootstrap: KafkajsBroker | null = null;
  #bootstrapping: Promise<KafkajsBroker> | null = null;
  #learning: Promise<void> | null = null;
  #controllerId = -1;
  #isClosed = false;

  constructor(settings: KafkaClientSettings, logger: Logger) {
    this.name = `Kafka at ${settings.brokers[0]}`;
    this.#settings = settings;
    this.#logger = logger;
    this.#tls = settings.tls === null ? null : tlsOptions(settings.tls);
  }

  /**
   * Reaches any of `bootstrap.servers` and learns the cluster's brokers. Every other method does so by itself.
   * @throws KafkaRequestError `CONNECT_FAILED` that names each server and what was wrong with it, or what the first one that was
   *   reached had to say (`SASL_AUTHENTICATION_FAILED`, ..)
   */
  async connect(): Promise<void> {
    if (this.#addresses.size > 0) return;
    this.#learning ??= this.#learnBrokers().finally(() => {
      this.#learning = null;
    });
    await this.#learning;
  }

  /** Sends a request that is encoded already. @throws KafkaRequestError when it cannot be sent, or is not answered */
  send<T>(target: Target, request: KafkaRequest<T>): Promise<T> {
    return this.call(target, request.apiName, (broker) => sendRaw(broker, this.#settings.clientId, request));
  }

  /** A connection to a node: requests reach it in the order in which they are sent, without waiting for each other's answers. */
  async session(nodeId: number): Promise<KafkaSession> {
    const broker = await this.#reach(nodeId);
    return {
      address: addressOf(broker),
      send: (request) =>
        sendRaw(broker, this.#settings.clientId, request).catch((error: unknown) => this.#failed(broker, error)),
    };
  }

  /** Calls one of kafkajs' methods of a broker. `request` names it in an error. */
  async call<T>(target: Target, request: string, work: (broker: KafkajsBroker) => Promise<T>): Promise<T> {
    const broker = await this.#reach(target);
    return work(broker).catch((error: unknown) =>
      this.#failed(broker, toRequestError(error, request, { broker: addressOf(broker) })),
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
    this.#learn(response);
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
    this.#addAddress(coordinator.nodeId, coordinator);
    this.#coordinators.set(transactionalId, coordinator.nodeId);
    return coordinator.nodeId;
  }

  /** The next {@link coordinator} asks again. */
  forgetCoordinator(transactionalId: string): void {
    this.#coordinators.delete(transactionalId);
  }

  /** The cluster's brokers, as far as they are known. */
  nodeIds(): readonly number[] {
    return [...this.#addresses.keys()];
  }

  /** `host:port` of a node, for messages. */
  address(nodeId: number): string {
    const address = this.#addresses.get(nodeId);
    return address === undefined ? `broker ${nodeId}` : formatAddress(address);
  }

  /** Ends all connections at once: requests in flight are rejected with `CLIENT_CLOSED`. */
  close(): void {
    this.#isClosed = true;
    if (this.#bootstrap !== null) destroySockets(this.#bootstrap);
    for (const broker of this.#brokers.values()) destroySockets(broker);
    this.#bootstrap = null;
    this.#brokers.clear();
  }

  #isFresh({ metadata, atMs }: CachedTopic): boolean {
    return metadata.error === null && performance.now() - atMs < this.#settings.metadataMaxAgeMs;
  }

  async #reach(target: Target): Promise<KafkajsBroker> {
    await this.connect();
    if (target === 'any') return this.#reachAny();
    return this.#reachNode(target === 'controller' ? this.#controllerId : target);
  }

  async #reachNode(nodeId: number): Promise<KafkajsBroker> {
    const address = this.#addresses.get(nodeId);
    if (address === undefined) {
      throw new KafkaRequestError('Connect', { type: 'BROKER_NOT_AVAILABLE', broker: `broker ${nodeId}` });
    }
    let broker = this.#brokers.get(nodeId);
    if (broker === undefined) {
      broker = this.#createBroker(address, nodeId);
      this.#brokers.set(nodeId, broker);
    }
    await this.#connectTo(broker);
    return broker;
  }

  /** One that is connected, else the first that can be, else one of `bootstrap.servers`: the brokers may all have moved. */
  async #reachAny(): Promise<KafkajsBroker> {
    const connected = this.#brokers.values().find((broker) => broker.isConnected());
    if (connected !== undefined) return connected;
    for (const nodeId of this.#addresses.keys()) {
      try {
        return await this.#reachNode(nodeId);
      } catch (error) {
        if (!(error instanceof KafkaRequestError) || error.type !== 'CONNECT_FAILED') throw error;
      }
    }
    return this.#reachBootstrap();
  }

  async #learnBrokers(): Promise<void> {
    const broker = await this.#reachBootstrap();
    try {
      this.#learn(await requestMetadata(broker, [], false));
    } catch (error) {
      this.#forget(broker);
      throw toRequestError(error, 'Metadata', { broker: addressOf(broker) });
    }
  }

  #reachBootstrap(): Promise<KafkajsBroker> {
    this.#bootstrapping ??= this.#connectBootstrap().finally(() => {
      this.#bootstrapping = null;
    });
    return this.#bootstrapping;
  }

  async #connectBootstrap(): Promise<KafkajsBroker> {
    if (this.#bootstrap?.isConnected()) return this.#bootstrap;
    const failures: KafkaRequestError[] = [];
    for (const server of this.#settings.brokers) {
      const broker = this.#createBroker(parseAddress(server), null);
      this.#bootstrap = broker;
      try {
        await this.#connectTo(broker);
        return broker;
      } catch (error) {
        if (!(error instanceof KafkaRequestError) || error.type !== 'CONNECT_FAILED') throw error;
        failures.push(error);
      }
    }
    const [first] = failures;
    if (failures.length === 1) throw first;
    const reason = failures.map(({ broker, reason }) => `${broker}: ${reason}`).join('; ');
    throw new KafkaRequestError('Connect', { type: 'CONNECT_FAILED', reason, cause: first?.cause });
  }

  #createBroker({ host, port }: Address, nodeId: number | null): KafkajsBroker {
    const { clientId, sasl, connectionTimeoutMs, requestTimeoutMs } = this.#settings;
    return createBroker({
      host,
      port,
      nodeId,
      clientId,
      tls: this.#tls,
      sasl: sasl === null ? null : saslOptions(sasl),
      connectionTimeoutMs,
      requestTimeoutMs,
      logger: this.#logger,
    });
  }

  async #connectTo(broker: KafkajsBroker): Promise<void> {
    if (this.#isClosed) throw closedError('Connect');
    if (broker.isConnected()) return;
    try {
      await broker.connect();
    } catch (error) {
      const failure = toRequestError(error, 'Connect', { broker: addressOf(broker), connecting: true });
      this.#failed(broker, failure, true);
    }
  }

  /** Whatever happened on the way, the connection may be of no use: what was not answered may be answered yet. */
  #failed(broker: KafkajsBroker, error: unknown, always = false): never {
    if (this.#isClosed) throw closedError('Request');
    if (always || (error instanceof KafkaRequestError && error.isUnanswered)) this.#forget(broker);
    throw error;
  }

  #learn({ brokers, controllerId }: MetadataResponse): void {
    this.#controllerId = controllerId;
    const nodeIds = new Set(brokers.map(({ nodeId }) => nodeId));
    for (const { nodeId, host, port } of brokers) this.#addAddress(nodeId, { host, port });
    for (const nodeId of this.#addresses.keys()) {
      if (!nodeIds.has(nodeId)) this.#addresses.delete(nodeId);
    }
    this.#settleBootstrap();
  }

  /** The brokers are known by addresses of their own: one of `bootstrap.servers` is one of them, or is needed no more. */
  #settleBootstrap(): void {
    const bootstrap = this.#bootstrap;
    if (bootstrap === null) return;
    this.#bootstrap = null;
    for (const [nodeId, address] of this.#addresses) {
      if (formatAddress(address) !== addressOf(bootstrap) || this.#brokers.has(nodeId)) continue;
      this.#brokers.set(nodeId, bootstrap);
      return;
    }
    destroySockets(bootstrap);
  }

  #addAddress(nodeId: number, { host, port }: Address): void {
    this.#addresses.set(nodeId, { host, port });
    const broker = this.#brokers.get(nodeId);
    if (broker !== undefined && addressOf(broker) !== formatAddress({ host, port })) this.#forget(broker);
  }

  #forget(broker: KafkajsBroker): void {
    destroySockets(broker);
    if (this.#bootstrap === broker) this.#bootstrap = null;
    for (const [nodeId, known] of this.#brokers) {
      if (known === broker) this.#brokers.delete(nodeId);
    }
  }
}

function closedError(request: string): KafkaRequestError {
  return new KafkaRequestError(request, { type: 'CLIENT_CLOSED' });
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

function tlsOptions(tls: NonNullable<KafkaClientSettings['tls']>): ConnectionOptions {
  const { ca, cert, key, passphrase, checkHostname } = tls;
  return {
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
    ...(passphrase === null ? {} : { passphrase }),
    ...(checkHostname ? {} : { checkServerIdentity: () => undefined }),
  };
}

function saslOptions(sasl: NonNullable<KafkaClientSettings['sasl']>): KafkajsSasl {
  if (sasl.mechanism !== 'oauthbearer') return { ...sasl };
  return { mechanism: sasl.mechanism, authenticationProvider: oauthAuthentication(sasl) };
}

/** `host:port`, where an IPv6 address has its brackets. */
function parseAddress(server: string): Address {
  const colon = server.lastIndexOf(':');
  return { host: server.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(server.slice(colon + 1)) };
}

function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function addressOf(broker: KafkajsBroker): string {
  return formatAddress(broker.connectionPool);
}
