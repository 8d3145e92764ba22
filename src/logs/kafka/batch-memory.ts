/** Smaller ones are not worth keeping. */
const SMALLEST_BYTES = 4 * 1024;
/** Of all that is kept for the next append: a few batches of the largest usual size. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** Buffers of powers of two that are used again. What is in them is undefined. */
export class BatchMemory {
  readonly #free = new Map<number, Buffer[]>();
  #freeBytes = 0;

  /** Of at least so many bytes. */
  take(bytes: number): Buffer {
    const size = sizeFor(bytes);
    const found = this.#free.get(size)?.pop();
    if (found === undefined) return Buffer.allocUnsafeSlow(size);
    this.#freeBytes -= size;
    return found;
  }

  /** A buffer with the first `length` bytes of another one and room for `more`; the other one is given back. */
  grow(buffer: Buffer, length: number, more: number): Buffer {
    const larger = this.take(Math.max(length + more, 2 * buffer.length));
    buffer.copy(larger, 0, 0, length);
    this.give(buffer);
    return larger;
  }

  /** One that came from here. */
  give(buffer: Buffer): void {
    const size = buffer.length;
    if (this.#freeBytes + size > KEPT_BYTES) return;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [buffer]);
    else free.push(buffer);
    this.#freeBytes += size;
  }
}

function sizeFor(bytes: number): number {
  return bytes <= SMALLEST_BYTES ? SMALLEST_BYTES : 2 ** Math.ceil(Math.log2(bytes));
}
