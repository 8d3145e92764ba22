import type { TableName } from './statement.ts';

/** A column's type in the server's own words: `INTEGER` is `int`, `BOOL` is `tinyint(1)`. */
export interface ColumnType {
  /**
   * As information_schema's DATA_TYPE names it, lower case; but `text(n)` and `blob(n)` become the smallest type that
   * holds n characters of the column's set, which a column alone does not know.
   */
  readonly name: string;
  /** Length, precision and scale, or fractional digits, as far as they are written or implied by the name (`char` is `char(1)`). */
  readonly parameters: readonly number[];
  /** Labels of an enum or set. */
  readonly labels: readonly string[];
  readonly unsigned: boolean;
  readonly zerofill: boolean;
}

export interface ColumnDefinition {
  readonly name: string;
  readonly type: ColumnType;
  /** The type as written, attributes of the type included: `INT(11) UNSIGNED`. */
  readonly typeText: string;
  /** Character set and collation that the column names itself; null: the table's. */
  readonly charset: string | null;
  readonly collation: string | null;
  /** Null when neither NULL nor NOT NULL is written: nullable but for key columns and, by a session setting, TIMESTAMP. */
  readonly nullable: boolean | null;
  /** The default expression as written (`'a'`, `CURRENT_TIMESTAMP(3)`, `(uuid())`, `NULL`); null: none is written. */
  readonly defaultText: string | null;
  /** ON UPDATE CURRENT_TIMESTAMP: right behind a default of the moment, or by itself. */
  readonly onUpdate: 'with default' | 'alone' | null;
  readonly autoIncrement: boolean;
  /** `row-start` and `row-end`: the period columns of a MariaDB table with system versioning. */
  readonly generated: 'virtual' | 'stored' | 'row-start' | 'row-end' | null;
  readonly primaryKey: boolean;
  readonly unique: boolean;
  readonly invisible: boolean;
  readonly comment: string | null;
}

export interface TableDefinition {
  readonly columns: readonly ColumnDefinition[];
  /** Column names in the key's order, also where the key is written at its column; empty: no primary key. */
  readonly primaryKey: readonly string[];
  /** Columns of the unique keys that are written by themselves, not at a column; none of one with an expression in it. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** The table's default character set and collation as written; null: the database's. */
  readonly charset: string | null;
  readonly collation: string | null;
  readonly comment: string | null;
  /**
   * MariaDB: two hidden columns, row_start and row_end, follow unless they are declared, and the end is a last part of
   * the primary key that `primaryKey` does not name.
   */
  readonly systemVersioned: boolean;
}

/** Where ADD, MODIFY and CHANGE put a column; null: at the end, or where it is. */
export type ColumnPlace = { readonly after: string } | 'first' | null;

/**
 * One step of ALTER TABLE, in the order in which it is written. Not to be applied one after the other: `name` is the
 * column's before the statement (two can be swapped), AFTER names one as it is called behind it
 * (mysql_prepare_alter_table, sql/sql_table.cc).
 */
export type AlterAction =
  /** A column with `primaryKey` is then the primary key. */
  | {
      readonly kind: 'add-column';
      readonly column: ColumnDefinition;
      readonly place: ColumnPlace;
      readonly ifNotExists: boolean;
    }
  | { readonly kind: 'drop-column'; readonly name: string; readonly ifExists: boolean }
  /** MODIFY (same name) and CHANGE: the column is defined anew. */
  | {
      readonly kind: 'change-column';
      readonly name: string;
      readonly column: ColumnDefinition;
      readonly place: ColumnPlace;
      readonly ifExists: boolean;
    }
  | { readonly kind: 'rename-column'; readonly name: string; readonly to: string; readonly ifExists: boolean }
  /** `defaultText` null: DROP DEFAULT. */
  | {
      readonly kind: 'set-default';
      readonly name: string;
      readonly defaultText: string | null;
      readonly ifExists: boolean;
    }
  | { readonly kind: 'set-visibility'; readonly name: string; readonly invisible: boolean }
  | { readonly kind: 'add-primary-key'; readonly columns: readonly string[] }
  | { readonly kind: 'drop-primary-key' }
  | { readonly kind: 'add-unique-key'; readonly columns: readonly string[] }
  /**
   * CONVERT TO CHARACTER SET: every text column's set changes too, and TINYTEXT, TEXT and MEDIUMTEXT become the next
   * bigger type where a character may now take more bytes.
   */
  | { readonly kind: 'convert-charset'; readonly charset: string | null; readonly collation: string | null }
  | {
      readonly kind: 'table-options';
      readonly charset: string | null;
      readonly collation: string | null;
      readonly comment: string | null;
    }
  | { readonly kind: 'rename-table'; readonly to: TableName }
  /** Rows come or go without row events: DROP, TRUNCATE or EXCHANGE PARTITION, IMPORT TABLESPACE and their like. */
  | { readonly kind: 'move-rows'; readonly what: string }
  /** MariaDB's system versioning: two hidden columns come or go unless they are declared. */
  | { readonly kind: 'system-versioning'; readonly add: boolean }
  /** Indexes, constraints, partitioning, storage: nothing that a row image shows. */
  | { readonly kind: 'other'; readonly what: string };
