import { DecodeError } from '../decode-error.ts';

/** The most that one Postgres field, and so in practice one message, may hold (palloc's limit). */
const DEFAULT_MAX_FRAME_BYTES = 1024 * 1024 * 1024;
/** Type byte and length. */
const HEADER_BYTES = 5;
const NO_BYTES = Buffer.alloc(0);

export interface FrameReaderOptions {
  /** Longest body accepted, in bytes: a longer one means that we lost the frame borders. Default 1 GiB. */
  readonly maxFrameBytes?: number;
}

/**
 * Splits a stream of socket chunks into Postgres backend messages:
 *
 *     Byte1 type, Int32 length (itself included, the type not), body
 *
 * Call `push(chunk)`, then `next()` until it is false. After each true, `type` is the type byte and the body is
 * `bytes[start, end)`. A frame inside one chunk is a view of that chunk; one that straddles chunks is gathered in a
 * buffer of its own. The reader never writes to either again, so both may be kept as long as somebody wants them.
 */
export class FrameReader {
  type = 0;
  bytes: Buffer = NO_BYTES;
  start = 0;
  end = 0;

  readonly #maxFrameBytes: number;
  #chunk: Buffer = NO_BYTES;
  #position = 0;
  /** The straddling frame with its header: first only room for the header, then for the announced length. */
  #partial: Buffer | null = null;
  #filled = 0;
  #announced = false;

  constructor(options: FrameReaderOptions = {}) {
    this.#maxFrameBytes = options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES;
  }

  /** Bytes held of a frame that has not ended yet: not 0 at the end of the stream means that it was cut. */
  get pendingBytes(): number {
    return this.#filled + this.#chunk.length - this.#position;
  }

  push(chunk: Buffer): void {
    if (this.#position !== this.#chunk.length) {
      throw new Error('FrameReader.push: the chunk before still holds frames, call next() until it is false');
    }
    this.#chunk = chunk;
    this.#position = 0;
  }

  next(): boolean {
    if (this.#partial !== null) return this.#nextPartial(this.#partial);
    const chunk = this.#chunk;
    const at = this.#position;
    const available = chunk.length - at;
    if (available >= HEADER_BYTES) {
      const total = this.#frameBytes(chunk, at);
      if (available >= total) {
        this.type = chunk[at]!;
        this.bytes = chunk;
        this.start = at + HEADER_BYTES;
        this.end = at + total;
        this.#position = at + total;
        return true;
      }
    }
    return available > 0 ? this.#nextPartial(Buffer.allocUnsafe(HEADER_BYTES)) : false;
  }

  #nextPartial(partial: Buffer): boolean {
    if (!this.#announced) {
      this.#fill(partial);
      this.#partial = partial;
      if (this.#filled < HEADER_BYTES) return false;
      const whole = Buffer.allocUnsafeSlow(this.#frameBytes(partial, 0));
      partial.copy(whole, 0, 0, HEADER_BYTES);
      this.#partial = whole;
      this.#announced = true;
      return this.#nextPartial(whole);
    }
    this.#fill(partial);
    if (this.#filled < partial.length) return false;
    this.type = partial[0]!;
    this.bytes = partial;
    this.start = HEADER_BYTES;
    this.end = partial.length;
    this.#partial = null;
    this.#filled = 0;
    this.#announced = false;
    return true;
  }

  #fill(target: Buffer): void {
    const length = Math.min(target.length - this.#filled, this.#chunk.length - this.#position);
    this.#chunk.copy(target, this.#filled, this.#position, this.#position + length);
    this.#filled += length;
    this.#position += length;
  }

  /** Length of the frame at `at`, header included. */
  #frameBytes(bytes: Buffer, at: number): number {
    const length = (bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!;
    if (length < 4) throw new DecodeError(`frame length ${length} is below 4, the length field itself`, at + 1);
    if (length - 4 > this.#maxFrameBytes) {
      const type = JSON.stringify(String.fromCharCode(bytes[at]!));
      throw new DecodeError(`frame of type ${type} announces ${length} bytes, the limit is ${this.#maxFrameBytes}`, at);
    }
    return length + 1;
  }
}
