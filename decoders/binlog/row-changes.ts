import type { Change, Row, Table } from '../change.ts';
import type { BinlogTx } from './binlog-tx.ts';
import { ByteSlab } from './byte-slab.ts';
import type { ColumnLayout } from './column-layout.ts';
import { completeJson } from './partial-json.ts';
import type { RowsEvent } from './rows-event.ts';
import { RowsReader } from './rows-reader.ts';

/** The rows of rows events as changes, over bytes that stay until the second {@link turn} after. */
export class RowChanges {
  readonly #slab = new ByteSlab();
  readonly #reader = new RowsReader();

  /** How many rows the event has. DecodeError unless they end where it does. */
  count(event: RowsEvent, layout = event.table.layout): number {
    const reader = this.#reader;
    let count = 0;
    reader.begin(event, layout);
    while (reader.next()) count++;
    return count;
  }

  /**
   * Appends to `into` the rows from `firstRow` on, and returns how many rows the event has. `isBorrowed`: the event's
   * bytes are gone after the call.
   */
  read(
    event: RowsEvent,
    options: {
      readonly table: Table;
      readonly layout: ColumnLayout | undefined;
      readonly tx: BinlogTx;
      /** Of the event's first row. */
      readonly ordinal: number;
      readonly firstRow: number;
      readonly isBorrowed: boolean;
    },
    into: Change<BinlogTx>[],
  ): number {
    const { table, layout, tx, ordinal, firstRow, isBorrowed } = options;
    const { op } = event;
    const reader = this.#reader;
    const slab = this.#slab;
    if (isBorrowed) slab.copy(event.bytes, event.start, event.end);
    reader.begin(event, layout, isBorrowed ? slab : event);
    let at = 0;
    while (reader.next()) {
      if (at >= firstRow) {
        const { before, diffs } = reader;
        let after: Row | null = reader.after;
        if (diffs !== null && after !== null) after = completeJson(event.table, before, after, diffs);
        into.push({ kind: 'row', op, table, before, after, tx, ordinal: ordinal + at, at, snapshot: 'false' });
      }
      at++;
    }
    return at;
  }

  /** The changes so far are being taken; those of the take before are worked off. */
  turn(): void {
    this.#slab.turn();
  }
}
