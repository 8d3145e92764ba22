import type { ConnectionOptions } from 'node:tls';
import type { Logger } from '../../observe/logger.ts';
import {
  createBroker,
  destroySockets,
  type KafkajsBroker,
  type KafkajsSasl,
  type MetadataResponse,
  requestMetadata,
} from './kafkajs-internals.ts';
import { oauthAuthentication } from './oauth-sasl.ts';
import { KafkaRequestError, toRequestError } from './request-error.ts';
import type { KafkaClientSettings } from './settings.ts';

/** Which broker a request goes to: a node id, or any one that answers. */
export type Target = number | 'any' | 'controller';

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * The brokers of a cluster and the connections to them. A connection is made when it is needed; one that failed, or was ended, is never
 * used again, as the next call makes a new one.
 */
export class BrokerPool {
  readonly #settings: KafkaClientSettings;
  readonly #logger: Logger;
  readonly #tls: ConnectionOptions | null;
  readonly #brokers = new Map<number, KafkajsBroker>();
  readonly #addresses = new Map<number, Address>();
  /** What is connecting still; kafkajs calls a broker connected before it can be asked for anything. */
  readonly #connecting = new Map<KafkajsBroker, Promise<void>>();
  #bootstrap: KafkajsBroker | null = null;
  #bootstrapping: Promise<KafkajsBroker> | null = null;
  #learning: Promise<void> | null = null;
  #controllerId = -1;
  #isClosed = false;

  constructor(settings: KafkaClientSettings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    this.#tls = settings.tls === null ? null : tlsOptions(settings.tls);
  }

  /** Learns the cluster's brokers from one of `bootstrap.servers`, once. @throws KafkaRequestError */
  async connect(): Promise<void> {
    if (this.#addresses.size > 0) return;
    this.#learning ??= this.#learnBrokers().finally(() => {
      this.#learning = null;
    });
    await this.#learning;
  }

  /** A broker that is connected, and logged in. @throws KafkaRequestError */
  async reach(target: Target): Promise<KafkajsBroker> {
    await this.connect();
    if (target === 'any') return this.#reachAny();
    return this.#reachNode(target === 'controller' ? this.#controllerId : target);
  }

  /** Throws the error of a request again. Where the answer may still come, the connection is at its end. */
  failed(broker: KafkajsBroker, error: unknown): never {
    if (this.#isClosed) throw closedError('Request');
    if (error instanceof KafkaRequestError && error.isUnanswered) this.#forget(broker);
    throw error;
  }

  /** The brokers there are, and where they are now. */
  learn({ brokers, controllerId }: MetadataResponse): void {
    this.#controllerId = controllerId;
    const nodeIds = new Set(brokers.map(({ nodeId }) => nodeId));
    for (const { nodeId, host, port } of brokers) this.learnAddress(nodeId, { host, port });
    for (const nodeId of this.#addresses.keys()) {
      if (!nodeIds.has(nodeId)) this.#addresses.delete(nodeId);
    }
    this.#settleBootstrap();
  }

  learnAddress(nodeId: number, { host, port }: Address): void {
    this.#addresses.set(nodeId, { host, port });
    const broker = this.#brokers.get(nodeId);
    if (broker !== undefined && addressOf(broker) !== formatAddress({ host, port })) this.#forget(broker);
  }

  nodeIds(): readonly number[] {
    return [...this.#addresses.keys()];
  }

  /** `host:port` of a node, for messages. */
  address(nodeId: number): string {
    const address = this.#addresses.get(nodeId);
    return address === undefined ? `broker ${nodeId}` : formatAddress(address);
  }

  /** Ends all connections at once, and for good. */
  close(): void {
    this.#isClosed = true;
    if (this.#bootstrap !== null) this.#forget(this.#bootstrap);
    for (const broker of [...this.#brokers.values(), ...this.#connecting.keys()]) this.#forget(broker);
  }

  async #reachNode(nodeId: number): Promise<KafkajsBroker> {
    const address = this.#addresses.get(nodeId);
    if (address === undefined) {
      throw new KafkaRequestError('Connect', { type: 'BROKER_NOT_AVAILABLE', broker: `broker ${nodeId}` });
    }
    let broker = this.#brokers.get(nodeId);
    if (broker === undefined || this.#hasEnded(broker)) {
      if (broker !== undefined) this.#forget(broker);
      broker = this.#createBroker(address, nodeId);
      this.#brokers.set(nodeId, broker);
    }
    await this.#connectTo(broker);
    return broker;
  }

  /** One that is connected, else the first that can be, else one of `bootstrap.servers`: the brokers may all have moved. */
  async #reachAny(): Promise<KafkajsBroker> {
    const connected = this.#brokers.values().find((broker) => this.#isReady(broker));
    if (connected !== undefined) return connected;
    for (const nodeId of this.nodeIds()) {
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
      this.learn(await requestMetadata(broker, [], false));
    } catch (error) {
      this.#forget(broker);
      this.failed(broker, toRequestError(error, 'Metadata', { broker: addressOf(broker) }));
    }
  }

  #reachBootstrap(): Promise<KafkajsBroker> {
    this.#bootstrapping ??= this.#connectBootstrap().finally(() => {
      this.#bootstrapping = null;
    });
    return this.#bootstrapping;
  }

  async #connectBootstrap(): Promise<KafkajsBroker> {
    if (this.#bootstrap !== null && this.#isReady(this.#bootstrap)) return this.#bootstrap;
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

  /** Also where the time has come to log in again. */
  #connectTo(broker: KafkajsBroker): Promise<void> {
    const connecting = this.#connecting.get(broker);
    if (connecting !== undefined) return connecting;
    if (this.#isClosed) return Promise.reject(closedError('Connect'));
    if (broker.isConnected()) return Promise.resolve();
    const connected = this.#openConnection(broker).finally(() => this.#connecting.delete(broker));
    this.#connecting.set(broker, connected);
    return connected;
  }

  async #openConnection(broker: KafkajsBroker): Promise<void> {
    try {
      await broker.connect();
    } catch (error) {
      this.#forget(broker);
      if (this.#isClosed) throw closedError('Connect');
      throw toRequestError(error, 'Connect', { broker: addressOf(broker), connecting: true });
    }
  }

  #isReady(broker: KafkajsBroker): boolean {
    return broker.isConnected() && !this.#connecting.has(broker);
  }

  /** kafkajs would open the connection again, with what was left of an answer still in it. */
  #hasEnded(broker: KafkajsBroker): boolean {
    return !broker.connectionPool.isConnected() && !this.#connecting.has(broker);
  }

  #forget(broker: KafkajsBroker): void {
    destroySockets(broker);
    if (this.#bootstrap === broker) this.#bootstrap = null;
    for (const [nodeId, known] of this.#brokers) {
      if (known === broker) this.#brokers.delete(nodeId);
    }
  }
}

/** `host:port` of the broker, for messages. */
export function addressOf(broker: KafkajsBroker): string {
  return formatAddress(broker.connectionPool);
}

function closedError(request: string): KafkaRequestError {
  return new KafkaRequestError(request, { type: 'CLIENT_CLOSED' });
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
