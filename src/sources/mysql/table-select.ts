import type { Connection, RowDataPacket } from 'mysql2/promise';
import { TextRowReader } from '../../../decoders/mysql-text-row.ts';
import { TailraceError } from '../../model/errors.ts';
import type { SnapshotTable, TableListener, TableStream } from '../../snapshot/snapshot-reader.ts';
import { disconnect, internals } from './connection.ts';
import { isServerError, quoteIdentifier, quoteLiteral } from './mysql-error.ts';
import type { MysqlTable } from './mysql-table.ts';
import { queryRows, type RowListener } from './row-query.ts';
import { type KnownTable, showCreateTable } from './snapshot-tables.ts';
import type { TableName } from './table-filter.ts';

/** A table to read, and how. */
export interface SelectedTable extends SnapshotTable {
  readonly table: MysqlTable;
  /** The SELECT; its columns are the table's, in their order. */
  readonly sql: string;
  /** What the table was when the view was taken. */
  readonly version: TableVersion;
  /** InnoDB's alone are read as the view has them, others as they are. */
  readonly hasView: boolean;
}

/** By what a table is known again. */
export type TableVersion = Pick<KnownTable, 'ddl' | 'createTime'>;

/** One session, whose transaction sees the snapshot, reading one table after another. */
export class TableSelect implements TableStream<SelectedTable> {
  readonly #session: Connection;
  readonly #catalog: Connection;
  #isReading = false;
  #isClosed = false;

  /** `catalog`, in no transaction, tells what the tables are now. */
  constructor(session: Connection, catalog: Connection) {
    this.#session = session;
    this.#catalog = catalog;
  }

  read(plan: SelectedTable, listener: TableListener): void {
    this.#isReading = true;
    const fail = (error: unknown): void => {
      if (!this.#isClosed) listener.onError(goneSince(error) ? outdatedView(plan, (error as Error).message) : error);
    };
    const rows = new TextRowReader(plan.table.columns.length);
    const onRows: RowListener = {
      onRow: (bytes, start, end) => {
        if (!this.#isClosed) listener.onRow(rows.row(bytes, start, end), end - start);
      },
      onDone: () => {
        this.#giveUpLock().then(() => {
          this.#isReading = false;
          listener.onEnd();
        }, fail);
      },
      onError: fail,
    };
    this.#lock(plan).then(() => queryRows(this.#session, plan.sql, onRows), fail);
  }

  pause(): void {
    internals(this.#session).stream.pause();
  }

  resume(): void {
    internals(this.#session).stream.resume();
  }

  /** What the server has under way is not waited for. */
  close(): Promise<void> {
    this.#isClosed = true;
    if (this.#isReading) internals(this.#session).stream.destroy();
    return disconnect(this.#session);
  }

  /** Takes the table's metadata lock, and then sees whether the table is the one that the view has. */
  async #lock({ id, table, version }: SelectedTable): Promise<void> {
    await this.#session.query('SAVEPOINT tailrace');
    const { namespace, name } = table;
    await this.#session.query(`SELECT 1 FROM ${quoteIdentifier(namespace)}.${quoteIdentifier(name)} LIMIT 0`);
    const now = await readVersion(this.#catalog, table);
    if (now.createTime !== version.createTime || columnsOf(now) !== columnsOf(version)) {
      throw outdatedView({ id }, 'it was altered or replaced');
    }
    // Text as it is stored, in the column's character set.
    await this.#session.query('SET SESSION character_set_results = NULL');
  }

  /** A metadata lock that was kept until the end of the snapshot would make an ALTER TABLE wait, and every query behind it. */
  async #giveUpLock(): Promise<void> {
    await this.#session.query('SET SESSION character_set_results = utf8mb4');
    await this.#session.query('ROLLBACK TO SAVEPOINT tailrace');
  }
}

/** The lines of columns and their keys: what is behind them changes by itself, as AUTO_INCREMENT does. */
function columnsOf({ ddl }: TableVersion): string {
  return ddl.slice(0, ddl.indexOf('\n)'));
}

async function readVersion(session: Connection, table: TableName): Promise<TableVersion> {
  const ddl = await showCreateTable(session, table);
  const [rows] = await session.query<RowDataPacket[]>(
    `SELECT CREATE_TIME AS createTime FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = ${quoteLiteral(table.namespace)} AND TABLE_NAME = ${quoteLiteral(table.name)}`,
  );
  return { ddl, createTime: rows[0]?.createTime ?? null };
}

/** ER_BAD_DB_ERROR, ER_BAD_FIELD_ERROR, ER_NO_SUCH_TABLE, ER_TABLE_DEF_CHANGED: each was there when the view was taken. */
const GONE: ReadonlySet<number> = new Set([1049, 1054, 1146, 1412]);

function goneSince(error: unknown): boolean {
  return isServerError(error) && GONE.has(error.errno);
}

/** That the view which the snapshot reads no longer holds for a table. */
function outdatedView({ id }: Pick<SelectedTable, 'id'>, reason: string): TailraceError {
  return new TailraceError('source.table_changed', `cannot read ${id} as it was when the snapshot began: ${reason}`, {
    remedy:
      'The snapshot starts anew by itself. If that happens again and again, because the table is altered or truncated often, leave it out with snapshot.include.collection.list: its new rows are streamed.',
  });
}
