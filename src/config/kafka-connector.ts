import { ConfigValueError, type UnsupportedKey } from './config-def.ts';
import { checkTopicName } from './kafka-worker.ts';
import { choice, integer, keyFamily, structuredOr, text } from './properties.ts';

/** What becomes of a record that is larger than the topic or `max.request.size` allows. */
export type OversizedPolicy =
  | { readonly kind: 'fail' }
  | { readonly kind: 'truncate' }
  | { readonly kind: 'dead-letter'; readonly topic: string };

function parseOversized(given: string): OversizedPolicy {
  const value = given.trim();
  if (value === 'fail' || value === 'truncate') return { kind: value };
  const topic = /^dead-letter:(.*)$/.exec(value)?.[1]?.trim();
  if (topic === undefined) throw new ConfigValueError('is not one of fail, truncate, dead-letter:<topic>');
  const complaint = checkTopicName(topic);
  if (complaint !== null) throw new ConfigValueError(`names the topic '${topic}', which ${complaint}`);
  return { kind: 'dead-letter', topic };
}

/** What a connector says of Kafka, beside `producer.override.*`. */
export const kafkaConnectorDef = {
  'exactly.once.support': choice(['requested', 'required'], 'requested', {
    importance: 'medium',
    doc: '`required`: this connector’s records and offsets go together in transactions, whatever `exactly.once.source.support` of the worker says.',
  }),
  'transaction.boundary': choice(['poll', 'interval'], 'poll', {
    importance: 'medium',
    refused: { connector: 'connectors of Debezium define no boundaries of their own; use poll or interval' },
    doc: 'When a transaction of Kafka ends: after each append, or after a time.',
  }),
  'transaction.boundary.interval.ms': integer(null, {
    min: 1,
    doc: 'The time of `transaction.boundary=interval`; `offset.flush.interval.ms` of the worker when it is not set.',
  }),
  'offsets.storage.topic': text(null, {
    check: (value) => (value === '' ? null : checkTopicName(value)),
    doc: 'Offsets topic of this connector alone, in place of `offset.storage.topic` of the worker.',
  }),
  'topic.creation.groups': text('', {
    doc: 'Groups of topics that are made in another way than `default`, separated by commas; the first that matches counts.',
  }),
  'topic.creation.<group>.<setting>': keyFamily(/^topic\.creation\.(?!groups$)(.+)$/, ([, name]) => name!, {
    doc: 'How topics of a group are made: `include` and `exclude` (regular expressions over the whole name), `partitions`, `replication.factor` (-1 is the brokers’ default), and any configuration of a topic, such as `cleanup.policy`. The group `default` must have `partitions` and `replication.factor`; without it topics are left to the brokers’ `auto.create.topics.enable`.',
  }),
  'tailrace.kafka.oversized': structuredOr('fail', parseOversized, {
    importance: 'medium',
    doc: 'What becomes of a record that the topic or `max.request.size` cannot take: `fail` stops the connector and names topic, key and size; `truncate` cuts the longest texts of its JSON value and tells the size it had in a header; `dead-letter:<topic>` sends it to another topic, with the headers that Connect gives dead letters, without its value where that topic cannot take it either.',
  }),
} as const;

export const kafkaConnectorUnsupported: readonly UnsupportedKey[] = [
  { key: 'consumer.override.*', effect: 'quiet', reason: 'offsets are read over the producer’s connection' },
  { key: 'admin.override.*', effect: 'quiet', reason: 'topics are made over the producer’s connection' },
];

/** Keys of a connector that concern Kafka alone. */
export function isKafkaConnectorKey(key: string): boolean {
  return (
    key in kafkaConnectorDef ||
    key.startsWith('topic.creation.') ||
    key.startsWith('producer.override.') ||
    key.startsWith('consumer.override.') ||
    key.startsWith('admin.override.')
  );
}
