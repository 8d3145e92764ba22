import type { SlabSink } from '../model/codec.ts';
import { type EncodedHeader, type EncodedRecords, INDEX_STRIDE } from '../model/record.ts';

/** Most tables have few rows in a batch: a slab starts small and grows by doubling. */
const INITIAL_SLAB_BYTES = 4 * 1024;
const INITIAL_RECORDS = 16;
/** What the pool keeps for the next batches; more than a batch rarely needs is given back to the allocator. */
const POOL_BYTES = 24 * 1024 * 1024;

/** Slabs that appends are done with. One pool serves all topics, so that a thousand tables do not keep a thousand slabs. */
export class SlabPool {
  readonly #free: Buffer[] = [];
  #freeBytes = 0;

  take(): Buffer {
    const slab = this.#free.pop();
    if (slab === undefined) return Buffer.allocUnsafeSlow(INITIAL_SLAB_BYTES);
    this.#freeBytes -= slab.length;
    return slab;
  }

  give(slab: Buffer): void {
    if (this.#freeBytes + slab.length > POOL_BYTES) return;
    this.#free.push(slab);
    this.#freeBytes += slab.length;
  }
}

/** Collects the records of one topic partition: keys and values go into `sink`, their lengths into the index. */
export class RecordWriter implements EncodedRecords {
  readonly topic: string;
  readonly partition: number | null;
  readonly kept: boolean;
  readonly sink: SlabSink;
  index: Int32Array = new Int32Array(INITIAL_RECORDS * INDEX_STRIDE);
  count = 0;
  readonly headers: (readonly EncodedHeader[])[] = [];

  constructor(
    place: { readonly topic: string; readonly partition: number | null; readonly kept: boolean },
    sink: SlabSink,
  ) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.kept = place.kept;
    this.sink = sink;
  }

  get bytes(): Buffer {
    return this.sink.buffer;
  }

  get length(): number {
    return this.sink.position;
  }

  /** Closes a record whose key and value were just written to the sink; -1 is a null key or value. */
  push(keyLength: number, valueLength: number, headers: readonly EncodedHeader[]): void {
    const at = this.count * INDEX_STRIDE;
    if (at === this.index.length) {
      const larger = new Int32Array(this.index.length * 2);
      larger.set(this.index);
      this.index = larger;
    }
    this.index[at] = keyLength;
    this.index[at + 1] = valueLength;
    this.index[at + 2] = this.#headersId(headers);
    this.count++;
  }

  #headersId(headers: readonly EncodedHeader[]): number {
    if (this.headers[0] === headers) return 0;
    const known = this.headers.lastIndexOf(headers);
    return known >= 0 ? known : this.headers.push(headers) - 1;
  }
}
