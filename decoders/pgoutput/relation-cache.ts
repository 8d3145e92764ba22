import type { Table } from '../change.ts';
import type { Cursor } from '../cursor.ts';
import { DecodeError } from '../decode-error.ts';
import { parseTable } from './relation-messages.ts';

interface Entry {
  readonly table: Table;
  /** The relation message's own bytes: the same bytes are the same version of the table. */
  readonly announcement: Buffer;
}

/** The tables that the server has announced in this session, by relation OID. */
export class RelationCache {
  readonly #entries = new Map<number, Entry>();

  /**
   * Takes the rest of a relation message. The server repeats announcements (after every invalidation, per streamed
   * transaction): an identical one gives the Table object that is known already, a different one a new Table.
   */
  announce(cursor: Cursor): Table {
    const { bytes, position, end } = cursor;
    const table = parseTable(cursor);
    const known = this.#entries.get(table.id);
    if (known !== undefined && bytes.compare(known.announcement, 0, known.announcement.length, position, end) === 0) {
      return known.table;
    }
    this.#entries.set(table.id, { table, announcement: Buffer.from(bytes.subarray(position, end)) });
    return table;
  }

  /** The current version of a table; `at` is where the message names it. */
  get(id: number, at: number): Table {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new DecodeError(`relation ${id} was never announced`, at);
    return entry.table;
  }
}
