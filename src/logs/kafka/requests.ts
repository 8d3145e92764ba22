import { Cursor } from '../../../decoders/cursor.ts';
import type { KafkaRequest } from './raw-request.ts';
import type { AbortedTransaction } from './record-set.ts';
import { RequestBody } from './request-body.ts';
import { errorName } from './request-error.ts';

// Requests that the log makes beside those of its producer. Versions are those that brokers from 2.4 to 4 have in common.

export interface NewTopic {
  readonly topic: string;
  /** -1: the broker's default. */
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly configs: Readonly<Record<string, string>>;
}

export interface TopicResult {
  readonly topic: string;
  /** Kafka's name of it. */
  readonly error: string | null;
  /** The broker's words. */
  readonly message: string | null;
}

/** To be sent to the controller, or to any broker of a KRaft cluster. */
export function createTopicsRequest(
  topics: readonly NewTopic[],
  timeoutMs: number,
  validateOnly = false,
): KafkaRequest<readonly TopicResult[]> {
  const body = new RequestBody();
  body.array(topics, ({ topic, partitions, replicationFactor, configs }) => {
    body.string(topic).int32(partitions).int16(replicationFactor);
    body.int32(0); // replica assignments
    body.array(Object.entries(configs), ([name, value]) => body.string(name).string(value));
  });
  body.int32(timeoutMs).boolean(validateOnly);
  const decode = (answer: Buffer): readonly TopicResult[] => {
    const cursor = new Cursor(answer);
    cursor.take(4); // throttle time
    return array(cursor, () => ({
      topic: string(cursor) ?? '',
      error: errorOf(cursor),
      message: string(cursor),
    }));
  };
  return { apiKey: 19, apiVersion: 4, apiName: 'CreateTopics', body: body.bytes(), decode };
}

export interface TopicConfigs {
  readonly topic: string;
  readonly error: string | null;
  readonly configs: ReadonlyMap<string, string | null>;
}

const TOPIC_RESOURCE = 2;

export function describeTopicConfigsRequest(
  topics: readonly string[],
  names: readonly string[],
): KafkaRequest<readonly TopicConfigs[]> {
  const body = new RequestBody();
  body.array(topics, (topic) => {
    body.int8(TOPIC_RESOURCE).string(topic);
    body.array(names, (name) => body.string(name));
  });
  body.boolean(false);
  const decode = (answer: Buffer): readonly TopicConfigs[] => {
    const cursor = new Cursor(answer);
    cursor.take(4); // throttle time
    return array(cursor, () => {
      const error = errorOf(cursor);
      string(cursor); // message
      cursor.take(1); // resource type
      const topic = string(cursor) ?? '';
      const entries = array(cursor, () => {
        const entry = [string(cursor) ?? '', string(cursor)] as const;
        cursor.take(3); // read-only, source, sensitive
        // Synonyms: name, value, source.
        array(cursor, () => [string(cursor), string(cursor), cursor.uint8()]);
        return entry;
      });
      return { topic, error, configs: new Map(entries) };
    });
  };
  return { apiKey: 32, apiVersion: 1, apiName: 'DescribeConfigs', body: body.bytes(), decode };
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface PartitionOffset extends TopicPartition {
  readonly error: string | null;
  readonly offset: number;
}

/** `committed`: `latest` is the last stable offset, else the high watermark. To be sent to the partitions' leader. */
export function listOffsetsRequest(
  partitions: readonly TopicPartition[],
  which: 'earliest' | 'latest',
  committed: boolean,
): KafkaRequest<readonly PartitionOffset[]> {
  const body = new RequestBody();
  body.int32(-1).int8(committed ? 1 : 0);
  body.array(byTopic(partitions), ([topic, own]) => {
    body.string(topic);
    body.array(own, ({ partition }) => body.int32(partition).int64(which === 'earliest' ? -2 : -1));
  });
  const decode = (answer: Buffer): readonly PartitionOffset[] => {
    const cursor = new Cursor(answer);
    cursor.take(4); // throttle time
    return array(cursor, () => {
      const topic = string(cursor) ?? '';
      return array(cursor, () => {
        const [partition, error] = [cursor.int32(), errorOf(cursor)];
        cursor.take(8); // timestamp
        return { topic, partition, error, offset: cursor.int64() };
      });
    }).flat();
  };
  return { apiKey: 2, apiVersion: 2, apiName: 'ListOffsets', body: body.bytes(), decode };
}

/** Everything before an offset goes. To be sent to the partition's leader. */
export function deleteRecordsRequest(
  { topic, partition }: TopicPartition,
  before: number,
  timeoutMs: number,
): KafkaRequest<{ readonly error: string | null }> {
  const body = new RequestBody();
  body.int32(1).string(topic).int32(1).int32(partition).int64(before).int32(timeoutMs);
  const decode = (answer: Buffer): { readonly error: string | null } => {
    const cursor = new Cursor(answer);
    cursor.take(4); // throttle time
    const errors = array(cursor, () => {
      string(cursor);
      return array(cursor, () => {
        cursor.take(12); // partition, its oldest offset now
        return errorOf(cursor);
      });
    });
    return { error: errors.flat()[0] ?? null };
  };
  return { apiKey: 21, apiVersion: 1, apiName: 'DeleteRecords', body: body.bytes(), decode };
}

export interface FetchPosition extends TopicPartition {
  readonly offset: number;
}

export interface FetchOptions {
  /** How long the broker may wait for a first byte. */
  readonly maxWaitMs: number;
  /** Of the answer; at least a batch of a partition is sent, whatever its size. */
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
  /** read_committed: nothing behind the last stable offset. */
  readonly committed: boolean;
}

export interface FetchedPartition extends TopicPartition {
  readonly error: string | null;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly startOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly recordSet: Buffer;
}

/** Beyond what the broker may wait. */
const FETCH_ANSWER_MS = 10_000;

/** Without a fetch session. To be sent to the partitions' leader. */
export function fetchRequest(
  positions: readonly FetchPosition[],
  options: FetchOptions,
): KafkaRequest<readonly FetchedPartition[]> {
  const { maxWaitMs, maxBytes, maxPartitionBytes, committed } = options;
  const body = new RequestBody();
  body.int32(-1).int32(maxWaitMs).int32(1).int32(maxBytes);
  body.int8(committed ? 1 : 0);
  body.int32(0).int32(-1); // no session
  body.array(byTopic(positions), ([topic, own]) => {
    body.string(topic);
    body.array(own, ({ partition, offset }) => {
      // Leader epoch and log start offset are for followers.
      body.int32(partition).int32(-1).int64(offset).int64(-1).int32(maxPartitionBytes);
    });
  });
  body.int32(0).string(''); // forgotten topics, rack
  return {
    apiKey: 1,
    apiVersion: 11,
    apiName: 'Fetch',
    body: body.bytes(),
    decode: decodeFetch,
    timeoutMs: maxWaitMs + FETCH_ANSWER_MS,
  };
}

function decodeFetch(answer: Buffer): readonly FetchedPartition[] {
  const cursor = new Cursor(answer);
  cursor.take(4); // throttle time
  cursor.take(6); // error and id of the session
  return array(cursor, () => {
    const topic = string(cursor) ?? '';
    return array(cursor, () => {
      const [partition, error] = [cursor.int32(), errorOf(cursor)];
      const [highWatermark, lastStableOffset, startOffset] = [cursor.int64(), cursor.int64(), cursor.int64()];
      const aborted = array(cursor, () => ({
        producerId: answer.readBigInt64BE(cursor.take(8)),
        firstOffset: cursor.int64(),
      }));
      cursor.take(4); // preferred replica
      const length = Math.max(0, cursor.int32());
      const start = cursor.take(length);
      const recordSet = answer.subarray(start, start + length);
      return { topic, partition, error, highWatermark, lastStableOffset, startOffset, aborted, recordSet };
    });
  }).flat();
}

function byTopic<T extends TopicPartition>(items: readonly T[]): (readonly [string, readonly T[]])[] {
  return [...Map.groupBy(items, ({ topic }) => topic)];
}

export function errorOf(cursor: Cursor): string | null {
  const code = int16(cursor);
  return code === 0 ? null : errorName(code);
}

function int16(cursor: Cursor): number {
  return (cursor.uint16() << 16) >> 16;
}

export function string(cursor: Cursor): string | null {
  const length = int16(cursor);
  if (length < 0) return null;
  const start = cursor.take(length);
  return cursor.bytes.toString('utf8', start, start + length);
}

/** A null array is read as an empty one. */
export function array<T>(cursor: Cursor, read: () => T): T[] {
  const items: T[] = [];
  for (let left = cursor.int32(); left > 0; left--) items.push(read());
  return items;
}
