import type { Statement, TableName } from '../../../../decoders/binlog/ddl/statement.ts';
import type { AlterAction } from '../../../../decoders/binlog/ddl/table-definition.ts';
import type { ServerFamily } from '../../../../decoders/binlog/format-description.ts';
import { NO_STATUS } from '../../../../decoders/binlog/query-status.ts';
import type { TableChange, TableSchema } from '../../../../decoders/table-schema.ts';
import { alterTable, isTold } from './alter-table.ts';
import { charsetOf, charsetOfId } from './charset-name.ts';
import type { ColumnContext } from './column-schema.ts';
import { createTable } from './create-table.ts';
import { ddlPieces } from './ddl-pieces.ts';
import { type SchemaEvent, type StatementContext, schemaEvents } from './schema-events.ts';
import { sequenceTable } from './sequence.ts';

export interface SchemaModelOptions {
  readonly family: ServerFamily;
  /** `lower_case_table_names` of the server: 0 names differ by case, 1 names are stored in lower case, 2 they are compared without case. */
  readonly lowerCaseTableNames: 0 | 1 | 2;
  /** `include.schema.comments`; false: comments are null everywhere. */
  readonly comments: boolean;
  /**
   * The server's `explicit_defaults_for_timestamp`, for statements whose event does not tell the session's. ON is the
   * servers' default (MySQL 8.0, MariaDB 10.10 and newer).
   */
  readonly explicitDefaultsForTimestamp: boolean;
}

export interface AppliedDdl {
  /** Empty of statements that no history records: DML, transactions, accounts, routines, views, TRUNCATE. */
  readonly events: readonly SchemaEvent[];
  /** Those of {@link events}. */
  readonly changes: readonly TableChange[];
  /** Tables whose definition the model had to forget, or never knew: the catalog must be read, and the table {@link SchemaModel.set}. */
  readonly unknown: readonly TableName[];
}

/** The tables of a server as its DDL leaves them. What no text tells is forgotten rather than kept wrong. */
export class SchemaModel {
  readonly options: SchemaModelOptions;
  /** `character_set_server`, where it is known otherwise than from query events. */
  serverCharset: string | null = null;
  readonly #tables = new Map<string, TableSchema>();
  readonly #databaseCharsets = new Map<string, string>();

  constructor(options: SchemaModelOptions) {
    this.options = options;
  }

  get(database: string, name: string): TableSchema | null {
    return this.#tables.get(this.#key({ database, name })) ?? null;
  }

  tables(): readonly TableSchema[] {
    return [...this.#tables.values()];
  }

  set(table: TableSchema): void {
    this.#tables.set(this.#key(table), table);
  }

  forget(table: TableName): void {
    this.#tables.delete(this.#key(table));
  }

  setDatabaseCharset(database: string, charset: string): void {
    this.#databaseCharsets.set(this.#folded(database), charset);
  }

  databaseCharset(database: string): string | null {
    return this.#databaseCharsets.get(this.#folded(database)) ?? null;
  }

  /** Takes up what a statement did, also where it did it before: a history may hold what is read again. */
  apply(statement: Statement, context: StatementContext): AppliedDdl {
    const { changes, unknown } = this.#applied(statement, context);
    return { events: schemaEvents(statement, context, changes), changes: changes.filter((c) => c !== null), unknown };
  }

  /** Changes go by the pieces of the statement's text; null stands for one without. */
  #applied(statement: Statement, context: StatementContext): Applied {
    if ((context.errorCode ?? 0) !== 0) return this.#failed(statement);
    switch (statement.kind) {
      case 'create-table':
        return this.#create(statement, context);
      case 'alter-table':
        return this.#alter(statement, context);
      case 'drop-table':
        for (const table of statement.tables) this.forget(table);
        return { changes: statement.tables.map((table) => this.#change('DROP', table, null)), unknown: [] };
      case 'rename-table':
        return this.#renameAll(statement.renames);
      case 'sequence':
        for (const table of statement.tables) {
          if (statement.action === 'drop') this.forget(table);
          else this.set(sequenceTable(this.#named(table)));
        }
        return NOTHING;
      case 'create-database':
      case 'alter-database': {
        const charset = charsetOf(statement, statement.kind === 'create-database' ? this.#ofServer(context) : null);
        if (charset !== null) this.setDatabaseCharset(statement.database, charset);
        return NOTHING;
      }
      case 'drop-database': {
        const database = this.#folded(statement.database);
        for (const table of this.tables()) if (this.#folded(table.database) === database) this.forget(table);
        this.#databaseCharsets.delete(database);
        return NOTHING;
      }
      case 'unknown':
        return { changes: [null], unknown: statement.tables ?? [] };
      default:
        return NOTHING;
    }
  }

  /** What a statement did before it failed only the catalog tells, but for CREATE OR REPLACE: its table is gone. */
  #failed(statement: Statement): Applied {
    const touched = 'tables' in statement ? (statement.tables ?? []) : [];
    for (const table of touched) this.forget(table);
    const isGone = statement.kind === 'create-table' && statement.orReplace;
    return { changes: [isGone ? this.#change('DROP', touched[0]!, null) : null], unknown: touched };
  }

  #create(statement: Statement & { kind: 'create-table' }, context: StatementContext): Applied {
    const [table] = statement.tables;
    if (statement.ifNotExists && this.get(table.database, table.name) !== null) return NOTHING;
    const like = statement.like === null ? null : this.get(statement.like.database, statement.like.name);
    let created: TableSchema | null = like === null ? null : { ...like, ...this.#named(table) };
    if (statement.definition !== null) {
      created = createTable(this.#named(table), statement.definition, this.#columnContext(table.database, context));
    }
    if (created === null) {
      this.forget(table);
      return { changes: [null], unknown: [table] };
    }
    this.set(created);
    return { changes: [this.#change('CREATE', created, created)], unknown: [] };
  }

  #alter(statement: Statement & { kind: 'alter-table' }, context: StatementContext): Applied {
    const [table] = statement.tables;
    const known = this.get(table.database, table.name);
    if (statement.actions === null || (known !== null && !isTold(known, statement.actions))) {
      const touched = statement.tables.filter(({ database, name }) => this.get(database, name) !== null);
      for (const one of touched) this.forget(one);
      // Of a form that is known the names are the tables; else the text names much that is none.
      const others = statement.actions === null ? touched : statement.tables;
      return { changes: [null], unknown: [table, ...others.filter((one) => this.#key(one) !== this.#key(table))] };
    }
    const to = statement.actions.findLast((action) => action.kind === 'rename-table')?.to ?? null;
    if (known === null) {
      if (to !== null) this.forget(to);
      return { changes: [null], unknown: [to ?? table] };
    }
    const partitioned = this.#partitions(statement.actions, statement.tables[1] ?? null, known);
    const altered = alterTable(known, statement.actions, this.#columnContext(table.database, context));
    const after = to === null ? altered : { ...altered, ...this.#named(to) };
    this.forget(table);
    this.set(after);
    // An index by a statement of its own is no change of the table, unless it becomes its key.
    const isIndexOnly = INDEX_STATEMENT.test(ddlPieces(statement, context.ddl, context.dialect)[0]!);
    if (isIndexOnly && after.primaryKey.join() === known.primaryKey.join()) return { changes: [null], unknown: [] };
    const change = this.#change('ALTER', after, after, to === null ? null : known);
    return { changes: [change, ...partitioned], unknown: [] };
  }

  /** MariaDB makes a table of a partition, or a partition of a table. */
  #partitions(actions: readonly AlterAction[], other: TableName | null, table: TableSchema): readonly TableChange[] {
    const moved = actions.find((action) => action.kind === 'move-rows')?.what;
    if (other === null || (moved !== 'CONVERT PARTITION' && moved !== 'CONVERT TABLE')) return [];
    if (moved === 'CONVERT TABLE') {
      this.forget(other);
      return [this.#change('DROP', other, null)];
    }
    const made = { ...table, ...this.#named(other) };
    this.set(made);
    return [this.#change('CREATE', made, made)];
  }

  /** A name that a later rename gives up again has no table behind the statement, and so no change, as in Debezium. */
  #renameAll(renames: readonly { readonly from: TableName; readonly to: TableName }[]): Applied {
    const unknown: TableName[] = [];
    for (const { from, to } of renames) {
      const table = this.get(from.database, from.name);
      this.forget(from);
      this.forget(to);
      if (table !== null) this.set({ ...table, ...this.#named(to) });
      else unknown.push(to);
    }
    const changes = renames.map(({ from, to }) => {
      const table = this.get(to.database, to.name);
      return table === null ? null : this.#change('ALTER', table, table, this.#named(from));
    });
    return { changes, unknown };
  }

  #columnContext(database: string, context: StatementContext): ColumnContext {
    const { explicitDefaultsForTimestamp, comments } = this.options;
    return {
      dialect: context.dialect,
      charset: this.#charsetOfDatabase(database, context),
      explicitDefaultsForTimestamp: context.status?.explicitDefaultsForTimestamp ?? explicitDefaultsForTimestamp,
      comments,
    };
  }

  #charsetOfDatabase(database: string, context: StatementContext): string | null {
    const known = this.databaseCharset(database);
    if (known !== null) return known;
    const isDefault = this.#folded(database) === this.#folded(context.defaultDatabase);
    const { databaseCollation } = context.status ?? NO_STATUS;
    return (isDefault ? charsetOfId(databaseCollation) : null) ?? this.#ofServer(context);
  }

  #ofServer(context: StatementContext): string | null {
    return charsetOfId((context.status ?? NO_STATUS).serverCollation) ?? this.serverCharset;
  }

  #change(
    type: TableChange['type'],
    name: TableName,
    table: TableSchema | null,
    previous: TableName | null = null,
  ): TableChange {
    const from = previous === null ? null : { database: previous.database, name: previous.name };
    return { type, ...this.#named(name), previous: from, table };
  }

  #named({ database, name }: TableName): { database: string; name: string } {
    const lower = this.options.lowerCaseTableNames === 1;
    return { database: lower ? database.toLowerCase() : database, name: lower ? name.toLowerCase() : name };
  }

  #folded(name: string): string {
    return this.options.lowerCaseTableNames === 0 ? name : name.toLowerCase();
  }

  /** A zero separates: it is in no name. */
  #key({ database, name }: TableName): string {
    return this.#folded(`${database}\0${name}`);
  }
}

interface Applied {
  readonly changes: readonly (TableChange | null)[];
  readonly unknown: readonly TableName[];
}

/** CREATE INDEX and DROP INDEX, the former as {@link ddlPieces} cuts it. */
const INDEX_STATEMENT = /^(?:SET\s+STATEMENT\b.*?\bFOR\s+)?(?:CREATE|DROP|UNIQUE|FULLTEXT|SPATIAL|VECTOR|INDEX)\b/is;

const NOTHING: Applied = { changes: [], unknown: [] };
