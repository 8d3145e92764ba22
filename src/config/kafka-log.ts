import { type ConfigOf, type Issue, parseConfig, type RawConfig, secretsOf } from './config-def.ts';
import type { LocatedIssue } from './config-file.ts';
import { judgeAccess, type KafkaAccess, secretsOfJaas } from './kafka-access.ts';
import { isKafkaClientKey, kafkaClientDef, kafkaClientUnsupported } from './kafka-client.ts';
import { kafkaConnectorDef, kafkaConnectorUnsupported, type OversizedPolicy } from './kafka-connector.ts';
import { kafkaProducerDef, kafkaProducerUnsupported } from './kafka-producer.ts';
import { parseTopicCreation, type TopicCreation } from './topic-creation.ts';
import type { KafkaWorker, LocatedConfig } from './worker-file.ts';

/** Everything that a connector's Kafka log is configured by. Files with certificates are not read yet. */
export interface KafkaLogConfig {
  readonly connector: string;
  readonly client: {
    readonly brokers: readonly string[];
    readonly clientId: string;
    readonly access: KafkaAccess;
    readonly connectionTimeoutMs: number;
    readonly requestTimeoutMs: number;
    readonly metadataMaxAgeMs: number;
  };
  readonly producer: {
    readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
    readonly compressionLevel: number | null;
    readonly lingerMs: number;
    readonly batchBytes: number;
    readonly maxRequestBytes: number;
    readonly deliveryTimeoutMs: number;
    readonly retryBackoffMs: number;
    readonly transactionTimeoutMs: number;
  };
  readonly offsets: {
    readonly topic: string;
    readonly partitions: number;
    readonly replicationFactor: number | null;
  };
  readonly exactlyOnce: {
    readonly transactionalId: string;
    readonly boundary: { readonly kind: 'poll' } | { readonly kind: 'interval'; readonly intervalMs: number };
  } | null;
  readonly topicCreation: TopicCreation;
  readonly oversized: OversizedPolicy;
}

export interface KafkaLogCheck {
  /** Null when there are errors. */
  readonly config: KafkaLogConfig | null;
  readonly errors: readonly LocatedIssue[];
  readonly warnings: readonly LocatedIssue[];
  readonly secrets: readonly string[];
}

const clientAndProducerDef = { ...kafkaClientDef, ...kafkaProducerDef } as const;
type ClientConfig = ConfigOf<typeof clientAndProducerDef>;

/** Reads what a worker's file and a connector say of Kafka. `connector` holds the connector's keys that concern Kafka alone. */
export function parseKafkaLog(name: string, connector: LocatedConfig, worker: KafkaWorker): KafkaLogCheck {
  const client = layers(connector, worker);
  const own = Object.entries(connector.raw).filter(([key]) => !key.startsWith(OVERRIDE));
  const parsed = parseConfig(kafkaConnectorDef, kafkaConnectorUnsupported, Object.fromEntries(own));
  const topics = parseTopicCreation(connector.raw);
  const ofConnector = (issue: Issue): LocatedIssue => ({ ...issue, ...connector.placeOf(issue.key) });

  const parsedClient = parseConfig(
    clientAndProducerDef,
    [...kafkaProducerUnsupported, ...kafkaClientUnsupported],
    client.raw,
  );
  const access = parsedClient.config === null ? null : judgeAccess(parsedClient.config, client.raw);
  const errors = [
    ...[...parsed.errors, ...topics.errors, ...forbiddenOverrides(connector.raw, worker)].map(ofConnector),
    ...[...parsedClient.errors, ...(access?.errors ?? [])].map(client.locate),
  ];
  const warnings = [
    ...[...parsed.warnings, ...topics.warnings].map(ofConnector),
    ...[...parsedClient.warnings, ...(access?.warnings ?? [])].map(client.locate),
  ];
  const secrets = [
    ...secretsOf(clientAndProducerDef, client.raw),
    ...secretsOfJaas(parsedClient.config?.['sasl.jaas.config'] ?? null),
  ];
  if (parsed.config === null || parsedClient.config === null || access === null || access.access === null) {
    return { config: null, errors, warnings, secrets };
  }
  const config: KafkaLogConfig = {
    connector: name,
    client: clientOf(name, parsedClient.config, access.access),
    producer: producerOf(parsedClient.config),
    offsets: {
      topic: parsed.config['offsets.storage.topic'] || worker.config['offset.storage.topic'],
      partitions: worker.config['offset.storage.partitions'],
      replicationFactor: positive(worker.config['offset.storage.replication.factor']),
    },
    exactlyOnce: exactlyOnceOf(name, parsed.config, worker, parsedClient.config['transaction.timeout.ms']),
    topicCreation: {
      ...topics.creation,
      enabled: topics.creation.enabled && worker.config['topic.creation.enable'],
    },
    oversized: parsed.config['tailrace.kafka.oversized'],
  };
  const late = lateBoundary(config);
  if (late !== null) errors.push(ofConnector(late));
  return { config: errors.length > 0 ? null : config, errors, warnings, secrets };
}

const OVERRIDE = 'producer.override.';

/**
 * A client's keys by their plain names, the stronger over the weaker: those of the worker without a prefix, its `producer.*`,
 * the connector's `producer.override.*`. Each knows where it stands.
 */
function layers(
  connector: LocatedConfig,
  worker: KafkaWorker,
): { readonly raw: RawConfig; locate(issue: Issue): LocatedIssue } {
  const raw: Record<string, string> = {};
  const written = new Map<string, LocatedIssue>();
  const take = (key: string, as: string, text: string, place: Pick<LocatedIssue, 'path' | 'line'>): void => {
    raw[key] = text;
    written.set(key, { key: as, message: '', path: place.path, line: place.line });
  };
  const { file } = worker;
  const inFile = (key: string) => ({ path: file.path, line: file.lineOf(key) });
  for (const [key, text] of Object.entries(file.raw)) if (isKafkaClientKey(key)) take(key, key, text, inFile(key));
  for (const [key, text] of Object.entries(file.raw)) {
    if (key.startsWith('producer.')) take(key.slice('producer.'.length), key, text, inFile(key));
  }
  for (const [key, text] of Object.entries(connector.raw)) {
    if (key.startsWith(OVERRIDE)) take(key.slice(OVERRIDE.length), key, text, connector.placeOf(key));
  }
  const nowhere = { path: file.path, line: null };
  return { raw, locate: (issue) => ({ ...nowhere, ...issue, ...place(written.get(issue.key)) }) };
}

function place(written: LocatedIssue | undefined): Pick<LocatedIssue, 'key' | 'path' | 'line'> | object {
  return written === undefined ? {} : { key: written.key, path: written.path, line: written.line };
}

/** Connect's PrincipalConnectorClientConfigOverridePolicy. */
const PRINCIPAL_KEYS = ['security.protocol', 'sasl.mechanism', 'sasl.jaas.config'];

function forbiddenOverrides(raw: RawConfig, worker: KafkaWorker): readonly Issue[] {
  const policy = worker.config['connector.client.config.override.policy'];
  if (policy === 'All') return [];
  return Object.keys(raw).flatMap((key) => {
    const name = /^(?:producer|consumer|admin)\.override\.(.+)$/.exec(key)?.[1];
    if (name === undefined || (policy === 'Principal' && PRINCIPAL_KEYS.includes(name))) return [];
    const message = `is not allowed: connector.client.config.override.policy of ${worker.file.path} is ${policy}`;
    return [{ key, message }];
  });
}

function clientOf(name: string, config: ClientConfig, access: KafkaAccess): KafkaLogConfig['client'] {
  return {
    brokers: config['bootstrap.servers'],
    clientId: config['client.id'] || `connector-producer-${name}-0`,
    access,
    connectionTimeoutMs: config['socket.connection.setup.timeout.ms'],
    requestTimeoutMs: config['request.timeout.ms'],
    metadataMaxAgeMs: config['metadata.max.age.ms'],
  };
}

function producerOf(config: ClientConfig): KafkaLogConfig['producer'] {
  const compression = config['compression.type'];
  const levels = {
    none: null,
    snappy: null,
    // Kafka writes zlib's default as -1.
    gzip: positive(config['compression.gzip.level']),
    lz4: config['compression.lz4.level'],
    zstd: config['compression.zstd.level'],
  };
  return {
    compression,
    compressionLevel: levels[compression],
    lingerMs: config['linger.ms'],
    batchBytes: config['batch.size'],
    maxRequestBytes: config['max.request.size'],
    deliveryTimeoutMs: config['delivery.timeout.ms'],
    retryBackoffMs: config['retry.backoff.ms'],
    transactionTimeoutMs: config['transaction.timeout.ms'],
  };
}

function positive(value: number | null): number | null {
  return value === null || value < 1 ? null : value;
}

function exactlyOnceOf(
  name: string,
  config: ConfigOf<typeof kafkaConnectorDef>,
  worker: KafkaWorker,
  transactionTimeoutMs: number,
): KafkaLogConfig['exactlyOnce'] {
  const isEnabled = worker.config['exactly.once.source.support'] === 'enabled';
  if (!isEnabled && config['exactly.once.support'] !== 'required') return null;
  const kind = config['transaction.boundary'];
  // Connect's default for both is a minute, and brokers abort a transaction that is as old as its limit.
  const intervalMs =
    config['transaction.boundary.interval.ms'] ??
    Math.min(worker.config['offset.flush.interval.ms'], Math.floor(transactionTimeoutMs / 2));
  return {
    // Connect's Worker.taskTransactionalId: there is one task, 0.
    transactionalId: `${worker.config['group.id']}-${name}-0`,
    boundary: kind === 'interval' ? { kind, intervalMs } : { kind },
  };
}

function lateBoundary({ exactlyOnce, producer }: KafkaLogConfig): Issue | null {
  const boundary = exactlyOnce?.boundary;
  if (boundary?.kind !== 'interval' || boundary.intervalMs < producer.transactionTimeoutMs) return null;
  return {
    key: 'transaction.boundary.interval.ms',
    message: `is ${boundary.intervalMs}, and brokers abort a transaction after the ${producer.transactionTimeoutMs} of producer.override.transaction.timeout.ms: set it below that`,
  };
}
