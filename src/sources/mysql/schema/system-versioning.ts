import type { ColumnSchema, TableSchema } from '../../../../decoders/table-schema.ts';

/**
 * MariaDB's system versioning adds two columns that no statement shows and every row image has, unless the table
 * declares columns of its own for them; the end is a last part of the primary key (sql/handler.cc, `vers_sys_fields`).
 */
const START = 'row_start';
const END = 'row_end';

function hiddenColumn(name: string): ColumnSchema {
  return {
    name,
    position: 0,
    typeName: 'TIMESTAMP',
    jdbcType: 2014,
    length: 6,
    scale: null,
    charset: null,
    optional: false,
    autoIncremented: false,
    generated: false,
    comment: null,
    hasDefault: false,
    defaultValue: null,
    labels: [],
  };
}

export function isHiddenColumn(column: ColumnSchema): boolean {
  return (column.name === START || column.name === END) && /^TIMESTAMP/.test(column.typeName) && column.length === 6;
}

/** With the hidden columns behind the others. */
export function withVersioning(table: TableSchema): TableSchema {
  if (hasVersioning(table)) return table;
  return { ...table, columns: [...table.columns, hiddenColumn(START), hiddenColumn(END)] };
}

export function withoutVersioning(table: TableSchema): TableSchema {
  if (!hasVersioning(table)) return table;
  return {
    ...table,
    columns: table.columns.filter((column) => !isHiddenColumn(column)),
    primaryKey: table.primaryKey.filter((name) => name !== END),
  };
}

export function hasVersioning(table: TableSchema): boolean {
  return table.columns.filter(isHiddenColumn).length === 2;
}

/** The key as the server has it. */
export function versionedKey(primaryKey: readonly string[], end: string = END): readonly string[] {
  return primaryKey.length === 0 || primaryKey.includes(end) ? primaryKey : [...primaryKey, end];
}
