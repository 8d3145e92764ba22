import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { decompressFrameSync } from 'lz4-napi';

/** A batch of a topic by its header; what is in it is looked at only by who asks for it. */
export interface RecordBatch {
  readonly nextOffset: bigint;
  /** A marker of a transaction's end. */
  readonly isControl: boolean;
  readonly count: number;
  readonly codec: number;
  /** Records as they lie on the topic, compressed. */
  readonly bytes: Buffer;
}

/**
 * batch := base_offset i64, length i32 (of what follows), leader_epoch i32, magic i8, crc u32, attributes i16,
 * last_offset_delta i32, base_timestamp i64, max_timestamp i64, producer_id i64, producer_epoch i16, base_sequence i32,
 * count i32, records. The last one of an answer may be cut off.
 */
const HEADER = { length: 8, attributes: 21, lastOffsetDelta: 23, count: 57, records: 61 };

export function* wholeBatches(bytes: Buffer): Generator<RecordBatch> {
  for (let at = 0; at + HEADER.records <= bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + HEADER.length);
    if (end > bytes.length) return;
    const attributes = bytes.readInt16BE(at + HEADER.attributes);
    yield {
      nextOffset: bytes.readBigInt64BE(at) + BigInt(bytes.readInt32BE(at + HEADER.lastOffsetDelta)) + 1n,
      isControl: (attributes & 0x20) !== 0,
      count: bytes.readInt32BE(at + HEADER.count),
      codec: attributes & 7,
      bytes: bytes.subarray(at + HEADER.records, end),
    };
    at = end;
  }
}

/**
 * Keys of a batch's records.
 * record := length varint, attributes i8, timestamp_delta varint, offset_delta varint, key_length varint, key, ...
 */
export function* keysOf(batch: RecordBatch): Generator<Buffer | null> {
  const bytes = decompress(batch);
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let shift = 0;
    for (;;) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      shift += 7;
    }
  };
  for (let i = 0; i < batch.count; i++) {
    const length = varint();
    const end = at + length;
    at++;
    varint();
    varint();
    const keyLength = varint();
    yield keyLength < 0 ? null : bytes.subarray(at, at + keyLength);
    at = end;
  }
}

function decompress({ codec, bytes }: RecordBatch): Buffer {
  switch (codec) {
    case 0:
      return bytes;
    case 1:
      return gunzipSync(bytes);
    case 3:
      return decompressFrameSync(bytes);
    case 4:
      return zstdDecompressSync(bytes);
    default:
      throw new Error(`Nothing that is measured writes compression ${codec}.`);
  }
}
