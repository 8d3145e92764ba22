import type { ValueSink } from '../../model/codec.ts';
import type { Schema, Value } from '../../model/schema.ts';
import { formatDouble, formatFloat } from './format-float.ts';
import { CONNECT_JSON, type JsonFormat, writeJsonValue } from './json-value.ts';

const INITIAL_BYTES = 16 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const PAD = 0x3d;
/** Below this a loop copies faster than a call. */
const LOOP_BYTES = 32;
/** A control character grows from one byte to six, a four-byte sequence to twelve. */
const MAX_ESCAPED_BYTES_PER_BYTE = 6;
/** The longest safe integer has 16 digits and a sign; the longest float text 24 characters and two quotes. */
const MAX_NUMBER_BYTES = 32;

/** 1 for bytes that cannot stand in a JSON string as they are: controls, quote, backslash, heads of four-byte sequences. */
const NEEDS_ESCAPE = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte === QUOTE || byte === BACKSLASH || byte >= 0xf0 ? 1 : 0,
);
/** The letter of the short escape of a byte, 0 where there is none. */
const SHORT_ESCAPES = new Uint8Array(256);
for (const [byte, letter] of Object.entries({ 8: 'b', 9: 't', 10: 'n', 12: 'f', 13: 'r', 34: '"', 92: '\\' })) {
  SHORT_ESCAPES[Number(byte)] = letter.charCodeAt(0);
}
const HEX = Buffer.from('0123456789ABCDEF');
const BASE64 = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');

const EMPTY_VIEW = new DataView(new ArrayBuffer(0));

/** Whether one of a word's four bytes needs an escape, or may (the borrow of a subtraction): then they are looked at one by one. */
function hasEscape(word: number): boolean {
  const quotes = word ^ 0x22222222;
  const backslashes = word ^ 0x5c5c5c5c;
  const small =
    ((word - 0x20202020) & ~word) |
    ((quotes - 0x01010101) & ~quotes) |
    ((backslashes - 0x01010101) & ~backslashes) |
    (word & (word << 1) & (word << 2) & (word << 3));
  return (small & 0x80808080) !== 0;
}

/**
 * Writes JSON text into a growing slab: `buffer[0, position)`. Values come out as Kafka's JsonConverter prints them
 * (Jackson: upper-case escapes of controls, two escapes for a character beyond the BMP, everything else raw).
 */
export class JsonSink implements ValueSink {
  buffer: Buffer;
  position = 0;
  readonly #format: JsonFormat;
  #viewed: Buffer | null = null;
  #view: DataView = EMPTY_VIEW;

  constructor(buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES), format: JsonFormat = CONNECT_JSON) {
    this.buffer = buffer;
    this.#format = format;
  }

  /** Makes room for `bytes` more. */
  ensure(bytes: number): void {
    if (this.position + bytes > this.buffer.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.position + bytes));
    this.buffer.copy(larger, 0, 0, this.position);
    this.buffer = larger;
  }

  /** JSON text as it is. */
  raw(bytes: Uint8Array): void {
    const length = bytes.length;
    this.ensure(length);
    if (length > LOOP_BYTES) {
      this.buffer.set(bytes, this.position);
    } else {
      const out = this.buffer;
      let to = this.position;
      for (let i = 0; i < length; i++) out[to++] = bytes[i]!;
    }
    this.position += length;
  }

  /** JSON text of ASCII characters as it is. */
  ascii(text: string): void {
    const length = text.length;
    this.ensure(length);
    if (length > LOOP_BYTES) {
      this.buffer.write(text, this.position, 'latin1');
    } else {
      const out = this.buffer;
      let to = this.position;
      for (let i = 0; i < length; i++) out[to++] = text.charCodeAt(i);
    }
    this.position += length;
  }

  null(): void {
    this.ensure(4);
    const out = this.buffer;
    const to = this.position;
    out[to] = 0x6e;
    out[to + 1] = 0x75;
    out[to + 2] = 0x6c;
    out[to + 3] = 0x6c;
    this.position = to + 4;
  }

  boolean(value: boolean): void {
    this.ascii(value ? 'true' : 'false');
  }

  integerText(bytes: Buffer, start: number, end: number): void {
    this.ensure(end - start);
    const out = this.buffer;
    let to = this.position;
    for (let at = start; at < end; at++) out[to++] = bytes[at]!;
    this.position = to;
  }

  integer(value: number): void {
    this.ensure(MAX_NUMBER_BYTES);
    let rest = value;
    if (rest < 0) {
      this.buffer[this.position++] = MINUS;
      rest = -rest;
    }
    if (rest < 1e9) {
      this.#digits(rest, digitCount(rest));
      return;
    }
    const high = Math.floor(rest / 1e9);
    this.#digits(high, digitCount(high));
    this.#digits(rest - high * 1e9, 9);
  }

  /** `value` < 2^31 with leading zeros. */
  #digits(value: number, count: number): void {
    const out = this.buffer;
    const end = this.position + count;
    let rest = value | 0;
    for (let at = end - 1; at >= this.position; at--) {
      const tens = (rest / 10) | 0;
      out[at] = ZERO + rest - tens * 10;
      rest = tens;
    }
    this.position = end;
  }

  bigint(value: bigint): void {
    this.ascii(value.toString());
  }

  float32(value: number): void {
    this.#float(value, formatFloat);
  }

  float64(value: number): void {
    this.#float(value, formatDouble);
  }

  #float(value: number, format: (value: number) => string): void {
    const text = format(value);
    if (Number.isFinite(value)) this.ascii(text);
    else this.ascii(`"${text}"`);
  }

  utf8(bytes: Buffer, start: number, end: number): void {
    this.ensure(end - start + 2);
    this.buffer[this.position++] = QUOTE;
    if (end - start <= LOOP_BYTES) {
      const out = this.buffer;
      let to = this.position;
      let at = start;
      for (; at < end; at++) {
        const byte = bytes[at]!;
        if (NEEDS_ESCAPE[byte] !== 0) break;
        out[to++] = byte;
      }
      this.position = to;
      if (at < end) this.#escaped(bytes, at, end);
    } else {
      this.#escaped(bytes, start, end);
    }
    this.ensure(1);
    this.buffer[this.position++] = QUOTE;
  }

  /** Copies runs that need no escape, and escapes what is between them. */
  #escaped(bytes: Buffer, start: number, end: number): void {
    let run = start;
    for (;;) {
      const at = this.#nextEscape(bytes, run, end);
      this.#copy(bytes, run, at);
      if (at === end) return;
      const byte = bytes[at]!;
      this.ensure(2 * MAX_ESCAPED_BYTES_PER_BYTE);
      run = at + (byte >= 0xf0 ? this.#escapeAstral(bytes, at) : this.#escapeByte(byte));
    }
  }

  /** Four bytes at a time: the words of a long text are looked at through a view that is kept while its buffer is. */
  #nextEscape(bytes: Buffer, start: number, end: number): number {
    let at = start;
    if (end - start > LOOP_BYTES) {
      if (bytes !== this.#viewed) {
        this.#viewed = bytes;
        this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      }
      const view = this.#view;
      while (at + 4 <= end && !hasEscape(view.getInt32(at, true))) at += 4;
    }
    while (at < end && NEEDS_ESCAPE[bytes[at]!] === 0) at++;
    return at;
  }

  #copy(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    this.ensure(length);
    if (length > LOOP_BYTES) {
      bytes.copy(this.buffer, this.position, start, end);
      this.position += length;
      return;
    }
    const out = this.buffer;
    let to = this.position;
    for (let at = start; at < end; at++) out[to++] = bytes[at]!;
    this.position = to;
  }

  #escapeByte(byte: number): 1 {
    const letter = SHORT_ESCAPES[byte]!;
    if (letter === 0) {
      this.#escapeUnit(byte);
    } else {
      this.buffer[this.position++] = BACKSLASH;
      this.buffer[this.position++] = letter;
    }
    return 1;
  }

  /** A four-byte sequence as the escapes of its two UTF-16 units. */
  #escapeAstral(bytes: Buffer, at: number): 4 {
    const code =
      ((bytes[at]! & 0x07) << 18) |
      ((bytes[at + 1]! & 0x3f) << 12) |
      ((bytes[at + 2]! & 0x3f) << 6) |
      (bytes[at + 3]! & 0x3f);
    const offset = code - 0x1_0000;
    this.#escapeUnit(0xd800 + (offset >> 10));
    this.#escapeUnit(0xdc00 + (offset & 0x3ff));
    return 4;
  }

  #escapeUnit(unit: number): void {
    const out = this.buffer;
    let to = this.position;
    out[to++] = BACKSLASH;
    out[to++] = 0x75;
    for (let shift = 12; shift >= 0; shift -= 4) out[to++] = HEX[(unit >> shift) & 15]!;
    this.position = to;
  }

  string(value: string): void {
    const length = value.length;
    if (length <= LOOP_BYTES) {
      this.ensure(length + 2);
      const out = this.buffer;
      let to = this.position;
      out[to++] = QUOTE;
      let i = 0;
      for (; i < length; i++) {
        const unit = value.charCodeAt(i);
        if (unit > 0x7f || NEEDS_ESCAPE[unit] !== 0) break;
        out[to++] = unit;
      }
      if (i === length) {
        out[to++] = QUOTE;
        this.position = to;
        return;
      }
    }
    const bytes = Buffer.from(value, 'utf8');
    this.utf8(bytes, 0, bytes.length);
  }

  binary(bytes: Uint8Array, start: number, end: number): void {
    this.ensure(Math.ceil((end - start) / 3) * 4 + 2);
    const out = this.buffer;
    let to = this.position;
    out[to++] = QUOTE;
    let at = start;
    for (const whole = end - ((end - start) % 3); at < whole; at += 3) {
      const group = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
      out[to++] = BASE64[group >> 18]!;
      out[to++] = BASE64[(group >> 12) & 63]!;
      out[to++] = BASE64[(group >> 6) & 63]!;
      out[to++] = BASE64[group & 63]!;
    }
    if (at < end) {
      const isPair = at + 1 < end;
      const group = (bytes[at]! << 16) | (isPair ? bytes[at + 1]! << 8 : 0);
      out[to++] = BASE64[group >> 18]!;
      out[to++] = BASE64[(group >> 12) & 63]!;
      out[to++] = isPair ? BASE64[(group >> 6) & 63]! : PAD;
      out[to++] = PAD;
    }
    out[to++] = QUOTE;
    this.position = to;
  }

  value(schema: Schema, value: Value): void {
    writeJsonValue(this, schema, value, this.#format);
  }
}

function digitCount(value: number): number {
  if (value < 1e5) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : value < 1e4 ? 4 : 5;
  return value < 1e7 ? (value < 1e6 ? 6 : 7) : value < 1e8 ? 8 : 9;
}
