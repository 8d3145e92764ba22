import { crc32c } from '@node-rs/crc32';

/** Who sends a batch: from InitProducerId. */
export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly isTransactional: boolean;
}

/*
 * RecordBatch => baseOffset i64, length i32, leaderEpoch i32, magic i8, crc u32, attributes i16, lastOffsetDelta i32,
 *   baseTimestamp i64, maxTimestamp i64, producerId i64, producerEpoch i16, baseSequence i32, count i32, Record*
 * length counts from leaderEpoch on, crc (CRC-32C) is of what begins with attributes, and Record* may be compressed.
 */
export const BATCH_HEADER_BYTES = 61;
const LENGTH_AT = 8;
const LEADER_EPOCH_AT = 12;
const MAGIC_AT = 16;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const LAST_OFFSET_DELTA_AT = 23;
const BASE_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
const PRODUCER_ID_AT = 43;
const PRODUCER_EPOCH_AT = 51;
const BASE_SEQUENCE_AT = 53;
const COUNT_AT = 57;

const TRANSACTIONAL = 0x10;
/** Sequences are int32 and begin again at 0. */
const SEQUENCES = 2 ** 31;

export interface RecordBatchFields {
  readonly topic: string;
  readonly partition: number;
  readonly count: number;
  readonly codec: number;
  /** Milliseconds since 1970 UTC, of every record. */
  readonly timestampMs: number;
  /** Begins with room for the header; the records follow it unless they are compressed. */
  readonly head: Buffer;
  readonly compressed: Buffer | null;
  /** What `head` is a part of, where that is to be given back. */
  readonly memory: Buffer | null;
}

/** The sequence that follows `count` records from `sequence` on. */
export function sequenceAfter(sequence: number, count: number): number {
  return (sequence + count) % SEQUENCES;
}

/**
 * A record batch of format 2 for one topic partition, encoded but for its producer: {@link seal} fills that in. A batch that was sent
 * is sent again with the very same bytes.
 */
export class RecordBatch {
  readonly topic: string;
  readonly partition: number;
  /** Of records. */
  readonly count: number;
  /** Its bytes, the header first. */
  readonly chunks: readonly Buffer[];
  /** What they borrow. */
  readonly memory: Buffer | null;
  readonly byteLength: number;
  /** Of the first record; -1 until it is sealed. */
  baseSequence = -1;

  constructor({ topic, partition, count, codec, timestampMs, head, compressed, memory }: RecordBatchFields) {
    this.topic = topic;
    this.partition = partition;
    this.count = count;
    this.memory = memory;
    this.chunks = compressed === null ? [head] : [head, compressed];
    this.byteLength = head.length + (compressed?.length ?? 0);
    const timestamp = BigInt(timestampMs);
    head.writeBigInt64BE(0n, 0);
    head.writeInt32BE(this.byteLength - LEADER_EPOCH_AT, LENGTH_AT);
    // Unknown: the broker writes its own.
    head.writeInt32BE(-1, LEADER_EPOCH_AT);
    head.writeInt8(2, MAGIC_AT);
    head.writeInt16BE(codec, ATTRIBUTES_AT);
    head.writeInt32BE(count - 1, LAST_OFFSET_DELTA_AT);
    head.writeBigInt64BE(timestamp, BASE_TIMESTAMP_AT);
    head.writeBigInt64BE(timestamp, MAX_TIMESTAMP_AT);
    head.writeInt32BE(count, COUNT_AT);
  }

  /** Gives the batch its producer and place, once. */
  seal({ producerId, epoch, isTransactional }: ProducerIdentity, baseSequence: number): void {
    const [head, compressed] = this.chunks as readonly [Buffer, Buffer | undefined];
    this.baseSequence = baseSequence;
    if (isTransactional) head[ATTRIBUTES_AT + 1]! |= TRANSACTIONAL;
    head.writeBigInt64BE(producerId, PRODUCER_ID_AT);
    head.writeInt16BE(epoch, PRODUCER_EPOCH_AT);
    head.writeInt32BE(baseSequence, BASE_SEQUENCE_AT);
    let crc = crc32c(head.subarray(ATTRIBUTES_AT));
    if (compressed !== undefined) crc = crc32c(compressed, crc);
    head.writeUInt32BE(crc, CRC_AT);
  }
}
