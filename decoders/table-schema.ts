/**
 * What DDL, or SHOW CREATE TABLE, says about a column, in the terms of Debezium's schema history
 * (io.debezium.relational.Column): what the log's own description of a table leaves out is known from here.
 */
export interface ColumnSchema {
  readonly name: string;
  /** From 1. */
  readonly position: number;
  /** Upper case with its attributes, as the server names it: `INT UNSIGNED`, `VARCHAR`, `DECIMAL UNSIGNED ZEROFILL`. */
  readonly typeName: string;
  /** java.sql.Types, as Debezium has it for the type. */
  readonly jdbcType: number;
  /** Of characters, bytes, bits, digits of a number or of the second; null: none. */
  readonly length: number | null;
  readonly scale: number | null;
  /** Effective character set of a text column, also where it is the table's or the database's; null of other types. */
  readonly charset: string | null;
  /** May hold NULL. */
  readonly optional: boolean;
  readonly autoIncremented: boolean;
  readonly generated: boolean;
  readonly comment: string | null;
  readonly hasDefault: boolean;
  /** Without quotes, an expression such as CURRENT_TIMESTAMP as it is written; null with `hasDefault`: DEFAULT NULL. */
  readonly defaultValue: string | null;
  /** Labels of an ENUM or SET, without quotes. */
  readonly labels: readonly string[];
}

/** One version of a table as its DDL has it. */
export interface TableSchema {
  readonly database: string;
  readonly name: string;
  /** By position. */
  readonly columns: readonly ColumnSchema[];
  /** Column names in the key's order. */
  readonly primaryKey: readonly string[];
  /** `primaryKey` is that of a unique key, whose columns are all NOT NULL: the table has no primary key. */
  readonly keyIsUnique?: true;
  readonly charset: string | null;
  readonly comment: string | null;
}

/** What a statement did to a table; `table` is null of one that is gone. */
export interface TableChange {
  readonly type: 'CREATE' | 'ALTER' | 'DROP';
  readonly database: string;
  readonly name: string;
  /** What a renamed table was called before. */
  readonly previous: { readonly database: string; readonly name: string } | null;
  readonly table: TableSchema | null;
}
