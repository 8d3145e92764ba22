/** 256 KiB: some thousand rows per allocation, and little kept alive by the last row that refers to it. */
const CHUNK_SPANS = 64 * 1024;

/**
 * Where the spans of many rows live. A full array is left to the rows in it and a new one started, so that a row stays
 * valid for as long as it is referred to.
 */
export class SpanArena {
  spans = new Int32Array(CHUNK_SPANS);
  #used = 0;

  /** Room for `length` numbers in {@link spans}; returns where it begins. */
  reserve(length: number): number {
    let base = this.#used;
    if (base + length > this.spans.length) {
      this.spans = new Int32Array(Math.max(CHUNK_SPANS, length));
      base = 0;
    }
    this.#used = base + length;
    return base;
  }
}
