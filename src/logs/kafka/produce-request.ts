import { Cursor } from '../../../decoders/cursor.ts';
import type { KafkaRequest } from './raw-request.ts';
import type { RecordBatch } from './record-batch.ts';

export interface ProduceOptions {
  readonly transactionalId: string | null;
  /** How long the leader may wait for its followers. */
  readonly timeoutMs: number;
}

export interface ProduceAnswer {
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    /** 0: delivered. */
    readonly errorCode: number;
    /** The broker's words, of the request or of one of its records. */
    readonly message: string | null;
  }[];
  readonly throttleMs: number;
}

/** All replicas in sync. */
const ACKS_ALL = -1;

/**
 * Produce v8, the last one in the classic encoding; Kafka 2.4. At most one batch of a partition is in it.
 * ```
 * transactionalId nullable string, acks i16, timeoutMs i32, (topic string, (partition i32, size i32, RecordBatch)[])[]
 * ```
 * The batches go out as they are, between slices of one buffer that holds all else.
 */
export function produceRequest(batches: readonly RecordBatch[], options: ProduceOptions): KafkaRequest<ProduceAnswer> {
  const topics = Map.groupBy(batches, ({ topic }) => topic);
  const { transactionalId, timeoutMs } = options;
  let frameBytes = 12 + Buffer.byteLength(transactionalId ?? '') + 8 * batches.length;
  for (const topic of topics.keys()) frameBytes += 6 + Buffer.byteLength(topic);
  const frame = Buffer.allocUnsafe(frameBytes);
  const body: Buffer[] = [];
  let written = 0;
  let at = transactionalId === null ? frame.writeInt16BE(-1, 0) : writeString(frame, 0, transactionalId);
  at = frame.writeInt16BE(ACKS_ALL, at);
  at = frame.writeInt32BE(timeoutMs, at);
  at = frame.writeInt32BE(topics.size, at);
  for (const [topic, own] of topics) {
    at = writeString(frame, at, topic);
    at = frame.writeInt32BE(own.length, at);
    for (const { partition, byteLength, chunks } of own) {
      at = frame.writeInt32BE(partition, at);
      at = frame.writeInt32BE(byteLength, at);
      body.push(frame.subarray(written, at), ...chunks);
      written = at;
    }
  }
  return {
    apiKey: 0,
    apiVersion: 8,
    apiName: 'Produce',
    body,
    decode: parseAnswer,
    throttleMs: (answer) => answer.throttleMs,
  };
}

function writeString(target: Buffer, at: number, text: string): number {
  const length = target.write(text, at + 2);
  target.writeInt16BE(length, at);
  return at + 2 + length;
}

/**
 * ```
 * (topic string, (partition i32, errorCode i16, baseOffset i64, logAppendTime i64, logStartOffset i64,
 *   (index i32, message nullable string)[], message nullable string)[])[], throttleMs i32
 * ```
 */
function parseAnswer(answer: Buffer): ProduceAnswer {
  const cursor = new Cursor(answer);
  const partitions: { topic: string; partition: number; errorCode: number; message: string | null }[] = [];
  for (let topics = cursor.int32(); topics > 0; topics--) {
    const topic = readString(cursor) ?? '';
    for (let own = cursor.int32(); own > 0; own--) {
      const partition = cursor.int32();
      const errorCode = cursor.uint16();
      cursor.take(24);
      let recordMessage: string | null = null;
      for (let records = cursor.int32(); records > 0; records--) {
        cursor.take(4);
        const message = readString(cursor);
        recordMessage ??= message;
      }
      const message = readString(cursor);
      partitions.push({ topic, partition, errorCode, message: recordMessage ?? message });
    }
  }
  return { partitions, throttleMs: cursor.int32() };
}

function readString(cursor: Cursor): string | null {
  const length = cursor.uint16();
  if (length === NULL_LENGTH) return null;
  const start = cursor.take(length);
  return cursor.bytes.toString('utf8', start, start + length);
}

/** -1 as uint16. */
const NULL_LENGTH = 0xffff;
