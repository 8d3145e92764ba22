/** How the brokers are reached: Kafka's client settings, `security.protocol`, `sasl.*` and `ssl.*`. */
export interface KafkaClientSettings {
  /** `host:port` of `bootstrap.servers`, at least one. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Null: no TLS. */
  readonly tls: KafkaTlsSettings | null;
  /** Null: no SASL. */
  readonly sasl: KafkaSaslSettings | null;
  /** `socket.connection.setup.timeout.ms`. */
  readonly connectionTimeoutMs: number;
  /** `request.timeout.ms`. */
  readonly requestTimeoutMs: number;
  /** `metadata.max.age.ms`. */
  readonly metadataMaxAgeMs: number;
}

/** PEM texts, as node:tls takes them. */
export interface KafkaTlsSettings {
  /** Certificates that are trusted; the system's if null. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly passphrase: string | null;
  /** False where `ssl.endpoint.identification.algorithm` is empty: the host's name is not checked. */
  readonly checkHostname: boolean;
}

export type KafkaSaslSettings =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: 'oauthbearer';
      /** A token that is valid for a while; called for each connection and each reauthentication. Rejects with a TailraceError. */
      readonly token: () => Promise<string>;
      /** SASL extensions (RFC 7628): `extension_<name>` of `sasl.jaas.config`. */
      readonly extensions: Readonly<Record<string, string>>;
    };

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** Connect's `producer.*` and a connector's `producer.override.*`. */
export interface KafkaProducerSettings {
  readonly compression: Compression;
  /** `compression.<type>.level`; null: the codec's default. */
  readonly compressionLevel: number | null;
  /** `linger.ms`: how long an append waits for more before it is sent. */
  readonly lingerMs: number;
  /** `batch.size`: a record batch is closed when it has so many bytes before compression. */
  readonly batchBytes: number;
  /** `max.request.size`. */
  readonly maxRequestBytes: number;
  /** `delivery.timeout.ms`: how long an append is tried before the task ends with `log.unavailable`. */
  readonly deliveryTimeoutMs: number;
  readonly retryBackoffMs: number;
  readonly transactionTimeoutMs: number;
}

/** A topic that is to be made: `topic.creation.<group>.*`. */
export interface TopicTemplate {
  /** Null: the broker's default. */
  readonly partitions: number | null;
  readonly replicationFactor: number | null;
  /** Any other of the topic's configurations, `cleanup.policy` and the like. */
  readonly configs: Readonly<Record<string, string>>;
}

/** `topic.creation.*`: the first group whose `include` matches the whole name and whose `exclude` does not, else the default. */
export interface TopicCreationSettings {
  /** False (`topic.creation.enable` of the worker, or no `topic.creation.default.*`): it is left to the broker's `auto.create.topics.enable`. */
  readonly enabled: boolean;
  readonly groups: readonly {
    readonly include: readonly RegExp[];
    readonly exclude: readonly RegExp[];
    readonly template: TopicTemplate;
  }[];
  readonly fallback: TopicTemplate;
}

/**
 * `tailrace.kafka.oversized`: what becomes of a record above `max.request.size`, or above the topic's `max.message.bytes` also when it
 * is compressed. `fail` ends the task. `truncate` cuts the longest texts of a JSON value and says in the header
 * `__tailrace.truncated.from.bytes` how large it was; what is not JSON (Avro), or has no such texts, ends the task. `dead-letter` sends
 * it to another topic with Connect's `__connect.errors.*` headers, without its value where that is too large there, too. What a source
 * keeps for itself is never cut.
 */
export type OversizedPolicy =
  | { readonly kind: 'fail' }
  | { readonly kind: 'truncate' }
  | { readonly kind: 'dead-letter'; readonly topic: string };

/**
 * When a transaction ends: `transaction.boundary`. `poll`: with each append, or with several full ones that follow each other within 50 ms;
 * `interval`: when it is that old. `connector`: refused, Debezium's connectors define none.
 */
export type TransactionBoundary =
  | { readonly kind: 'poll' }
  | { readonly kind: 'interval'; readonly intervalMs: number }
  | { readonly kind: 'connector' };

/** All that one connector's Kafka log needs to know. */
export interface KafkaLogSettings {
  readonly connector: string;
  readonly client: KafkaClientSettings;
  readonly producer: KafkaProducerSettings;
  /** Connect's offsets topic; made when it is missing. */
  readonly offsets: {
    readonly topic: string;
    readonly partitions: number;
    readonly replicationFactor: number | null;
  };
  /** Null: at least once. */
  readonly exactlyOnce: { readonly transactionalId: string; readonly boundary: TransactionBoundary } | null;
  readonly topicCreation: TopicCreationSettings;
  readonly oversized: OversizedPolicy;
}
