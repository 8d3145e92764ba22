import type { ConfigOf, UnsupportedKey } from './config-def.ts';
import { choice, flag, integer, text } from './properties.ts';

/** What Kafka allows as the name of a topic. */
export function checkTopicName(value: string): string | null {
  if (value.length > 249) return 'is longer than the 249 characters that a topic may have';
  if (value === '.' || value === '..') return 'is no name of a topic';
  return /^[a-zA-Z0-9._-]+$/.test(value) ? null : 'may only hold letters, digits, dot, dash and underscore';
}

const POLICY = 'org.apache.kafka.connect.connector.policy.';

/** The file that Connect's workers are started with, beside `bootstrap.servers` and the other keys of clients. */
export const kafkaWorkerDef = {
  'group.id': text('tailrace', {
    importance: 'high',
    doc: 'Name of the Connect cluster. Transactional ids begin with it: `<group.id>-<connector>-0`.',
  }),
  'offset.storage.topic': text('connect-offsets', {
    importance: 'high',
    check: checkTopicName,
    doc: 'Topic that keeps the source offsets, in Connect’s form. Made when it is missing, compacted.',
  }),
  'offset.storage.partitions': integer(25, { min: 1, max: 100_000, doc: 'Its partitions when it is made.' }),
  'offset.storage.replication.factor': integer(null, {
    min: -1,
    max: 32_767,
    doc: 'Its replicas when it is made; -1, or when it is not set, what the brokers have as `default.replication.factor`. Three are usual where there are three brokers.',
  }),
  'offset.flush.interval.ms': integer(60_000, {
    min: 1,
    doc: 'Default of `transaction.boundary.interval.ms`. Without transactions offsets are written after each append.',
  }),
  'exactly.once.source.support': choice(['disabled', 'preparing', 'enabled'], 'disabled', {
    importance: 'high',
    doc: '`enabled`: records and offset of each append in one transaction of Kafka. Otherwise at least once, but for a connector with `exactly.once.support=required`.',
  }),
  'topic.creation.enable': flag(true, {
    doc: 'Whether topics are made as `topic.creation.*` of the connector says. If not, it is left to the brokers.',
  }),
  'connector.client.config.override.policy': choice(['All', 'None', 'Principal'], 'All', {
    synonyms: {
      [`${POLICY}AllConnectorClientConfigOverridePolicy`]: 'All',
      [`${POLICY}NoneConnectorClientConfigOverridePolicy`]: 'None',
      [`${POLICY}PrincipalConnectorClientConfigOverridePolicy`]: 'Principal',
    },
    doc: 'Which `producer.override.*` keys a connector may have: all, none, or those of who is connected (`security.protocol`, `sasl.mechanism`, `sasl.jaas.config`).',
  }),
} as const;

export type KafkaWorkerConfig = ConfigOf<typeof kafkaWorkerDef>;

const NO_REST = 'this version has no REST API of Connect';
const NO_GROUP = 'one process runs the connectors that it is given; there is no rebalancing';
const ON_COMMAND_LINE = 'connectors are given on the command line';

export const kafkaWorkerUnsupported: readonly UnsupportedKey[] = [
  { key: 'config.providers', effect: 'quiet', reason: 'read while the files are loaded' },
  { key: 'config.providers.*', effect: 'quiet', reason: 'read while the files are loaded' },
  {
    key: 'offset.storage.file.filename',
    effect: 'ignored',
    reason: 'offsets are kept in the topic offset.storage.topic; `tailrace offsets import` reads such a file',
  },
  { key: 'offset.flush.timeout.ms', effect: 'quiet', reason: 'delivery.timeout.ms decides' },
  { key: 'offset.storage.*', effect: 'quiet', reason: 'the offsets topic is made compacted' },
  { key: 'config.storage.*', effect: 'quiet', reason: ON_COMMAND_LINE },
  { key: 'status.storage.*', effect: 'quiet', reason: 'see /health' },
  { key: 'plugin.path', effect: 'quiet', reason: 'nothing is loaded from elsewhere' },
  { key: 'plugin.discovery', effect: 'quiet', reason: 'nothing is loaded from elsewhere' },
  {
    key: 'listeners',
    effect: 'ignored',
    reason: 'the address of /health, /lag and /metrics is tailrace.http.listen, or --http',
  },
  { key: 'rest.*', effect: 'quiet', reason: NO_REST },
  { key: 'admin.listeners', effect: 'quiet', reason: NO_REST },
  { key: 'admin.listeners.*', effect: 'quiet', reason: NO_REST },
  { key: 'listeners.*', effect: 'quiet', reason: NO_REST },
  { key: 'access.control.*', effect: 'quiet', reason: NO_REST },
  { key: 'response.http.*', effect: 'quiet', reason: NO_REST },
  { key: 'topic.tracking.*', effect: 'quiet', reason: NO_REST },
  { key: 'internal.*', effect: 'quiet', reason: 'offsets are kept as JSON without schemas' },
  { key: 'inter.worker.*', effect: 'quiet', reason: NO_GROUP },
  { key: 'connect.protocol', effect: 'quiet', reason: NO_GROUP },
  { key: 'scheduled.rebalance.*', effect: 'quiet', reason: NO_GROUP },
  { key: 'rebalance.timeout.ms', effect: 'quiet', reason: NO_GROUP },
  { key: 'session.timeout.ms', effect: 'quiet', reason: NO_GROUP },
  { key: 'heartbeat.interval.ms', effect: 'quiet', reason: NO_GROUP },
  { key: 'worker.*', effect: 'quiet', reason: NO_GROUP },
  { key: 'task.shutdown.graceful.timeout.ms', effect: 'quiet', reason: 'a task stops after the append in flight' },
  { key: 'admin.*', effect: 'quiet', reason: 'topics are made over the producer’s connection' },
  { key: 'consumer.*', effect: 'quiet', reason: 'offsets are read over the producer’s connection' },
];
