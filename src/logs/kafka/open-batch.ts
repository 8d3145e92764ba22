import type { BatchMemory } from './batch-memory.ts';
import { BATCH_HEADER_BYTES } from './record-batch.ts';

/** Most bytes of a record beside key, value and headers: five varints of up to 5 bytes, attributes, and a timestamp delta of 0. */
export const RECORD_OVERHEAD_BYTES = 22;

/** Up to so many bytes a loop is quicker than a call of the native copy. */
const LOOP_UP_TO_BYTES = 48;

/** A record batch that is being filled, without its header yet. */
export class OpenBatch {
  readonly topic: string;
  readonly partition: number;
  readonly timestampMs: number;
  readonly #memory: BatchMemory;
  #bytes: Buffer;
  #length = BATCH_HEADER_BYTES;
  #count = 0;

  constructor(
    place: { readonly topic: string; readonly partition: number; readonly timestampMs: number },
    memory: BatchMemory,
    sizeHint: number,
  ) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.timestampMs = place.timestampMs;
    this.#memory = memory;
    this.#bytes = memory.take(BATCH_HEADER_BYTES + sizeHint);
  }

  /** The buffer that it fills, {@link length} bytes of it so far, the header's room included. */
  get memory(): Buffer {
    return this.#bytes;
  }

  get length(): number {
    return this.#length;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Record => length, attributes i8, timestampDelta, offsetDelta, keyLength, key, valueLength, value, header*: varints but for the
   * attributes. The key begins at `bytes[at]`, the value follows it; a length of -1 is null.
   */
  append(bytes: Buffer, at: number, keyLength: number, valueLength: number, headers: Buffer): void {
    const keyBytes = keyLength < 0 ? 0 : keyLength;
    const valueBytes = valueLength < 0 ? 0 : valueLength;
    const most = RECORD_OVERHEAD_BYTES + keyBytes + valueBytes + headers.length;
    if (this.#length + most > this.#bytes.length) this.#bytes = this.#memory.grow(this.#bytes, this.#length, most);
    const target = this.#bytes;
    const size =
      2 +
      varintSize(this.#count) +
      varintSize(keyLength) +
      keyBytes +
      varintSize(valueLength) +
      valueBytes +
      headers.length;
    let to = writeVarint(target, this.#length, size);
    target[to++] = 0;
    target[to++] = 0;
    to = writeVarint(target, to, this.#count++);
    to = writeVarint(target, to, keyLength);
    to = copy(bytes, at, keyBytes, target, to);
    to = writeVarint(target, to, valueLength);
    to = copy(bytes, at + keyBytes, valueBytes, target, to);
    this.#length = copy(headers, 0, headers.length, target, to);
  }
}

function copy(source: Buffer, at: number, length: number, target: Buffer, to: number): number {
  if (length <= LOOP_UP_TO_BYTES) {
    for (let i = 0; i < length; i++) target[to + i] = source[at + i]!;
  } else {
    source.copy(target, to, at, at + length);
  }
  return to + length;
}

/** Zigzag, then 7 bits a byte, the lowest first. */
function writeVarint(target: Buffer, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at] = rest;
  return at + 1;
}

function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  if (zigzag < 0x80) return 1;
  if (zigzag < 0x4000) return 2;
  if (zigzag < 0x200000) return 3;
  return zigzag < 0x10000000 ? 4 : 5;
}

/** HeaderCount, (keyLength, key, valueLength, value)*. */
export function encodeHeaders(headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]): Buffer {
  const named = headers.map(({ key, value }) => ({ key: Buffer.from(key), value }));
  let most = 5;
  for (const { key, value } of named) most += 10 + key.length + (value?.length ?? 0);
  const bytes = Buffer.allocUnsafe(most);
  let to = writeVarint(bytes, 0, named.length);
  for (const { key, value } of named) {
    to = writeVarint(bytes, to, key.length);
    bytes.set(key, to);
    to = writeVarint(bytes, to + key.length, value?.length ?? -1);
    if (value !== null) bytes.set(value, to);
    to += value?.length ?? 0;
  }
  return bytes.subarray(0, to);
}
