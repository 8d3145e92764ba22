import { DecodeError } from '../decode-error.ts';
import type { BinlogCursor } from './binlog-cursor.ts';
import type { ServerFamily } from './format-description.ts';
import { parseTableMap, type TableMap } from './table-map.ts';

interface Entry {
  readonly table: TableMap;
  /** The table map's own bytes behind id and flags: the same bytes are the same version of the table. */
  readonly announcement: Buffer;
  /** The statement that announced it last. */
  statement: number;
}

/** Ids are never used again, and a server with a small table cache makes many: above this the old ones are forgotten. */
const MAX_IDS = 4096;
const COMPARE_FROM_BYTES = 200;

/**
 * The tables of a stream. A table map announces an id for one statement; the server repeats it for every statement and
 * changes the id when it opens the table anew. Equal bytes give the TableMap that is known already, by id or else by
 * name, different ones a new TableMap.
 */
export class TableMapCache {
  readonly #byId = new Map<number, Entry>();
  readonly #byName = new Map<string, Entry>();
  #statement = 0;

  /** Ids that are remembered. */
  get size(): number {
    return this.#byId.size;
  }

  /** Takes the rest of a table map event: everything behind its id and flags. */
  announce(id: number, cursor: BinlogCursor, family: ServerFamily): TableMap {
    const { bytes, position, end } = cursor;
    const known = this.#byId.get(id);
    if (known !== undefined && isAnnouncement(known, bytes, position, end)) {
      known.statement = this.#statement;
      return known.table;
    }
    const table = parseTableMap(cursor, family);
    cursor.expectEnd('table map');
    // No name holds a NUL.
    const name = `${table.database}\0${table.name}`;
    const same = this.#byName.get(name);
    const reused = same !== undefined && isAnnouncement(same, bytes, position, end);
    const announcement = reused ? same.announcement : Buffer.from(bytes.subarray(position, end));
    const entry = { table: reused ? same.table : table, announcement, statement: this.#statement };
    if (this.#byId.size >= MAX_IDS) this.#forgetOld();
    this.#byId.set(id, entry);
    this.#byName.set(name, entry);
    return entry.table;
  }

  /** The table that the current statement announced under this id; `at` is where the event names it. */
  get(id: number, at: number): TableMap {
    const entry = this.#byId.get(id);
    if (entry === undefined || entry.statement !== this.#statement) {
      throw new DecodeError(`table ${id} was not announced in this statement`, at);
    }
    return entry.table;
  }

  /** The statement is over: its ids no longer stand for a table. */
  endStatement(): void {
    this.#statement++;
  }

  /** A new file or connection: ids begin anew, tables stay what they are. */
  forgetIds(): void {
    this.#byId.clear();
    this.#statement++;
  }

  #forgetOld(): void {
    for (const [id, { statement }] of this.#byId) if (statement !== this.#statement) this.#byId.delete(id);
  }
}

function isAnnouncement({ announcement }: Entry, bytes: Buffer, start: number, end: number): boolean {
  const { length } = announcement;
  if (length !== end - start) return false;
  // Most are shorter than what a call of the platform costs.
  if (length > COMPARE_FROM_BYTES) return announcement.compare(bytes, start, end) === 0;
  for (let i = 0; i < length; i++) if (announcement[i] !== bytes[start + i]) return false;
  return true;
}
