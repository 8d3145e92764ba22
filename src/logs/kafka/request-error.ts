import { TailraceError } from '../../model/errors.ts';
import { KAFKAJS_ERRORS } from './kafkajs-internals.ts';

/**
 * What stands for an answer where there was none: the connection could not be made (`CONNECT_FAILED`; `cause` has node's error
 * code), ended before the answer (`CONNECTION_LOST`), the answer did not come in time (`REQUEST_TIMEOUT`), or the client was closed here
 * (`CLIENT_CLOSED`).
 */
export type NoAnswer = 'CONNECT_FAILED' | 'CONNECTION_LOST' | 'REQUEST_TIMEOUT' | 'CLIENT_CLOSED';

export interface RequestErrorDetails {
  /** Kafka's name of the error (`TOPIC_AUTHORIZATION_FAILED`), or {@link NoAnswer}. */
  readonly type: string;
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
  /** `host:port`, or several where it could have been any of them. */
  readonly broker?: string | undefined;
  /** The broker's words, or the socket's. */
  readonly reason?: string | undefined;
  readonly cause?: unknown;
}

/** A request that Kafka refused, or did not answer. The message says which topic, partition and broker; no secrets, no records. */
export class KafkaRequestError extends Error {
  override readonly name = 'KafkaRequestError';
  /** Kafka's name of it: `Produce`, `CreateTopics` .. */
  readonly request: string;
  readonly type: string;
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly broker: string | undefined;
  readonly reason: string | undefined;

  constructor(request: string, details: RequestErrorDetails) {
    const { type, topic, partition, broker, reason } = details;
    const place = topic === undefined ? '' : ` for ${topic}${partition === undefined ? '' : `-${partition}`}`;
    const by = broker === undefined ? '' : ` by ${broker}`;
    super(`${request}${place}${by}: ${type}${reason === undefined ? '' : ` (${reason})`}`, { cause: details.cause });
    this.request = request;
    this.type = type;
    this.topic = topic;
    this.partition = partition;
    this.broker = broker;
    this.reason = reason;
  }

  /** The same may go well a moment later, perhaps at another broker: metadata and coordinators should be asked for again. */
  get isRetriable(): boolean {
    return RETRIABLE.has(this.type);
  }

  /** There was no answer, and may still be one: the connection cannot be used for anything else. */
  get isUnanswered(): boolean {
    return this.type === 'CONNECTION_LOST' || this.type === 'REQUEST_TIMEOUT';
  }

  /** Another producer with the same transactional id has begun, or the transaction took longer than its timeout. */
  get isFenced(): boolean {
    return FENCED.has(this.type);
  }
}

/** Names that Kafka has given since, and codes that are younger than kafkajs. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'NONE'],
  [6, 'NOT_LEADER_OR_FOLLOWER'],
  [14, 'COORDINATOR_LOAD_IN_PROGRESS'],
  [15, 'COORDINATOR_NOT_AVAILABLE'],
  [16, 'NOT_COORDINATOR'],
  [89, 'THROTTLING_QUOTA_EXCEEDED'],
  [90, 'PRODUCER_FENCED'],
  [100, 'UNKNOWN_TOPIC_ID'],
  [120, 'TRANSACTION_ABORTABLE'],
]);

const RETRIABLE: ReadonlySet<string> = new Set([
  'CONNECT_FAILED',
  'CONNECTION_LOST',
  'REQUEST_TIMEOUT',
  'CORRUPT_MESSAGE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
  'BROKER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'NOT_CONTROLLER',
  'KAFKA_STORAGE_ERROR',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'PREFERRED_LEADER_NOT_AVAILABLE',
  'ELIGIBLE_LEADERS_NOT_AVAILABLE',
  'LISTENER_NOT_FOUND',
  'CONCURRENT_TRANSACTIONS',
  'THROTTLING_QUOTA_EXCEEDED',
  'UNKNOWN_TOPIC_ID',
]);

const FENCED: ReadonlySet<string> = new Set([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'TRANSACTION_COORDINATOR_FENCED',
]);

/** Kafka's name of an error code of its protocol. */
export function errorName(code: number): string {
  return NAMES.get(code) ?? KAFKAJS_ERRORS.find((known) => known.code === code)?.type ?? `ERROR_${code}`;
}

/**
 * What any part of kafkajs threw, in our words. `request` is what was asked for; `connecting`: there is no connection yet.
 * A TailraceError (of a token's provider) stays as it is.
 * @throws what is no failure of the network or of Kafka
 */
export function toRequestError(
  error: unknown,
  request: string,
  context: { readonly broker?: string; readonly connecting?: boolean } = {},
): KafkaRequestError | TailraceError {
  if (error instanceof KafkaRequestError || error instanceof TailraceError) return error;
  const { name, code, cause, message } = error as Error & { readonly code?: unknown };
  if (cause instanceof TailraceError) return cause;
  const details = { broker: context.broker, cause: error };
  if (typeof code === 'number') return new KafkaRequestError(request, { ...details, type: errorName(code) });
  const kind = KINDS[name];
  if (kind === undefined) throw error;
  const isAnswer = kind !== 'CONNECTION_LOST' && kind !== 'REQUEST_TIMEOUT';
  const type = context.connecting === true && !isAnswer ? 'CONNECT_FAILED' : kind;
  return new KafkaRequestError(request, { ...details, type, reason: message });
}

const KINDS: Readonly<Record<string, string>> = {
  KafkaJSConnectionError: 'CONNECTION_LOST',
  KafkaJSConnectionClosedError: 'CONNECTION_LOST',
  KafkaJSRequestTimeoutError: 'REQUEST_TIMEOUT',
  KafkaJSLockTimeout: 'REQUEST_TIMEOUT',
  KafkaJSSASLAuthenticationError: 'SASL_AUTHENTICATION_FAILED',
  KafkaJSServerDoesNotSupportApiKey: 'UNSUPPORTED_VERSION',
};
