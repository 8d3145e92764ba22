import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { createKafkaLog, type KafkaLog, type KafkaLogParts } from '../../../src/logs/kafka/log.ts';
import type { KafkaLogSettings } from '../../../src/logs/kafka/settings.ts';
import type { Append, SourceOffset, TopicLog } from '../../../src/model/log.ts';
import type { EncodedRecords, LogRecord } from '../../../src/model/record.ts';
import { uniqueName } from '../../services/shared-kafka.ts';
import { encodedRecords, type PlainRecord } from './kafka-records.ts';

export interface SettingsOverrides {
  readonly connector?: string;
  readonly client?: Partial<KafkaLogSettings['client']>;
  readonly producer?: Partial<KafkaLogSettings['producer']>;
  readonly offsets?: Partial<KafkaLogSettings['offsets']>;
  readonly exactlyOnce?: KafkaLogSettings['exactlyOnce'];
  readonly topicCreation?: Partial<KafkaLogSettings['topicCreation']>;
  readonly oversized?: KafkaLogSettings['oversized'];
}

/** What Connect's defaults come to, but for an offsets topic of its own with few partitions, and short timeouts. */
export function kafkaSettings(bootstrap: string, overrides: SettingsOverrides = {}): KafkaLogSettings {
  const { connector = uniqueName('c') } = overrides;
  return {
    connector,
    client: {
      brokers: [bootstrap],
      clientId: connector,
      tls: null,
      sasl: null,
      connectionTimeoutMs: 5_000,
      requestTimeoutMs: 10_000,
      metadataMaxAgeMs: 300_000,
      ...overrides.client,
    },
    producer: {
      compression: 'none',
      compressionLevel: null,
      lingerMs: 0,
      batchBytes: 256 * 1024,
      maxRequestBytes: 1_048_576,
      deliveryTimeoutMs: 20_000,
      retryBackoffMs: 50,
      transactionTimeoutMs: 10_000,
      ...overrides.producer,
    },
    offsets: { topic: uniqueName('offsets'), partitions: 3, replicationFactor: 1, ...overrides.offsets },
    exactlyOnce: overrides.exactlyOnce ?? null,
    topicCreation: {
      enabled: true,
      groups: [],
      fallback: { partitions: 1, replicationFactor: 1, configs: {} },
      ...overrides.topicCreation,
    },
    oversized: overrides.oversized ?? { kind: 'fail' },
  };
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Closed at the test's end. `lines`: what it has logged. */
export function openLog(
  t: TestContext,
  settings: KafkaLogSettings,
  parts: Partial<KafkaLogParts> = {},
): KafkaLog & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const logger = pino(
    { level: 'debug', base: null },
    { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) },
  );
  const log = createKafkaLog(settings, { logger, clock: Date.now, ...parts });
  t.after(() => log.close());
  return Object.assign(log, { lines });
}

export const SERVER = { server: 'shop' };

export function append(
  connector: string,
  epoch: number,
  fields: Partial<Append> & { readonly records?: readonly EncodedRecords[] } = {},
): Append {
  return {
    connector,
    epoch,
    records: [],
    partition: SERVER,
    offset: { pos: 1 },
    timestampMs: 1_700_000_000_000,
    ...fields,
  };
}

export function recordsOf(topic: string, records: readonly PlainRecord[]): EncodedRecords {
  return encodedRecords(topic, null, records);
}

/** The connector's offset as another process finds it. */
export function storedOffset(t: TestContext, settings: KafkaLogSettings): Promise<SourceOffset | null> {
  return openLog(t, settings).offsets.get(settings.connector, SERVER);
}

export async function readAll(log: Pick<TopicLog, 'read' | 'topics'>, topic: string): Promise<readonly LogRecord[]> {
  const info = (await log.topics()).find((one) => one.topic === topic);
  const found: LogRecord[] = [];
  for (const { partition } of info?.partitions ?? []) {
    for await (const record of log.read({ topic, partition, from: 0 })) found.push(record);
  }
  return found;
}
