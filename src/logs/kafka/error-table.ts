import type { ErrorCode } from '../../model/errors.ts';

/** What was being done when Kafka answered with an error. */
export interface Situation {
  /** Completes "while ...": `writing`, `creating it`. */
  readonly doing: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly transactionalId?: string;
  /** The name of the offsets topic, whose replicas have a key of their own. */
  readonly offsetsTopic?: string;
  /** Kafka's name of the request that failed. */
  readonly request?: string;
  /** The broker's own words. */
  readonly detail?: string | null;
}

export interface Verdict {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

/** The one table of what an error of Kafka's protocol means here, and which key changes it. `where`: `Kafka at host:port`. */
export function verdictOf(type: string, where: string, situation: Situation): Verdict {
  const { doing, transactionalId } = situation;
  const topic = situation.topic ?? '';
  const ofRecords = 'topic.creation.default.replication.factor';
  const replicationKey = topic === situation.offsetsTopic ? 'offset.storage.replication.factor' : ofRecords;
  const place = situation.partition === undefined ? topic : `${topic}-${situation.partition}`;
  const said = situation.detail ? `: ${situation.detail.trim().replace(/\.$/, '')}` : '';
  switch (type) {
    case 'TOPIC_AUTHORIZATION_FAILED': {
      const operations = aclsFor(situation);
      return {
        code: 'log.privilege',
        message: `${where} does not allow this user to use topic ${topic} while ${doing}.`,
        remedy: `Grant it: kafka-acls --add --allow-principal User:<user> ${operations} --topic ${topic}.`,
      };
    }
    case 'CLUSTER_AUTHORIZATION_FAILED':
      return {
        code: 'log.privilege',
        message: `${where} does not allow this user to ${situation.request === 'InitProducerId' ? 'write anything' : 'act on the cluster'} while ${doing}.`,
        remedy:
          'Grant it: kafka-acls --add --allow-principal User:<user> --operation Write --operation Describe --topic <topic> for each topic, and --operation Create where they are to be made; before Kafka 2.8 also --operation IdempotentWrite --cluster.',
      };
    case 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED':
      return {
        code: 'log.privilege',
        message: `${where} does not allow this user to use transactional id ${transactionalId ?? ''} while ${doing}.`,
        remedy: `Grant it: kafka-acls --add --allow-principal User:<user> --operation Write --operation Describe --transactional-id ${transactionalId ?? '<id>'}; or set exactly.once.support=requested and exactly.once.source.support=disabled.`,
      };
    case 'GROUP_AUTHORIZATION_FAILED':
      return {
        code: 'log.privilege',
        message: `${where} does not allow this user to use its consumer group while ${doing}.`,
        remedy: 'Grant it: kafka-acls --add --allow-principal User:<user> --operation Read --group <group>.',
      };
    case 'SASL_AUTHENTICATION_FAILED':
      return {
        code: 'log.authentication',
        message: `${where} refused the credentials while ${doing}${said}.`,
        remedy: 'Change the username and password in sasl.jaas.config, or sasl.mechanism.',
      };
    case 'UNSUPPORTED_SASL_MECHANISM':
      return {
        code: 'log.authentication',
        message: `${where} does not offer the SASL mechanism that it was asked for${said}.`,
        remedy: "Set sasl.mechanism to one of the listener's sasl.enabled.mechanisms.",
      };
    case 'ILLEGAL_SASL_STATE':
      return {
        code: 'log.authentication',
        message: `${where} expects no SASL authentication on this listener, or another order of it.`,
        remedy: 'Change security.protocol: PLAINTEXT and SSL are without SASL.',
      };
    case 'INVALID_REPLICATION_FACTOR':
      return {
        code: 'log.setting',
        message: `${where} cannot create topic ${topic}${said || ': it has fewer brokers than the topic is to have replicas'}.`,
        remedy: `Set ${replicationKey} to at most the number of brokers, or to -1 for the broker's default.`,
      };
    case 'INVALID_PARTITIONS':
      return {
        code: 'log.setting',
        message: `${where} cannot create topic ${topic}${said || ': the number of partitions is not valid'}.`,
        remedy: 'Change topic.creation.default.partitions, or offset.storage.partitions for the offsets topic.',
      };
    case 'INVALID_CONFIG':
      return {
        code: 'log.setting',
        message: `${where} cannot create topic ${topic}${said || ': one of its configurations is not valid'}.`,
        remedy:
          "Change the topic's configuration in topic.creation.default.* or in its group, topic.creation.<group>.*.",
      };
    case 'POLICY_VIOLATION':
      return {
        code: 'log.setting',
        message: `A policy of ${where} forbids it while ${doing} ${place}${said}.`,
        remedy:
          "Change topic.creation.default.* so that the broker's create.topic.policy.class.name takes it, or create the topic beforehand.",
      };
    case 'INVALID_TOPIC_EXCEPTION':
      return {
        code: 'log.setting',
        message: `${where} takes no topic with the name ${JSON.stringify(topic)}${said}.`,
        remedy: 'Change topic.prefix, or route the table to another topic with a transform.',
      };
    case 'UNKNOWN_TOPIC_OR_PARTITION':
      return {
        code: 'log.topic_missing',
        message: `There is no topic ${place} in ${where}, and the broker did not create it while ${doing}.`,
        remedy:
          'Set topic.creation.default.partitions and topic.creation.default.replication.factor, or create it, or set auto.create.topics.enable=true on the brokers.',
      };
    case 'MESSAGE_TOO_LARGE':
    case 'RECORD_LIST_TOO_LARGE':
      return {
        code: 'log.record_too_large',
        message: `${where} refused a batch of records for ${place}: it is larger than the topic allows.`,
        remedy: `Raise max.message.bytes of topic ${topic} (message.max.bytes of the brokers), or lower producer.override.batch.size.`,
      };
    case 'UNSUPPORTED_COMPRESSION_TYPE':
      return {
        code: 'log.setting',
        message: `${where} does not know the compression of the records for ${place}.`,
        remedy:
          'Change producer.override.compression.type (producer.compression.type of the worker); zstd needs Kafka 2.1.',
      };
    case 'INVALID_TIMESTAMP':
      return {
        code: 'log.setting',
        message: `${where} refused the timestamp of the records for ${place}.`,
        remedy: `Set this machine's clock, or raise message.timestamp.before.max.ms and message.timestamp.after.max.ms of topic ${topic}.`,
      };
    case 'INVALID_RECORD':
      return {
        code: 'log.setting',
        message: `${where} refused a record for ${place}${said}.`,
        remedy: `A topic with cleanup.policy=compact takes no record without a key: set message.key.columns for the table, or cleanup.policy=delete on topic ${topic}.`,
      };
    case 'INVALID_TRANSACTION_TIMEOUT':
      return {
        code: 'log.setting',
        message: `${where} allows no transaction timeout as long as it was asked for.`,
        remedy: 'Lower producer.override.transaction.timeout.ms to at most transaction.max.timeout.ms of the brokers.',
      };
    case 'INVALID_PRODUCER_EPOCH':
    case 'PRODUCER_FENCED':
    case 'TRANSACTION_COORDINATOR_FENCED':
      return {
        code: 'log.fenced',
        message: `Another task took over transactional id ${transactionalId ?? ''} in ${where}; this one may write no more.`,
        remedy:
          'Run each connector once only. If it is the only one, its transaction took longer than transaction.timeout.ms: raise producer.override.transaction.timeout.ms, and start it again.',
      };
    case 'NOT_ENOUGH_REPLICAS':
    case 'NOT_ENOUGH_REPLICAS_AFTER_APPEND':
      return {
        code: 'log.unavailable',
        message: `${place} in ${where} has fewer replicas in sync than min.insync.replicas asks for.`,
        remedy: `Start the missing brokers, or lower min.insync.replicas of topic ${topic}. It is tried again.`,
      };
    case 'COORDINATOR_NOT_AVAILABLE':
    case 'COORDINATOR_LOAD_IN_PROGRESS':
    case 'NOT_COORDINATOR':
      return {
        code: 'log.unavailable',
        message: `The transaction coordinator of ${where} was not available while ${doing}.`,
        remedy:
          'Start the missing brokers; with fewer than three, set transaction.state.log.replication.factor and transaction.state.log.min.isr of the brokers. It is tried again.',
      };
    case 'UNSUPPORTED_VERSION':
      return {
        code: 'log.setting',
        message: `${where} is too old for what was asked of it while ${doing}.`,
        remedy: 'tailrace needs Kafka 2.4 or newer; name such brokers in bootstrap.servers.',
      };
    case 'CORRUPT_MESSAGE':
      return {
        code: 'log.unavailable',
        message: `${where} received damaged records for ${place}${said}.`,
        remedy: 'It is tried again; if it stays, look at the network between here and the broker, and at its disk.',
      };
    default:
      return {
        code: 'log.unavailable',
        message: `${where} answered ${type} while ${doing}${place === '' ? '' : ` ${place}`}${said}.`,
        remedy: "It is tried again; if it stays, the broker's own log tells more.",
      };
  }
}

function aclsFor({ doing, request }: Situation): string {
  if (request === 'CreateTopics') return '--operation Create --operation Describe';
  return doing.startsWith('reading')
    ? '--operation Read --operation Describe'
    : '--operation Write --operation Describe';
}
