import type { Client } from 'pg';
import { CopyTextReader } from '../../../decoders/pgoutput/copy-text.ts';
import type { SnapshotTable, TableListener, TableStream } from '../../snapshot/snapshot-reader.ts';
import type { PublishedTable } from './catalog.ts';
import { type CopyListener, CopyStream } from './copy-stream.ts';
import { goneSince, outdatedView, viewCheck } from './outdated-view.ts';
import { takeOver } from './wire.ts';

/** A table to read, and how. */
export interface CopiedTable extends SnapshotTable {
  readonly published: PublishedTable;
  /** Its rows are read by a statement of the user's. */
  readonly overridden: boolean;
  /** The COPY statement; its columns are the table's, in their order. */
  readonly sql: string;
}

/** One session, reading one table after another, each of them and then whether that was the table which its view has. */
export class TableCopy implements TableStream<CopiedTable>, CopyListener {
  readonly #stream = new CopyStream(this);
  #rows = new CopyTextReader(0);
  #plan: CopiedTable | null = null;
  #listener: TableListener | null = null;
  #count = 0;
  #isChecking = false;

  /** Takes over the session, whose transaction sees the snapshot. */
  constructor(session: Client) {
    this.#stream.attach(takeOver(session, this.#stream));
  }

  read(plan: CopiedTable, listener: TableListener): void {
    this.#plan = plan;
    this.#listener = listener;
    this.#rows = new CopyTextReader(plan.table.columns.length);
    this.#count = 0;
    this.#isChecking = false;
    this.#stream.copy(plan.sql);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  close(): Promise<void> {
    return this.#stream.close();
  }

  onRow(bytes: Buffer, start: number, end: number): void {
    if (this.#isChecking) throw outdatedView(this.#plan!.published, bytes.toString('utf8', start, end).trimEnd());
    this.#count++;
    this.#listener!.onRow(this.#rows.row(bytes, start, end), end - start);
  }

  onDone(): void {
    if (this.#isChecking) {
      this.#listener!.onEnd();
      return;
    }
    this.#isChecking = true;
    const { published, overridden } = this.#plan!;
    this.#stream.copy(viewCheck({ table: published, overridden, rows: this.#count }));
  }

  onError(error: unknown): void {
    const reason = goneSince(error);
    this.#listener!.onError(reason === null ? error : outdatedView(this.#plan!.published, reason));
  }
}
