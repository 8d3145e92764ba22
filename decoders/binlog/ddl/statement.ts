import type { AlterAction, TableDefinition } from './table-definition.ts';

/** As written, the default database filled in; empty where there was none. */
export interface TableName {
  readonly database: string;
  readonly name: string;
}

/** An XA transaction's name: both parts as hexadecimal text, as in `X'..'`. */
export interface Xid {
  readonly globalId: string;
  readonly branch: string;
  readonly formatId: number;
}

/**
 * What one statement of the binlog is, as far as change capture must know. `tables` are those whose rows or definition it
 * changes; tables that it only reads are not among them.
 */
export type Statement =
  | { readonly kind: 'begin' | 'commit' | 'rollback' }
  /** SAVEPOINT and RELEASE SAVEPOINT; changes nothing. */
  | { readonly kind: 'savepoint'; readonly action: 'set' | 'release'; readonly savepoint: string }
  /** ROLLBACK TO SAVEPOINT: what the transaction did since then is undone (only non-transactional tables leave it in the binlog). */
  | { readonly kind: 'rollback-to'; readonly savepoint: string }
  | {
      readonly kind: 'xa';
      readonly action: 'start' | 'end' | 'prepare' | 'commit' | 'rollback';
      readonly xid: Xid;
      readonly onePhase: boolean;
    }
  | {
      readonly kind: 'create-table';
      readonly tables: readonly [TableName];
      readonly ifNotExists: boolean;
      readonly orReplace: boolean;
      /** CREATE TABLE ... LIKE: the columns are that table's. */
      readonly like: TableName | null;
      /** Null where it is another table's or a SELECT's, or in a form that we do not know: read the catalog. */
      readonly definition: TableDefinition | null;
      /** MySQL's form of CREATE TABLE ... SELECT in a row-format binlog: rows of the same transaction follow. */
      readonly startsTransaction: boolean;
      /** It puts the rows of a query into the table, and no event tells them: so only a binlog in statement format has it. */
      readonly selectsRows: boolean;
    }
  | {
      readonly kind: 'alter-table';
      /** First the altered one, then the name that it gets and every other one whose rows or definition change. */
      readonly tables: readonly [TableName, ...TableName[]];
      /** Null in a form that we do not know: then `tables` are all that the text could name, and the catalog must be read. */
      readonly actions: readonly AlterAction[] | null;
    }
  | { readonly kind: 'drop-table'; readonly tables: readonly TableName[]; readonly ifExists: boolean }
  | { readonly kind: 'truncate-table'; readonly tables: readonly [TableName] }
  | {
      readonly kind: 'rename-table';
      readonly tables: readonly TableName[];
      /** In the order in which the server carries them out: a later one may take up a name that an earlier one left. */
      readonly renames: readonly { readonly from: TableName; readonly to: TableName }[];
    }
  /** A MariaDB sequence, which is a table of one row. */
  | { readonly kind: 'sequence'; readonly action: 'create' | 'alter' | 'drop'; readonly tables: readonly TableName[] }
  | {
      readonly kind: 'create-database' | 'alter-database' | 'drop-database';
      readonly database: string;
      readonly charset: string | null;
      readonly collation: string | null;
    }
  /**
   * Rows changed by a statement instead of row events. Triggers, views and stored functions can reach other tables than
   * those that it names.
   */
  | {
      readonly kind: 'dml';
      readonly verb: string;
      /** Where the form is simple the target; else every table that the text could name. */
      readonly tables: readonly TableName[];
    }
  /** Certainly changes no table: accounts, routines, views, settings, maintenance, temporary tables, an empty statement. */
  | { readonly kind: 'no-table'; readonly what: string }
  | {
      readonly kind: 'unknown';
      /** What was expected where; names and positions, no literals. */
      readonly reason: string;
      /** Every table that the text could name, or null when the text could not be read to its end or could name none and touch any. */
      readonly tables: readonly TableName[] | null;
    };

/** What is captured. Servers with `lower_case_table_names` should compare without case. */
export interface CapturedTables {
  hasTable(database: string, name: string): boolean;
  /** True when a table of this database is captured, or could be. */
  hasDatabase(database: string): boolean;
}

/**
 * False only if the statement cannot change a captured table's definition or rows, as far as its text tells: see `dml`
 * for what no text tells.
 */
export function mayTouch(statement: Statement, captured: CapturedTables): boolean {
  switch (statement.kind) {
    case 'create-table':
    case 'alter-table':
    case 'drop-table':
    case 'truncate-table':
    case 'rename-table':
    case 'sequence':
    case 'dml':
      return statement.tables.some(({ database, name }) => captured.hasTable(database, name));
    case 'create-database':
    case 'alter-database':
    case 'drop-database':
      return captured.hasDatabase(statement.database);
    case 'unknown':
      return (
        statement.tables === null ||
        statement.tables.some(({ database, name }) => captured.hasTable(database, name) || captured.hasDatabase(name))
      );
    case 'begin':
    case 'commit':
    case 'rollback':
    case 'savepoint':
    case 'rollback-to':
    case 'xa':
    case 'no-table':
      return false;
    default:
      return statement satisfies never;
  }
}
