import type { BinlogTx } from '../../../decoders/binlog/binlog-tx.ts';
import type { CapturedTables, Statement, TableName } from '../../../decoders/binlog/ddl/statement.ts';
import type { TableMap } from '../../../decoders/binlog/table-map.ts';
import type { LoggedStatement, Target } from '../../../decoders/binlog/transaction-reducer-options.ts';
import type { Change } from '../../../decoders/change.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import type { SourceOffset } from '../../model/log.ts';
import type { StateRecord } from '../../model/plugin.ts';
import type { Logger } from '../../observe/logger.ts';
import type { CarriedOut } from './binlog-stream.ts';
import { describeTable, snapshotTable } from './mapping.ts';
import { formatHistoryRecord } from './schema/history-record.ts';
import type { SchemaEvent } from './schema/schema-events.ts';
import type { SchemaModel } from './schema/schema-model.ts';
import type { CatalogTable } from './schema/show-create.ts';

export interface SchemaKeeperOptions {
  readonly config: Pick<
    MysqlConfig,
    | 'topic.prefix'
    | 'schema.history.internal.kafka.topic'
    | 'schema.history.internal.store.only.captured.tables.ddl'
    | 'include.schema.changes'
    | 'skipped.operations'
  >;
  readonly model: SchemaModel;
  readonly captured: CapturedTables;
  /** The tables as they are now. */
  readonly readTables: (names: readonly TableName[]) => Promise<readonly CatalogTable[]>;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

/** Carries out the DDL of the stream on the schema model, and says what the topics are told of it. */
export class SchemaKeeper {
  readonly #options: SchemaKeeperOptions;

  constructor(options: SchemaKeeperOptions) {
    this.#options = options;
  }

  /** Null: it is not captured. @throws TailraceError `source.table` */
  target(map: TableMap): Target | null {
    const { captured, model } = this.#options;
    if (!captured.hasTable(map.database, map.name)) return null;
    const table = describeTable(map, model.get(map.database, map.name), model.options.family);
    return table.map === null ? { table } : { table, layout: table.map.layout };
  }

  /** `offset`: where the statement is read again from. */
  carryOut(logged: LoggedStatement, offset: SourceOffset): CarriedOut | Promise<CarriedOut> {
    const { model, captured, config } = this.#options;
    const { statement, text, database, dialect, status, errorCode } = logged;
    const isCaptured = (table: TableName): boolean => captured.hasTable(table.database, table.name);
    const applied = model.apply(statement, { ddl: text, defaultDatabase: database, dialect, status, errorCode });
    const missing = applied.unknown.filter(isCaptured);
    if (statement.kind === 'unknown' && statement.tables === null) {
      const { file, position } = logged.tx;
      const message = `a statement at ${file}:${position} is not understood and passed over: ${statement.reason}`;
      this.#options.logger.warn(`${message}; if it altered a captured table, restart with snapshot.mode=recovery`);
    }
    const truncated =
      statement.kind === 'truncate-table' && !config['skipped.operations'].includes('t')
        ? statement.tables.filter(isCaptured)
        : [];
    missing.push(...truncated.filter((table) => model.get(table.database, table.name) === null));
    const result = (found: readonly CatalogTable[]): CarriedOut => ({
      changes: [...this.#truncates(logged, truncated), ...this.#schemaChanges(logged, applied.events)],
      state: this.#history(applied.events, found, offset),
      isSchemaChanged: applied.events.length > 0 || found.length > 0,
    });
    return missing.length === 0 ? result([]) : this.#readCatalog(missing).then(result);
  }

  /** What no text tells: the tables as they are now, which may be later than the statement. Rows that do not fit are refused. */
  async #readCatalog(missing: readonly TableName[]): Promise<readonly CatalogTable[]> {
    const { readTables, model, logger } = this.#options;
    const found = await readTables(missing);
    for (const { schema } of found) model.set(schema);
    const names = missing.map(({ database, name }) => `${database}.${name}`);
    logger.info({ tables: names }, 'table definitions were read from the catalog: a statement did not tell them');
    return found;
  }

  #truncates({ tx, ordinal }: LoggedStatement, tables: readonly TableName[]): Change<BinlogTx>[] {
    const { model } = this.#options;
    const known = tables.map(({ database, name }) => model.get(database, name)).filter((schema) => schema !== null);
    return known.map((schema) => {
      return { kind: 'truncate', table: snapshotTable(schema, model.options.family), tx, ordinal, at: 0 };
    });
  }

  #schemaChanges({ tx, ordinal, statement }: LoggedStatement, events: readonly SchemaEvent[]): Change<BinlogTx>[] {
    if (!this.#options.config['include.schema.changes']) return [];
    return events
      .filter((event) => this.#isTold(event))
      .map(({ database, ddl, change }) => {
        const tables = change === null ? [] : [change];
        const subjects = subjectsOf(statement, events, database);
        return { kind: 'schema', database, ddl, tables, subjects, tx, ordinal, at: 0, snapshot: 'false' };
      });
  }

  #history(events: readonly SchemaEvent[], found: readonly CatalogTable[], position: SourceOffset): StateRecord[] {
    const { config, clock } = this.#options;
    const topic = config['schema.history.internal.kafka.topic'];
    const told: SchemaEvent[] = events.filter((event) => this.#isTold(event));
    for (const { schema: table, ddl } of found) {
      const { database, name } = table;
      told.push({ database, ddl, change: { type: 'ALTER', database, name, previous: null, table } });
    }
    return told.map(({ database, ddl, change }) => ({
      topic,
      key: null,
      value: formatHistoryRecord({
        source: { server: config['topic.prefix'] },
        position,
        timestampMs: clock(),
        database,
        ddl,
        changes: change === null ? [] : [change],
      }),
    }));
  }

  /** As Debezium: of the databases that are captured, and of what concerns no database. */
  #isTold({ database, change }: SchemaEvent): boolean {
    const { captured, config } = this.#options;
    if (change !== null && config['schema.history.internal.store.only.captured.tables.ddl']) {
      return captured.hasTable(change.database, change.name);
    }
    return database === '' || captured.hasDatabase(database);
  }
}

/** As Debezium: what a statement of several parts is about is told with each of its parts. */
function subjectsOf(statement: Statement, events: readonly SchemaEvent[], database: string): readonly string[] | null {
  if (statement.kind === 'create-database' || statement.kind === 'drop-database') return null;
  const tables =
    statement.kind === 'rename-table'
      ? statement.renames.map(({ to }) => to)
      : events.map(({ change }) => change).filter((change) => change !== null);
  return [...new Set(tables.filter((table) => table.database === database).map(({ name }) => name))];
}
