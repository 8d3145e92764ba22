/** Writes the body of a request in the classic (not flexible) encoding: big-endian numbers, sizes before strings and arrays. */
export class RequestBody {
  #bytes = Buffer.allocUnsafe(512);
  #length = 0;

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  int8(value: number): this {
    const at = this.#take(1);
    this.#bytes.writeInt8(value, at);
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  int16(value: number): this {
    const at = this.#take(2);
    this.#bytes.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#take(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  /** A safe integer. */
  int64(value: number): this {
    const at = this.#take(8);
    this.#bytes.writeBigInt64BE(BigInt(value), at);
    return this;
  }

  string(value: string): this {
    const length = Buffer.byteLength(value);
    this.int16(length);
    const at = this.#take(length);
    this.#bytes.write(value, at);
    return this;
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.int32(items.length);
    for (const item of items) write(item);
    return this;
  }

  #take(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * this.#length);
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}
