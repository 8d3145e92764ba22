import { NULL_VALUE, type Row } from '../change.ts';
import { DecodeError } from '../decode-error.ts';
import { SpanArena } from '../span-arena.ts';

const TAB = 0x09;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
const NULL_MARK = 0x4e; // N

/**
 * Rows of COPY ... TO STDOUT in text format:
 *
 *     field { tab field }* newline
 *
 * A field is text, with `\b \f \n \r \t \v \\` for those bytes, or `\N` for NULL. The server sends a row per message.
 */
export class CopyTextReader {
  readonly #arena = new SpanArena();
  readonly #columns: number;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** Decodes the row `bytes[start, end)` in place: escapes are resolved by moving bytes, so it can be read only once. */
  row(bytes: Buffer, start: number, end: number): Row {
    if (end <= start || bytes[end - 1] !== NEWLINE) throw new DecodeError('COPY row without its newline', start);
    const columns = this.#columns;
    const base = this.#arena.reserve(2 * columns);
    const spans = this.#arena.spans;
    const last = end - 1;
    if (columns === 0) {
      if (last !== start) throw new DecodeError('COPY row of a table without columns holds something', start);
      return { bytes, spans, base, image: 'full' };
    }
    let slot = base;
    const slots = base + 2 * columns;
    let at = start;
    for (;;) {
      if (slot === slots) throw new DecodeError(`COPY row of more than ${columns} columns`, at);
      const fieldStart = at;
      let byte = at < last ? bytes[at]! : TAB;
      while (byte !== TAB && byte !== BACKSLASH) byte = ++at < last ? bytes[at]! : TAB;
      if (byte === TAB) {
        spans[slot] = fieldStart;
        spans[slot + 1] = at;
      } else if (at === fieldStart && bytes[at + 1] === NULL_MARK) {
        at += 2;
        if (at < last && bytes[at] !== TAB) throw new DecodeError('COPY field goes on behind \\N', at);
        spans[slot] = NULL_VALUE;
        spans[slot + 1] = NULL_VALUE;
      } else {
        spans[slot] = fieldStart;
        let write = at;
        for (; at < last && bytes[at] !== TAB; at++) {
          bytes[write++] = bytes[at] === BACKSLASH ? unescapeByte(bytes, ++at, last) : bytes[at]!;
        }
        spans[slot + 1] = write;
      }
      slot += 2;
      if (at >= last) break;
      at++;
    }
    if (slot !== slots)
      throw new DecodeError(`COPY row of ${(slot - base) / 2} columns, ${columns} were asked for`, start);
    return { bytes, spans, base, image: 'full' };
  }
}

function unescapeByte(bytes: Buffer, at: number, last: number): number {
  switch (at < last ? bytes[at] : undefined) {
    case BACKSLASH:
      return BACKSLASH;
    case 0x62: // b
      return 0x08;
    case 0x66: // f
      return 0x0c;
    case 0x6e: // n
      return NEWLINE;
    case 0x72: // r
      return 0x0d;
    case 0x74: // t
      return TAB;
    case 0x76: // v
      return 0x0b;
    default:
      throw new DecodeError('COPY escape that the server never writes', at);
  }
}
