import { editDistance } from '../config/nearest.ts';
import { TailraceError } from '../model/errors.ts';

/** Kafka's limit (`org.apache.kafka.common.internals.Topic.MAX_NAME_LENGTH`): a name with its suffixes is a file name there. */
const MAX_LENGTH = 249;

/** Throws `config.invalid` unless Kafka would take the name, so that a topic can always move from one log to the other. */
export function checkTopicName(topic: string): void {
  const fault =
    topic === ''
      ? 'it is empty'
      : topic === '.' || topic === '..'
        ? 'it may not be "." or ".."'
        : topic.length > MAX_LENGTH
          ? `it has ${topic.length} characters, the limit is ${MAX_LENGTH}`
          : /[^a-zA-Z0-9._-]/.test(topic)
            ? 'only letters, digits, ".", "_" and "-" are allowed'
            : null;
  if (fault === null) return;
  throw new TailraceError('config.invalid', `Topic name ${JSON.stringify(topic)} is not valid: ${fault}.`, {
    remedy: 'Change topic.prefix, or route the table to another topic name with a transform.',
  });
}

/** `log.topic_missing`, naming the topics that look like the one asked for. */
export function topicMissing(topic: string, known: readonly string[], where: string): TailraceError {
  const near = known
    .map((name) => ({ name, distance: name.includes(topic) ? 0 : editDistance(topic, name) }))
    .filter(({ name, distance }) => distance <= Math.max(2, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 5);
  const remedy =
    known.length === 0
      ? 'The log has no topics yet: nothing was captured so far.'
      : near.length === 0
        ? '`tailrace topics` lists the topics there are.'
        : `Did you mean ${near.map(({ name }) => name).join(', ')}?`;
  return new TailraceError('log.topic_missing', `There is no topic ${JSON.stringify(topic)} in ${where}.`, { remedy });
}
