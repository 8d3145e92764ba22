import type { NewTopic } from './requests.ts';
import type { KafkaLogSettings, TopicCreationSettings } from './settings.ts';

/** What stands for the broker's default in a request. */
const BROKER_DEFAULT = -1;

/** A topic of records, as `topic.creation.*` has it; null: it is left to the broker. */
export function newRecordTopic(topic: string, settings: TopicCreationSettings): NewTopic | null {
  if (!settings.enabled) return null;
  const group = settings.groups.find(
    ({ include, exclude }) =>
      include.some((pattern) => matchesWhole(pattern, topic)) &&
      !exclude.some((pattern) => matchesWhole(pattern, topic)),
  );
  const { partitions, replicationFactor, configs } = group?.template ?? settings.fallback;
  return {
    topic,
    partitions: partitions ?? BROKER_DEFAULT,
    replicationFactor: replicationFactor ?? BROKER_DEFAULT,
    configs,
  };
}

/** A source's own: in one order, and kept whole, as Debezium makes its schema history (KafkaSchemaHistory.initializeStorage). */
export function newStateTopic(topic: string): NewTopic {
  return {
    topic,
    partitions: 1,
    replicationFactor: BROKER_DEFAULT,
    configs: { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' },
  };
}

/** Connect's `offset.storage.topic`, as Connect makes it (KafkaOffsetBackingStore). */
export function newOffsetsTopic({ topic, partitions, replicationFactor }: KafkaLogSettings['offsets']): NewTopic {
  return {
    topic,
    partitions,
    replicationFactor: replicationFactor ?? BROKER_DEFAULT,
    configs: { 'cleanup.policy': 'compact' },
  };
}

/** Java's `Pattern.matches`. */
function matchesWhole(pattern: RegExp, text: string): boolean {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replaceAll(/[gy]/g, '')).test(text);
}
