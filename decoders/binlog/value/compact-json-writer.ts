import { formatDecimal } from '../../pgoutput/text/numeric.ts';
import { base64Lines, COMPACT_JSON } from './json-text.ts';
import { type JsonVisitor, walkJson } from './json-walk.ts';
import { type DateTime, formatDate, formatDateTime, formatTime } from './temporal.ts';

const INITIAL_BYTES = 1024;
/** A control character becomes `\u001f`. */
const MAX_ESCAPED_BYTES = 6;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const ZERO = 0x30;
const MINUS = 0x2d;
const FIRST_PRINTABLE = 0x20;
const MAX_INT32_DIGITS = 11;

/** The letter of the short escape of a byte, 0 where there is none. */
const SHORT_ESCAPES = new Uint8Array(256);
for (const [byte, letter] of Object.entries({ 8: 'b', 9: 't', 10: 'n', 12: 'f', 13: 'r', 34: '"', 92: '\\' })) {
  SHORT_ESCAPES[Number(byte)] = letter.charCodeAt(0);
}
const HEX = Buffer.from('0123456789abcdef');

/**
 * Binary JSON as compact text in UTF-8, byte for byte what `formatJson(parseJson(..), COMPACT_JSON)` gives, without a tree or
 * strings in between. Texts of the document are not checked: whether the whole is UTF-8, its reader must see.
 */
export class CompactJsonWriter implements JsonVisitor {
  /** The text of the last document is `bytes[0, length)`. */
  bytes: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  length = 0;
  /** Whether a value has to be separated from what is before it. */
  #needsComma = false;

  write(bytes: Buffer, start: number, end: number): void {
    this.length = 0;
    this.#needsComma = false;
    walkJson(bytes, start, end, this);
  }

  null(): void {
    this.#ascii('null');
  }

  boolean(value: boolean): void {
    this.#ascii(value ? 'true' : 'false');
  }

  integer(value: number | bigint): void {
    if (typeof value !== 'number' || value !== (value | 0)) {
      this.#ascii(String(value));
      return;
    }
    this.#separate(MAX_INT32_DIGITS);
    let rest = value;
    if (rest < 0) {
      this.bytes[this.length++] = MINUS;
      rest = -rest;
    }
    let digits = 1;
    for (let limit = 10; rest >= limit; limit *= 10) digits++;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const tens = Math.floor(rest / 10);
      this.bytes[at] = ZERO + rest - tens * 10;
      rest = tens;
    }
    this.length += digits;
  }

  double(value: number): void {
    this.#ascii(COMPACT_JSON.formatDouble(value));
  }

  string(bytes: Buffer, start: number, end: number): void {
    this.#separate(0);
    this.#quoted(bytes, start, end);
  }

  decimal(unscaled: number | bigint, scale: number): void {
    this.#ascii(formatDecimal(unscaled, scale));
  }

  date(kind: 'date' | 'datetime' | 'timestamp', value: DateTime): void {
    this.#ascii(`"${kind === 'date' ? formatDate(value) : formatDateTime(value, 6)}"`);
  }

  time(micros: number): void {
    this.#ascii(`"${formatTime(micros, 6)}"`);
  }

  opaque(type: number, bytes: Buffer, start: number, end: number): void {
    const text = Buffer.from(`base64:type${type}:${base64Lines(bytes.subarray(start, end))}`);
    this.string(text, 0, text.length);
  }

  beginArray(): void {
    this.#begin('[');
  }

  endArray(): void {
    this.#end(']');
  }

  beginObject(): void {
    this.#begin('{');
  }

  key(bytes: Buffer, start: number, end: number): void {
    this.#separate(0);
    this.#quoted(bytes, start, end);
    this.#ensure(1);
    this.bytes[this.length++] = COLON;
    this.#needsComma = false;
  }

  endObject(): void {
    this.#end('}');
  }

  #begin(bracket: string): void {
    this.#ascii(bracket);
    this.#needsComma = false;
  }

  #end(bracket: string): void {
    this.#needsComma = false;
    this.#ascii(bracket);
  }

  /** The comma before a value, and room for it and `count` bytes. */
  #separate(count: number): void {
    this.#ensure(count + 1);
    if (this.#needsComma) this.bytes[this.length++] = COMMA;
    this.#needsComma = true;
  }

  #ascii(text: string): void {
    this.#separate(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i);
  }

  #quoted(bytes: Buffer, start: number, end: number): void {
    this.#ensure((end - start) * MAX_ESCAPED_BYTES + 2);
    const out = this.bytes;
    let to = this.length;
    out[to++] = QUOTE;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte >= FIRST_PRINTABLE && byte !== QUOTE && byte !== BACKSLASH) {
        out[to++] = byte;
        continue;
      }
      out[to++] = BACKSLASH;
      const letter = SHORT_ESCAPES[byte]!;
      if (letter !== 0) {
        out[to++] = letter;
        continue;
      }
      out[to++] = 0x75;
      out[to++] = ZERO;
      out[to++] = ZERO;
      out[to++] = HEX[byte >> 4]!;
      out[to++] = HEX[byte & 15]!;
    }
    out[to++] = QUOTE;
    this.length = to;
  }

  #ensure(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.length + count));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
