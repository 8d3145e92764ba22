import { createRequire } from 'node:module';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Logger } from '../../observe/logger.ts';

// The parts of kafkajs 2.2.4 that it does not export: a broker and its connections, below `Cluster`, whose retries and
// whose metadata (one topic's error fails the others) stand in the way. test/contract/kafkajs.test.ts pins all of it.

const load = createRequire(import.meta.url);

/** A request as kafkajs' own protocol definitions give it. */
export interface ProtocolRequest<Decoded> {
  readonly request: object;
  readonly response: {
    decode(payload: Buffer): Promise<Decoded>;
    /** Throws for an error code in what was decoded. */
    parse(decoded: Decoded): Promise<Decoded>;
  };
}

interface RequestEntry {
  readonly apiKey: number;
  readonly apiName: string;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly resolve: (answer: { readonly payload: Buffer }) => void;
  readonly reject: (error: Error) => void;
}

export interface KafkajsRequestQueue {
  readonly pending: readonly unknown[];
  push(request: {
    readonly entry: RequestEntry;
    readonly expectResponse: boolean;
    readonly requestTimeout: number;
    readonly sendRequest: () => void;
  }): void;
  maybeThrottle(throttleMs: number): void;
  scheduleCheckPendingRequests(): void;
}

export interface KafkajsConnection {
  readonly socket?: Socket;
  readonly sasl: KafkajsSasl | null;
  readonly requestQueue: KafkajsRequestQueue;
  isConnected(): boolean;
  isAuthenticated(): boolean;
  /** Does nothing without SASL. */
  authenticate(): Promise<void>;
  nextCorrelationId(): number;
}

export interface KafkajsConnectionPool {
  readonly host: string;
  readonly port: number;
  /** One for fetches, one for all else. */
  readonly pool: readonly KafkajsConnection[];
  isConnected(): boolean;
  send<Decoded>(request: ProtocolRequest<Decoded>): Promise<Decoded>;
  /** Connects it where needed. Every request goes by here. */
  getConnection(index?: number): Promise<KafkajsConnection>;
}

export interface MetadataResponse {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly controllerId: number;
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly topic: string;
    readonly partitionMetadata: readonly {
      readonly partitionErrorCode: number;
      readonly partitionId: number;
      /** -1: none. */
      readonly leader: number;
      readonly replicas: readonly number[];
      readonly isr: readonly number[];
    }[];
  }[];
}

/** What kafkajs' Broker does: one node. Every method but `disconnect` rejects with one of kafkajs' errors. */
export interface KafkajsBroker {
  readonly nodeId: number | null;
  readonly connectionPool: KafkajsConnectionPool;
  isConnected(): boolean;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** The newest version of a request that both sides know. */
  lookupRequest<Options, Decoded>(apiKey: number, definition: unknown): (options: Options) => ProtocolRequest<Decoded>;
  findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<{
    readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
  }>;
  initProducerId(request: { transactionalId?: string; transactionTimeout: number }): Promise<{
    readonly producerId: string;
    readonly producerEpoch: number;
  }>;
  endTxn(request: {
    transactionalId: string;
    producerId: string;
    producerEpoch: number;
    transactionResult: boolean;
  }): Promise<unknown>;
}

export interface KafkajsSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512' | 'oauthbearer';
  readonly username?: string;
  readonly password?: string;
  readonly authenticationProvider?: KafkajsAuthentication;
}

/** A way to log in that kafkajs leaves to its user. Messages are an int32 of their length and their bytes. */
export type KafkajsAuthentication = (connection: {
  readonly host: string;
  readonly port: number;
  saslAuthenticate(exchange: {
    readonly request: { encode(): Promise<Buffer> };
    /** Without it the answer is not looked at. */
    readonly response?: { decode(bytes: Buffer): Promise<Buffer>; parse(bytes: Buffer): Promise<Buffer> };
  }): Promise<Buffer | undefined>;
}) => { authenticate(): Promise<void> };

export interface KafkajsBrokerOptions {
  readonly host: string;
  readonly port: number;
  readonly nodeId: number | null;
  readonly clientId: string;
  readonly tls: ConnectionOptions | null;
  readonly sasl: KafkajsSasl | null;
  readonly connectionTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly logger: Logger;
}

const Broker = load('kafkajs/src/broker/index.js') as new (options: {
  connectionPool: KafkajsConnectionPool;
  logger: KafkajsLogger;
  nodeId: number | null;
  authenticationTimeout: number;
}) => KafkajsBroker;

const ConnectionPool = load('kafkajs/src/network/connectionPool.js') as new (
  options: Readonly<Record<string, unknown>>,
) => KafkajsConnectionPool;

const { requests } = load('kafkajs/src/protocol/requests/index.js') as {
  requests: { readonly Metadata: unknown; readonly AddPartitionsToTxn: unknown };
};
const Encoder = load('kafkajs/src/protocol/encoder.js') as new () => {
  writeArray(items: readonly unknown[]): { writeBoolean(value: boolean): unknown };
};
const { Metadata: METADATA_KEY, AddPartitionsToTxn: ADD_PARTITIONS_KEY } = load(
  'kafkajs/src/protocol/requests/apiKeys.js',
) as { readonly Metadata: number; readonly AddPartitionsToTxn: number };
const { KafkaJSConnectionClosedError: KafkajsConnectionClosed } = load('kafkajs/src/errors.js') as {
  KafkaJSConnectionClosedError: new (message: string, place: { readonly host: string; readonly port: number }) => Error;
};

/** Kafka's error codes up to the year of kafkajs. */
export const { errorCodes: KAFKAJS_ERRORS } = load('kafkajs/src/protocol/error.js') as {
  errorCodes: readonly { readonly type: string; readonly code: number; readonly message: string }[];
};

export const COORDINATOR_TYPES = load('kafkajs/src/protocol/coordinatorTypes.js') as {
  readonly GROUP: number;
  readonly TRANSACTION: number;
};

/** A node of Kafka that is not connected yet. Its sockets are ours: no delay, and destroyed by {@link destroySockets}. */
export function createBroker(options: KafkajsBrokerOptions): KafkajsBroker {
  const { host, port, nodeId, clientId, tls, sasl, connectionTimeoutMs, requestTimeoutMs } = options;
  const logger = kafkajsLogger(options.logger, 'broker');
  const connectionPool = new ConnectionPool({
    host,
    port,
    clientId,
    ssl: tls,
    sasl,
    logger,
    socketFactory: openSocket,
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: true,
  });
  for (const { requestQueue } of connectionPool.pool) {
    // kafkajs sets a timer for each answer, with a negative time when nothing waits: Node warns of that.
    const schedule = requestQueue.scheduleCheckPendingRequests.bind(requestQueue);
    requestQueue.scheduleCheckPendingRequests = () => {
      if (requestQueue.pending.length > 0) schedule();
    };
  }
  return new Broker({ connectionPool, logger, nodeId, authenticationTimeout: connectionTimeoutMs });
}

/** Ends a broker's connections at once and for good; every request that waits for an answer is rejected. */
export function destroySockets({ connectionPool }: KafkajsBroker): void {
  connectionPool.getConnection = () => Promise.reject(new KafkajsConnectionClosed('Closed connection', connectionPool));
  for (const { socket } of connectionPool.pool) {
    // kafkajs listens to `end` and `error` alone, and a destroyed socket says neither by itself.
    socket?.destroy(new Error('closed by the client'));
  }
}

/** kafkajs' request, but the answer has every partition's error: its own gives one, often that the others were at fault. */
export async function requestAddPartitions(
  broker: KafkajsBroker,
  options: {
    readonly transactionalId: string;
    readonly producerId: string;
    readonly producerEpoch: number;
    readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[];
  },
): Promise<AddPartitionsAnswer> {
  const addPartitions = broker.lookupRequest<unknown, AddPartitionsAnswer>(
    ADD_PARTITIONS_KEY,
    requests.AddPartitionsToTxn,
  );
  const { request, response } = addPartitions(options);
  return broker.connectionPool.send({ request, response: withoutErrors(response) });
}

export interface AddPartitionsAnswer {
  readonly errors: readonly {
    readonly topic: string;
    readonly partitionErrors: readonly { readonly partition: number; readonly errorCode: number }[];
  }[];
}

function withoutErrors<T>({ decode }: ProtocolRequest<T>['response']): ProtocolRequest<T>['response'] {
  return { decode, parse: (decoded) => Promise.resolve(decoded) };
}

/** kafkajs' request for topics' metadata, whose errors stay in the response. Null: all topics; none: the brokers alone. */
export function requestMetadata(
  broker: KafkajsBroker,
  topics: readonly string[] | null,
  allowAutoTopicCreation: boolean,
): Promise<MetadataResponse> {
  const metadata = broker.lookupRequest<unknown, MetadataResponse>(METADATA_KEY, requests.Metadata);
  const { request, response } = metadata({ topics: topics ?? [], allowAutoTopicCreation });
  // kafkajs writes an empty list as "all topics".
  const encode = async (): Promise<unknown> => new Encoder().writeArray([]).writeBoolean(false);
  return broker.connectionPool.send({
    request: topics?.length === 0 ? { ...request, encode } : request,
    response: withoutErrors(response),
  });
}

function openSocket(options: {
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionOptions | null;
  readonly onConnect: () => void;
}): Socket {
  const { host, port, ssl, onConnect } = options;
  const socket =
    ssl === null
      ? connectTcp({ host, port }, onConnect)
      : connectTls({ ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl, host, port }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}

/** As kafkajs does. */
const KEEP_ALIVE_MS = 60_000;

interface KafkajsLogger {
  info(message: unknown, extra?: LogExtra): void;
  warn(message: unknown, extra?: LogExtra): void;
  error(message: unknown, extra?: LogExtra): void;
  debug(message: unknown, extra?: LogExtra): void;
  namespace(name: string): KafkajsLogger;
}

interface LogExtra {
  readonly broker?: unknown;
  readonly correlationId?: unknown;
  readonly error?: unknown;
}

/** All levels of kafkajs are our debug: its errors come as rejections too. What it adds to a line may hold records or tokens. */
function kafkajsLogger(logger: Logger, namespace: string): KafkajsLogger {
  const say = (message: unknown, { broker, correlationId, error }: LogExtra = {}): void => {
    if (!logger.isLevelEnabled('debug')) return;
    const reason = typeof error === 'string' ? { reason: error } : {};
    logger.debug({ kafkajs: namespace, broker, correlationId, ...reason }, String(message));
  };
  return {
    info: say,
    warn: say,
    error: say,
    debug: say,
    namespace: (name) => kafkajsLogger(logger, name),
  };
}
