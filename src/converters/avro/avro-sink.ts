import type { SlabSink } from '../../model/codec.ts';
import type { Schema, Value } from '../../model/schema.ts';
import { toJavaText, writeAvroBody } from './avro-value.ts';

const INITIAL_BYTES = 16 * 1024;
/** Below this a loop copies faster than a call. */
const LOOP_BYTES = 32;
/** A long takes ten groups of seven bits at most. */
const MAX_LONG_BYTES = 10;
/** Digits that a double holds exactly whatever they are. */
const SAFE_DIGITS = 15;
const MINUS = 0x2d;
const ZERO = 0x30;
const TWO_28 = 0x1000_0000;

/**
 * Writes Avro's binary encoding into a growing slab: int and long as zigzag varints, string and bytes behind their length,
 * floats little-endian. The branch of a union is not a value's affair: whoever knows the field writes it before.
 */
export class AvroSink implements SlabSink {
  buffer: Buffer;
  position = 0;
  /** A value turned out to be null: nothing was written for it, and the field's union has another branch. */
  metNull = false;

  /** `ignore.default.for.nullables`: null stays null in a field that has a default. */
  readonly keepsNull: boolean;

  constructor(buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES), keepsNull = false) {
    this.buffer = buffer;
    this.keepsNull = keepsNull;
  }

  #ensure(bytes: number): void {
    if (this.position + bytes > this.buffer.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.position + bytes));
    this.buffer.copy(larger, 0, 0, this.position);
    this.buffer = larger;
  }

  raw(bytes: Uint8Array): void {
    const length = bytes.length;
    this.#ensure(length);
    if (length > LOOP_BYTES) {
      this.buffer.set(bytes, this.position);
    } else {
      const out = this.buffer;
      let to = this.position;
      for (let i = 0; i < length; i++) out[to++] = bytes[i]!;
    }
    this.position += length;
  }

  byte(value: number): void {
    this.#ensure(1);
    this.buffer[this.position++] = value;
  }

  boolean(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  integerText(bytes: Buffer, start: number, end: number): void {
    const isNegative = bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    if (end - first > SAFE_DIGITS) {
      this.bigint(BigInt(bytes.toString('latin1', start, end)));
      return;
    }
    let magnitude = 0;
    for (let at = first; at < end; at++) magnitude = magnitude * 10 + bytes[at]! - ZERO;
    this.integer(isNegative ? -magnitude : magnitude);
  }

  integer(value: number): void {
    this.#ensure(MAX_LONG_BYTES);
    const out = this.buffer;
    let to = this.position;
    let rest: number;
    if (value >= -0x4000_0000 && value < 0x4000_0000) {
      rest = (value << 1) ^ (value >> 31);
    } else {
      // Zigzag without the bit that a double does not have: 2m for m >= 0, and for -(m + 1) one more.
      const isNegative = value < 0;
      const magnitude = isNegative ? -(value + 1) : value;
      const above = Math.floor(magnitude / 64);
      out[to++] = 0x80 | ((magnitude - above * 64) << 1) | (isNegative ? 1 : 0);
      rest = Math.floor(above / TWO_28);
      let low = above - rest * TWO_28;
      if (rest !== 0) {
        for (let i = 0; i < 4; i++) {
          out[to++] = 0x80 | (low & 0x7f);
          low >>>= 7;
        }
      } else {
        rest = low;
      }
    }
    while (rest > 0x7f) {
      out[to++] = 0x80 | (rest & 0x7f);
      rest >>>= 7;
    }
    out[to++] = rest;
    this.position = to;
  }

  bigint(value: bigint): void {
    const small = Number(value);
    if (Number.isSafeInteger(small)) {
      this.integer(small);
      return;
    }
    this.#ensure(MAX_LONG_BYTES);
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest > 0x7fn) {
      this.buffer[this.position++] = 0x80 | Number(rest & 0x7fn);
      rest >>= 7n;
    }
    this.buffer[this.position++] = Number(rest);
  }

  float32(value: number): void {
    this.#ensure(4);
    this.position = this.buffer.writeFloatLE(value, this.position);
  }

  float64(value: number): void {
    this.#ensure(8);
    this.position = this.buffer.writeDoubleLE(value, this.position);
  }

  utf8(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length <= LOOP_BYTES) {
      this.#short(bytes, start, end);
      return;
    }
    this.integer(length);
    this.#ensure(length);
    bytes.copy(this.buffer, this.position, start, end);
    this.position += length;
  }

  /** So short a length is one byte. */
  #short(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#ensure(length + 1);
    const out = this.buffer;
    let to = this.position;
    out[to++] = length << 1;
    for (let at = start; at < end; at++) out[to++] = bytes[at]!;
    this.position = to;
  }

  string(value: string): void {
    const length = value.length;
    if (length <= LOOP_BYTES) {
      this.#ensure(length + 1);
      const out = this.buffer;
      let to = this.position + 1;
      let i = 0;
      for (; i < length; i++) {
        const unit = value.charCodeAt(i);
        if (unit > 0x7f) break;
        out[to++] = unit;
      }
      if (i === length) {
        out[this.position] = length << 1;
        this.position = to;
        return;
      }
    }
    const text = toJavaText(value);
    const bytes = Buffer.byteLength(text);
    this.integer(bytes);
    this.#ensure(bytes);
    this.position += this.buffer.write(text, this.position);
  }

  binary(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length <= LOOP_BYTES) {
      this.#short(bytes, start, end);
      return;
    }
    this.integer(length);
    this.#ensure(length);
    this.buffer.set(bytes.subarray(start, end), this.position);
    this.position += length;
  }

  value(schema: Schema, value: Value): void {
    if (value === null) this.metNull = true;
    else writeAvroBody(this, schema, value);
  }
}
