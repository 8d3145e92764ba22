/** Kafka's limit on a topic name (org.apache.kafka.common.internals.Topic.MAX_NAME_LENGTH). */
const MAX_TOPIC_LENGTH = 249;

export interface TopicNamingOptions {
  readonly 'topic.prefix': string;
  readonly 'topic.delimiter': string;
  readonly 'topic.heartbeat.prefix': string;
  readonly 'topic.heartbeat.name': string | null;
  readonly 'topic.transaction': string;
}

/** Topic names as Debezium's SchemaTopicNamingStrategy and DefaultTopicNamingStrategy give them. */
export class TopicNaming {
  readonly #options: TopicNamingOptions;

  constructor(options: TopicNamingOptions) {
    this.#options = options;
  }

  get prefix(): string {
    return this.#options['topic.prefix'];
  }

  /** Topic of a table's changes; blank parts are dropped. */
  data(parts: readonly string[]): string {
    return sanitizeTopic(this.#join([this.prefix, ...parts]));
  }

  heartbeat(): string {
    return sanitizeTopic(
      this.#options['topic.heartbeat.name'] ?? this.#join([this.#options['topic.heartbeat.prefix'], this.prefix]),
    );
  }

  transaction(): string {
    return sanitizeTopic(this.#join([this.prefix, this.#options['topic.transaction']]));
  }

  /** Topic of schema changes: the prefix alone. */
  schemaChanges(): string {
    return sanitizeTopic(this.prefix);
  }

  /** Topic of logical decoding messages: the dot is fixed, whatever the delimiter. */
  message(): string {
    return sanitizeTopic(`${this.prefix}.message`);
  }

  #join(parts: readonly string[]): string {
    return parts.filter((part) => part.trim() !== '').join(this.#options['topic.delimiter']);
  }
}

/** Replaces what a topic name may not hold by `_`, and cuts it to Kafka's length. */
export function sanitizeTopic(name: string): string {
  if (name === '.') return '_';
  if (name === '..') return '__';
  return name.replace(/[^a-zA-Z0-9._-]/g, '_').slice(0, MAX_TOPIC_LENGTH);
}
