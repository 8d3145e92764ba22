import { NULL_VALUE, type Row } from './change.ts';
import { DecodeError } from './decode-error.ts';
import { SpanArena } from './span-arena.ts';

const NULL_MARK = 0xfb;
const TWO_BYTES = 0xfc;
const THREE_BYTES = 0xfd;
const EIGHT_BYTES = 0xfe;

/**
 * Rows of a result set in MySQL's text protocol, a row per packet:
 *
 *     { 0xFB | length bytes }*
 *
 * 0xFB is NULL; a length is one byte up to 0xFA, or 0xFC, 0xFD, 0xFE and then two, three, eight bytes, the lowest first.
 */
export class TextRowReader {
  readonly #arena = new SpanArena();
  readonly #columns: number;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** Decodes the packet body `bytes[start, end)`; nothing is copied. */
  row(bytes: Buffer, start: number, end: number): Row {
    const base = this.#arena.reserve(2 * this.#columns);
    const spans = this.#arena.spans;
    const slots = base + 2 * this.#columns;
    let at = start;
    for (let slot = base; slot < slots; slot += 2) {
      if (at >= end) throw new DecodeError(`text row of ${(slot - base) / 2} columns, ${this.#columns} expected`, at);
      let length = bytes[at++]!;
      if (length >= NULL_MARK) {
        if (length === NULL_MARK) {
          spans[slot] = NULL_VALUE;
          spans[slot + 1] = NULL_VALUE;
          continue;
        }
        const width = widthOf(length, at - 1);
        if (width > end - at) throw new DecodeError('text row ends inside a length', at);
        length = readLength(bytes, at, width);
        at += width;
      }
      if (length > end - at) {
        throw new DecodeError(`text row: a value of ${length} bytes, ${end - at} are left`, at);
      }
      spans[slot] = at;
      at += length;
      spans[slot + 1] = at;
    }
    if (at !== end) throw new DecodeError(`text row: ${end - at} bytes are left over`, at);
    return { bytes, spans, base, image: 'full' };
  }
}

function widthOf(mark: number, at: number): 2 | 3 | 8 {
  if (mark === TWO_BYTES) return 2;
  if (mark === THREE_BYTES) return 3;
  if (mark === EIGHT_BYTES) return 8;
  throw new DecodeError('text row: 0xFF begins no value', at);
}

function readLength(bytes: Buffer, at: number, width: 2 | 3 | 8): number {
  if (width !== 8) return bytes.readUIntLE(at, width);
  // A packet is never as long as what the higher half would add.
  if (bytes.readUInt32LE(at + 4) !== 0) throw new DecodeError('text row: a value above 4 GiB', at);
  return bytes.readUInt32LE(at);
}
