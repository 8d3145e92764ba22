/** Row events have some 8 KB each: about thirty per allocation. */
const CHUNK_BYTES = 256 * 1024;
/** Free chunks that are kept, 8 MiB: above the bytes of a batch in all but odd configurations. */
const MAX_FREE = 32;
/** A single row is copied before a call of the platform has begun. */
const COPY_FROM_BYTES = 100;

/**
 * Copies of row bytes whose own buffers are used again by the connection. What was copied stays valid until the second
 * {@link turn} after it: one batch is being filled, the one before is being worked off.
 */
export class ByteSlab {
  /** Where the last copy lies. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  #used = 0;
  #filling: Buffer[] = [];
  #taken: Buffer[] = [];
  readonly #free: Buffer[] = [];

  copy(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    let chunk = this.#filling.at(-1);
    if (chunk === undefined || chunk.length - this.#used < length) {
      chunk = length > CHUNK_BYTES ? Buffer.allocUnsafeSlow(length) : this.#next();
      this.#filling.push(chunk);
      this.#used = 0;
    }
    if (length > COPY_FROM_BYTES) bytes.copy(chunk, this.#used, start, end);
    else for (let from = start, to = this.#used; from < end; from++, to++) chunk[to] = bytes[from]!;
    this.bytes = chunk;
    this.start = this.#used;
    this.#used += length;
  }

  /** What was copied so far belongs to a batch; what the batch before it had is used again. */
  turn(): void {
    for (const chunk of this.#taken) {
      if (chunk.length === CHUNK_BYTES && this.#free.length < MAX_FREE) this.#free.push(chunk);
    }
    this.#taken = this.#filling;
    this.#filling = [];
    this.#used = 0;
  }

  #next(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }
}
