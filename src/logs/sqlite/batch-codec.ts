import { crc32, zstdDecompressSync } from 'node:zlib';
import { type EncodedHeader, type EncodedRecords, INDEX_STRIDE, type LogRecord } from '../../model/record.ts';
import type { ZstdCompressor } from '../zstd-compressor.ts';

/*
 * A stored batch is two blobs.
 *
 *   head := varint(number of header lists) list* entry*
 *   list := varint(number of headers) (varint(key bytes) key varint(value bytes + 1, 0: null) value)*
 *   entry := varint(key bytes + 1, 0: null) varint(value bytes + 1, 0: null) [varint(header list)]
 *   body := codec(key value key value ...)
 *
 * with one entry a record; the header list is left out where there is only one to choose. The head stays as it is: it is
 * three bytes a record, and so the payload needs no copy before it is compressed.
 */

export type Codec = 'none' | 'zstd';
const CODECS: readonly Codec[] = ['none', 'zstd'];

export interface StoredBatch {
  /** 0 none, 1 zstd, 2 withdrawn. */
  readonly codec: number;
  /** Size of the body before compression, in bytes. */
  readonly rawBytes: number;
  readonly head: Buffer;
  readonly body: Buffer;
}

/** What the check sum covers beside the two blobs. */
export interface BatchMeta {
  readonly partitionId: number;
  readonly baseOffset: number;
  readonly count: number;
  readonly timestampMs: number;
  readonly endBytes: number;
}

/** What is left of a batch whose records were withdrawn: its log offsets, which stay given. */
export const WITHDRAWN: StoredBatch = { codec: 2, rawBytes: 0, head: Buffer.alloc(0), body: Buffer.alloc(0) };

/** Smaller bodies shrink by a third at most, and each costs a reader a zstd context of its own. */
const COMPRESS_FROM_BYTES = 1024;

/** `compressor` null: store everything as it is. */
export function encodeBatch(records: EncodedRecords, compressor: ZstdCompressor | null): StoredBatch {
  const head = encodeHead(records);
  const raw = records.bytes.subarray(0, records.length);
  if (compressor !== null && raw.length >= COMPRESS_FROM_BYTES) {
    const body = compressor.compress(raw);
    if (body.length < raw.length) return { codec: 1, rawBytes: raw.length, head, body };
  }
  return { codec: 0, rawBytes: raw.length, head, body: raw };
}

export function batchCrc(meta: BatchMeta, stored: StoredBatch): number {
  const { partitionId, baseOffset, count, timestampMs, endBytes } = meta;
  const fields = [
    partitionId,
    baseOffset,
    count,
    timestampMs,
    endBytes,
    stored.codec,
    stored.rawBytes,
    stored.head.length,
  ];
  return crc32(stored.body, crc32(stored.head, crc32(fields.join())));
}

/** Records of a batch whose check sum was found right. Throws RangeError or zlib's errors where it is malformed all the same. */
export function decodeBatch(topic: string, partition: number, meta: BatchMeta, stored: StoredBatch): LogRecord[] {
  if (stored.codec === WITHDRAWN.codec) return [];
  const bytes = decodeBody(stored);
  const reader = new HeadReader(stored.head);
  const lists = reader.headerLists();
  const records: LogRecord[] = [];
  let at = 0;
  const take = (length: number): Buffer | null => {
    if (length < 0) return null;
    const end = at + length;
    if (end > bytes.length) throw new RangeError('a record reaches past the end of its batch');
    const part = bytes.subarray(at, end);
    at = end;
    return part;
  };
  for (let i = 0; i < meta.count; i++) {
    const keyLength = reader.varint() - 1;
    const valueLength = reader.varint() - 1;
    const headers = lists[lists.length === 1 ? 0 : reader.varint()];
    if (headers === undefined) throw new RangeError('a record names headers that its batch does not have');
    const key = take(keyLength);
    const value = take(valueLength);
    records.push({ topic, partition, offset: meta.baseOffset + i, timestampMs: meta.timestampMs, key, value, headers });
  }
  if (at !== bytes.length || !reader.done) throw new RangeError('a batch has bytes that belong to no record');
  return records;
}

function decodeBody({ codec, rawBytes, body }: StoredBatch): Buffer {
  const name = CODECS[codec];
  if (name === undefined) throw new RangeError(`codec ${codec} is unknown`);
  const bytes =
    name === 'none'
      ? body
      : zstdDecompressSync(body, { chunkSize: Math.max(64, rawBytes), maxOutputLength: Math.max(1, rawBytes) });
  if (bytes.length !== rawBytes) throw new RangeError(`a body has ${bytes.length} bytes instead of ${rawBytes}`);
  return bytes;
}

function encodeHead({ count, index, headers }: EncodedRecords): Buffer {
  const lists: readonly (readonly EncodedHeader[])[] = headers.length === 0 ? [[]] : headers;
  const encodedLists = encodeHeaderLists(lists);
  const stride = lists.length === 1 ? 2 : 3;
  // A varint of 32 bits has at most 5 bytes.
  const head = Buffer.allocUnsafe(encodedLists.length + count * stride * 5);
  let at = encodedLists.copy(head, 0);
  for (let i = 0; i < count; i++) {
    const entry = i * INDEX_STRIDE;
    at = writeVarint(head, at, index[entry]! + 1);
    at = writeVarint(head, at, index[entry + 1]! + 1);
    if (stride === 3) at = writeVarint(head, at, index[entry + 2]!);
  }
  return head.subarray(0, at);
}

function encodeHeaderLists(lists: readonly (readonly EncodedHeader[])[]): Buffer {
  const parts: Uint8Array[] = [varint(lists.length)];
  for (const list of lists) {
    parts.push(varint(list.length));
    for (const header of list) {
      const key = Buffer.from(header.key);
      parts.push(varint(key.length), key, varint(header.value === null ? 0 : header.value.length + 1));
      if (header.value !== null) parts.push(header.value);
    }
  }
  return Buffer.concat(parts);
}

function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(5);
  return bytes.subarray(0, writeVarint(bytes, 0, value));
}

/** Little-endian groups of 7 bits, as in Protocol Buffers; `value` is not negative. */
function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let rest = value;
  let at = start;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

class HeadReader {
  readonly #head: Buffer;
  #at = 0;

  constructor(head: Buffer) {
    this.#head = head;
  }

  get done(): boolean {
    return this.#at === this.#head.length;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#head[this.#at++];
      if (byte === undefined) throw new RangeError('a batch head is too short');
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError('a number in a batch head is too long');
  }

  headerLists(): EncodedHeader[][] {
    return Array.from({ length: this.varint() }, () =>
      Array.from({ length: this.varint() }, () => {
        const key = this.#bytes(this.varint()).toString();
        const valueLength = this.varint() - 1;
        return { key, value: valueLength < 0 ? null : this.#bytes(valueLength) };
      }),
    );
  }

  #bytes(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#head.length) throw new RangeError('a batch head is too short');
    const bytes = this.#head.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}
