import { DecodeError } from '../decode-error.ts';
import { CHECKSUM_BYTES } from './checksum.ts';
import type { Xid } from './ddl/statement.ts';
import type { Xid as BinaryXid, BinlogEvent, FormatDescriptionEvent } from './event.ts';
import { EVENT_HEADER_BYTES } from './event-header.ts';
import type { EventParser } from './parse-event.ts';

/** The largest part that one record keeps, unless one event alone is larger. */
const PART_BYTES = 512 * 1024;
const SIZE_OFFSET = 9;
/** A format description ends in the checksum algorithm and room for a checksum. */
const ALGORITHM_FROM_END = 1 + CHECKSUM_BYTES;

/**
 * The events of an XA transaction between its start and its end, as they were logged but without checksums: a format
 * description that says so, then tables and rows. Parts hold whole events.
 */
export class PreparedTransaction {
  readonly #parts: Buffer[][] = [[]];
  #partBytes = 0;

  constructor(parts: readonly Buffer[] = []) {
    if (parts.length > 0) this.#parts = parts.map((part) => [part]);
  }

  /** The format description `bytes[start, end)` that the events are read by; first of all. */
  begin(bytes: Buffer): void {
    const copy = Buffer.from(bytes);
    copy[copy.length - ALGORITHM_FROM_END] = 0;
    this.#push(copy);
  }

  add(bytes: Buffer, start: number, end: number, format: FormatDescriptionEvent): void {
    const copy = Buffer.from(bytes.subarray(start, format.checksum === 'none' ? end : end - CHECKSUM_BYTES));
    copy.writeUInt32LE(copy.length, SIZE_OFFSET);
    this.#push(copy);
  }

  parts(): Buffer[] {
    return this.#parts.map((events) => (events.length === 1 ? events[0]! : Buffer.concat(events)));
  }

  /** Its rows and the statements behind them, in their order. */
  *events(parser: EventParser): Generator<BinlogEvent, void, undefined> {
    for (const part of this.parts()) {
      for (let start = 0, end = 0; start < part.length; start = end) {
        if (part.length - start < EVENT_HEADER_BYTES) throw new DecodeError('a kept event ends in its header', start);
        end = start + part.readUInt32LE(start + SIZE_OFFSET);
        if (end < start + EVENT_HEADER_BYTES || end > part.length) throw new DecodeError('a kept event is cut', start);
        const event = parser.parse(part, start, end);
        if (event.kind === 'transaction-payload') {
          for (const inner of parser.payload(event)) if (isOfRows(inner)) yield inner;
        } else if (isOfRows(event)) yield event;
      }
    }
  }

  #push(event: Buffer): void {
    if (this.#partBytes > 0 && this.#partBytes + event.length > PART_BYTES) {
      this.#parts.push([]);
      this.#partBytes = 0;
    }
    this.#parts.at(-1)!.push(event);
    this.#partBytes += event.length;
  }
}

function isOfRows({ kind }: BinlogEvent): boolean {
  return kind === 'rows' || kind === 'rows-query';
}

/** `X'6162',X'',1`, as the servers write it. */
export function formatXid(xid: Xid | BinaryXid): string {
  const { formatId } = xid;
  const [globalId, branch] =
    'gtrid' in xid ? [xid.gtrid.toString('hex'), xid.bqual.toString('hex')] : [xid.globalId, xid.branch];
  return `X'${globalId}',X'${branch}',${formatId}`;
}
