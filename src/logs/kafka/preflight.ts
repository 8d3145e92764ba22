import { TailraceError } from '../../model/errors.ts';
import type { SourceOffset, SourcePartition } from '../../model/log.ts';
import type { PreflightCheck } from '../../model/preflight.ts';
import type { Logger } from '../../observe/logger.ts';
import { type AclOperation, brokerConfigRequest, type ClusterAccess, clusterAccessRequest } from './access-requests.ts';
import { KafkaClient } from './client.ts';
import type { Situation } from './error-table.ts';
import { guarded } from './kafka-error.ts';
import { createKafkaLog } from './log.ts';
import { KafkaRequestError } from './request-error.ts';
import { createTopicsRequest, describeTopicConfigsRequest, type NewTopic } from './requests.ts';
import { withRetries } from './retries.ts';
import type { KafkaLogSettings } from './settings.ts';
import { newOffsetsTopic, newRecordTopic } from './topic-creation.ts';

export interface KafkaPreflightParts {
  readonly logger: Logger;
  /** First part of the names of the connector's topics. */
  readonly topicPrefix: string;
  readonly partition: SourcePartition;
}

export interface KafkaPreflightReport {
  readonly checks: readonly PreflightCheck[];
  /** Where a run would go on; null: at the beginning. */
  readonly stored: SourceOffset | null;
}

const VALIDATE_TIMEOUT_MS = 30_000;
const COORDINATOR_RETRIES = { timeoutMs: 10_000, backoffMs: 100 } as const;

/**
 * What a run would meet in Kafka: the connection, the offsets topic, topics that it would have to make, rights. Changes nothing:
 * topics are made for validation only.
 */
export async function preflightKafka(
  settings: KafkaLogSettings,
  parts: KafkaPreflightParts,
): Promise<KafkaPreflightReport> {
  const client = new KafkaClient(settings.client, parts.logger);
  try {
    return await new Preflight(client, settings, parts).run();
  } finally {
    client.close();
  }
}

class Preflight {
  readonly #client: KafkaClient;
  readonly #settings: KafkaLogSettings;
  readonly #parts: KafkaPreflightParts;
  readonly #checks: PreflightCheck[] = [];
  #stored: SourceOffset | null = null;

  constructor(client: KafkaClient, settings: KafkaLogSettings, parts: KafkaPreflightParts) {
    this.#client = client;
    this.#settings = settings;
    this.#parts = parts;
  }

  async run(): Promise<KafkaPreflightReport> {
    const access = await this.#check('log', { doing: 'connecting' }, () => this.#reach());
    if (access !== null) {
      await this.#checkOffsets(access);
      await this.#checkTopics(access);
      await this.#checkTransactions();
    }
    return { checks: this.#checks, stored: this.#stored };
  }

  async #reach(): Promise<ClusterAccess> {
    await this.#client.connect();
    const access = await this.#client.send('any', clusterAccessRequest());
    const { exactlyOnce } = this.#settings;
    const how =
      exactlyOnce === null ? 'at least once' : `exactly once, as transactional id ${exactlyOnce.transactionalId}`;
    const count = access.brokers === 1 ? 'one broker' : `${access.brokers} brokers`;
    this.#ok('log', `${this.#client.name} answers: ${count}; records are written ${how}`);
    return access;
  }

  async #checkOffsets(access: ClusterAccess): Promise<void> {
    const name = 'log offsets';
    const { topic } = this.#settings.offsets;
    const found = access.topics.find((one) => one.topic === topic);
    const situation = { doing: 'reading source offsets', topic };
    if (found === undefined) {
      const fresh = newOffsetsTopic(this.#settings.offsets);
      await this.#check(name, { ...situation, doing: 'creating it' }, async () => {
        await this.#validateCreation(fresh);
        this.#ok(name, `topic ${topic} is missing and will be made at the start`);
      });
      return;
    }
    await this.#check(name, situation, async () => {
      this.#refuseMissing(topic, found.allowed.missing(['Read', 'Write', 'Describe']));
      this.#stored = await this.#storedOffset();
      const position = this.#stored === null ? 'holds no position of this connector yet' : 'holds a position';
      const policy = await this.#cleanupPolicy(topic);
      if (policy === null || policy.includes('compact')) this.#ok(name, `topic ${topic} ${position}`);
      else {
        this.#checks.push({
          name,
          status: 'warning',
          message: `topic ${topic} ${position}; its cleanup.policy is ${policy}, so that offsets vanish with its retention`,
          remedy: `kafka-configs --alter --entity-type topics --entity-name ${topic} --add-config cleanup.policy=compact`,
        });
      }
    });
  }

  async #storedOffset(): Promise<SourceOffset | null> {
    const log = createKafkaLog(this.#settings, { logger: this.#parts.logger, clock: Date.now });
    try {
      return await log.offsets.get(this.#settings.connector, this.#parts.partition);
    } finally {
      await log.close();
    }
  }

  async #cleanupPolicy(topic: string): Promise<string | null> {
    const [found] = await this.#client.send('any', describeTopicConfigsRequest([topic], ['cleanup.policy']));
    return found?.configs.get('cleanup.policy') ?? null;
  }

  async #checkTopics(access: ClusterAccess): Promise<void> {
    const name = 'log topics';
    const { topicPrefix } = this.#parts;
    const own = access.topics.filter(({ topic }) => topic === topicPrefix || topic.startsWith(`${topicPrefix}.`));
    // No table has this name; the groups of topic.creation see it as any other.
    const probe = newRecordTopic(`${topicPrefix}.tailrace-validate`, this.#settings.topicCreation);
    await this.#check(name, { doing: 'creating it', topic: probe?.topic ?? topicPrefix }, async () => {
      for (const { topic, allowed } of own) this.#refuseMissing(topic, allowed.missing(['Write', 'Describe']));
      const there = own.length === 1 ? 'one topic' : `${own.length} topics`;
      if (probe !== null) {
        await this.#validateCreation(probe);
        this.#ok(name, `${there} of ${topicPrefix} can be written to, missing ones can be made`);
        return;
      }
      const isAuto = await this.#createsTopics();
      if (isAuto !== false) {
        const made = 'missing ones are made by the brokers (auto.create.topics.enable)';
        this.#ok(name, `${there} of ${topicPrefix} can be written to, ${isAuto ? made : `${made}, if they do`}`);
        return;
      }
      this.#checks.push({
        name,
        status: own.length === 0 ? 'error' : 'warning',
        message: `${there} of ${topicPrefix} can be written to, and nobody makes missing ones: auto.create.topics.enable of the brokers is false`,
        remedy:
          'Set topic.creation.default.partitions and topic.creation.default.replication.factor in the connector, or create the topics beforehand.',
      });
    });
  }

  /** Null: the brokers do not tell. */
  async #createsTopics(): Promise<boolean | null> {
    const [broker] = this.#client.nodeIds();
    if (broker === undefined) return null;
    const value = await this.#client.send(broker, brokerConfigRequest(broker, 'auto.create.topics.enable'));
    return value === null ? null : value === 'true';
  }

  async #checkTransactions(): Promise<void> {
    const { exactlyOnce } = this.#settings;
    if (exactlyOnce === null) return;
    const { transactionalId } = exactlyOnce;
    await this.#check('log transactions', { doing: 'looking for the coordinator', transactionalId }, async () => {
      // A cluster that never had one makes the topic of transactions first.
      await withRetries(COORDINATOR_RETRIES, () => this.#client.coordinator(transactionalId));
      this.#ok('log transactions', `transactional id ${transactionalId} has a coordinator`);
    });
  }

  async #validateCreation(topic: NewTopic): Promise<void> {
    const [result] = await this.#client.send('controller', createTopicsRequest([topic], VALIDATE_TIMEOUT_MS, true));
    const { error = null, message = null } = result ?? {};
    if (error === null || error === 'TOPIC_ALREADY_EXISTS') return;
    throw new KafkaRequestError('CreateTopics', { type: error, topic: topic.topic, reason: message ?? undefined });
  }

  #refuseMissing(topic: string, missing: readonly AclOperation[]): void {
    if (missing.length === 0) return;
    const operations = missing.map((operation) => `--operation ${operation}`).join(' ');
    throw new TailraceError(
      'log.privilege',
      `${this.#client.name} does not allow this user to ${missing.join(' and ').toLowerCase()} topic ${topic}`,
      { remedy: `Grant it: kafka-acls --add --allow-principal User:<user> ${operations} --topic ${topic}.` },
    );
  }

  #ok(name: string, message: string): void {
    this.#checks.push({ name, status: 'ok', message, remedy: null });
  }

  /** Null: it has failed, which is a check of its own. */
  async #check<T>(name: string, situation: Situation, work: () => Promise<T>): Promise<T | null> {
    try {
      const offsetsTopic = this.#settings.offsets.topic;
      return await guarded(this.#settings.client, { ...situation, offsetsTopic }, work);
    } catch (error) {
      if (!(error instanceof TailraceError)) throw error;
      const { message, remedy = null } = error;
      this.#checks.push({ name, status: 'error', message, remedy });
      return null;
    }
  }
}
