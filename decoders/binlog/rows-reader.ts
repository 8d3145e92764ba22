import { ABSENT_VALUE, NULL_VALUE, type Row } from '../change.ts';
import { DecodeError } from '../decode-error.ts';
import { SpanArena } from '../span-arena.ts';
import { BinlogCursor } from './binlog-cursor.ts';
import type { ColumnLayout } from './column-layout.ts';
import type { Presence, RowsEvent } from './rows-event.ts';
import type { TableMap } from './table-map.ts';

/** `enum_binlog_row_value_options::PARTIAL_JSON_UPDATES`, the only one there is. */
const PARTIAL_JSON = 1;

/**
 * Divides the rows of rows events into spans over their bytes:
 *
 *     row of an insert, a delete: image;  of an update: before image, after image
 *     image: bit[] null (one bit per column that is present, least significant first), values of columns that are
 *            present and not NULL, those of variable length behind their length
 *     after image of a partial update: lenenc options, [option 1: bit[] partial (one bit per JSON column of the table,
 *            present or not)], image; a value with its bit set is a list of diffs
 *
 * (MySQL source, libs/mysql/binlog/event/rows_event.h, `Rows_event`; sql/rpl_record.cc, `unpack_row`.)
 * One reader serves a stream: `begin(event)`, then `next()` until it is false; after each true, the fields are one row.
 * Throws {@link DecodeError} unless the last row ends where the event does.
 */
export class RowsReader {
  before: Row | null = null;
  after: Row | null = null;
  /**
   * 1 for each column of `after` whose span is JSON diffs to be applied to the value before, by index; null: there is
   * none. Borrowed until the next row.
   */
  diffs: Uint8Array | null = null;

  readonly #arena = new SpanArena();
  readonly #cursor = new BinlogCursor(Buffer.alloc(0));
  #event: RowsEvent | null = null;
  #layout: ColumnLayout | null = null;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  #partial = new Uint8Array(0);

  /**
   * `layout` stands in for the table map's own where that has `unknownDigits`; `copy` holds the rows' bytes from its `start`
   * on, where the event's own do not stay.
   */
  begin(
    event: RowsEvent,
    layout: ColumnLayout = event.table.layout,
    copy: { readonly bytes: Buffer; readonly start: number } = event,
  ): void {
    if (layout.unknownDigits.length > 0) throw unknownDigitsError(event, layout);
    this.#event = event;
    this.#layout = layout;
    this.#bytes = copy.bytes;
    this.#at = copy.start;
    this.#end = copy.start + (event.end - event.start);
  }

  next(): boolean {
    const event = this.#event;
    if (event === null || this.#at >= this.#end) {
      this.#event = null;
      this.before = null;
      this.after = null;
      this.diffs = null;
      return false;
    }
    const start = this.#at;
    this.diffs = null;
    this.before = event.before === null ? null : this.#image(event, event.before);
    if (event.partial) this.diffs = this.#partialColumns(event);
    this.after = event.after === null ? null : this.#image(event, event.after);
    // A table without a column in its images would otherwise give rows for ever.
    if (this.#at === start) throw new DecodeError(`row of no bytes in ${nameOf(event.table)}`, start);
    return true;
  }

  #image(event: RowsEvent, presence: Presence): Row {
    const { table } = event;
    const bytes = this.#bytes;
    const end = this.#end;
    const { count, sizes } = this.#layout!;
    const present = presence.columns;
    const base = this.#arena.reserve(2 * count);
    const spans = this.#arena.spans;
    const nulls = this.#at;
    let at = nulls + ((presence.count + 7) >> 3);
    if (at > end) throw new DecodeError(`row of ${nameOf(table)} ends in its NULL bits`, nulls);
    let bit = 0;
    for (let i = 0, slot = base; i < count; i++, slot += 2) {
      if (present !== null && present[i] === 0) {
        spans[slot] = ABSENT_VALUE;
        spans[slot + 1] = ABSENT_VALUE;
        continue;
      }
      const isNull = (bytes[nulls + (bit >> 3)]! >> (bit & 7)) & 1;
      bit++;
      if (isNull === 1) {
        spans[slot] = NULL_VALUE;
        spans[slot + 1] = NULL_VALUE;
        continue;
      }
      let length = sizes[i]!;
      if (length < 0) {
        const prefix = -length;
        if (prefix > end - at) throw valueError(table, i, prefix, end - at, at);
        length = bytes[at]!;
        if (prefix > 1) length |= bytes[at + 1]! << 8;
        if (prefix > 2) length |= bytes[at + 2]! << 16;
        if (prefix > 3) length = (length | (bytes[at + 3]! << 24)) >>> 0;
        at += prefix;
      }
      if (length > end - at) throw valueError(table, i, length, end - at, at);
      spans[slot] = at;
      at += length;
      spans[slot + 1] = at;
    }
    this.#at = at;
    return { bytes, spans, base, image: present === null ? 'full' : 'partial' };
  }

  #partialColumns(event: RowsEvent): Uint8Array | null {
    const { table } = event;
    const { count, json, jsonCount } = this.#layout!;
    const cursor = this.#cursor;
    cursor.reset(this.#bytes, this.#at, this.#end);
    const options = cursor.lengthEncoded();
    if (options > PARTIAL_JSON) {
      throw new DecodeError(`row of ${nameOf(table)} with unknown value options ${options}`, this.#at);
    }
    if (options === 0) {
      this.#at = cursor.position;
      return null;
    }
    const bits = cursor.take((jsonCount + 7) >> 3);
    this.#at = cursor.position;
    if (this.#partial.length < count) this.#partial = new Uint8Array(count);
    const partial = this.#partial;
    let bit = 0;
    let any = 0;
    for (let i = 0; i < count; i++) {
      if (json[i] === 0) {
        partial[i] = 0;
        continue;
      }
      const isPartial = (this.#bytes[bits + (bit >> 3)]! >> (bit & 7)) & 1;
      bit++;
      partial[i] = isPartial;
      any |= isPartial;
    }
    return any === 1 ? partial : null;
  }
}

function nameOf(table: TableMap): string {
  return `${table.database}.${table.name}`;
}

function valueError(table: TableMap, column: number, length: number, left: number, at: number): DecodeError {
  const name = table.columns[column]?.name ?? `column ${column}`;
  return new DecodeError(`${nameOf(table)}: ${name} needs ${length} bytes, ${left} are left`, at);
}

function unknownDigitsError({ table, start }: RowsEvent, { unknownDigits }: ColumnLayout): DecodeError {
  const names = unknownDigits.map((column) => table.columns[column]?.name ?? `column ${column}`).join(', ');
  const why = `${nameOf(table)} has temporal columns in MariaDB's format of before 10.1 (${names})`;
  const remedy =
    'whose digits of the second the table definition must tell, or ALTER TABLE ... FORCE gives the new format';
  return new DecodeError(`${why}, ${remedy}`, start);
}
