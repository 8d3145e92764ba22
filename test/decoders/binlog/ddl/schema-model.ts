import type { Statement, TableName } from '../../../../decoders/binlog/ddl/statement.ts';
import type {
  AlterAction,
  ColumnDefinition,
  ColumnPlace,
  TableDefinition,
} from '../../../../decoders/binlog/ddl/table-definition.ts';

/** A column as the DDL tells it, in the terms in which information_schema can be asked. */
export interface ModelColumn {
  readonly name: string;
  readonly type: string;
  readonly charset: string | null;
  readonly nullable: boolean;
}

interface ModelTable {
  charset: string;
  columns: ModelColumn[];
  primaryKey: string[];
}

const TEXT = ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'enum', 'set'];

/** Tables as a stream of classified statements leaves them; a table whose definition a statement does not tell is forgotten. */
export class SchemaModel {
  readonly tables = new Map<string, ModelTable>();

  apply(statement: Statement): void {
    switch (statement.kind) {
      case 'create-table': {
        const [table] = statement.tables;
        const like = statement.like === null ? undefined : this.tables.get(key(statement.like));
        if (statement.ifNotExists && this.tables.has(key(table))) break;
        this.tables.delete(key(table));
        if (like !== undefined) this.tables.set(key(table), structuredClone(like));
        if (statement.definition !== null) this.tables.set(key(table), create(statement.definition));
        break;
      }
      case 'drop-table':
        for (const table of statement.tables) this.tables.delete(key(table));
        break;
      case 'drop-database':
        for (const table of this.tables.keys())
          if (table.startsWith(`${statement.database}.`)) this.tables.delete(table);
        break;
      case 'rename-table':
        for (const { from, to } of statement.renames) this.#rename(from, to);
        break;
      case 'alter-table': {
        const [table] = statement.tables;
        const model = this.tables.get(key(table));
        if (statement.actions === null) this.tables.delete(key(table));
        else if (model !== undefined) alter(model, statement.actions);
        for (const action of statement.actions ?? [])
          if (action.kind === 'rename-table') this.#rename(table, action.to);
        break;
      }
      default:
    }
  }

  #rename(from: TableName, to: TableName): void {
    const model = this.tables.get(key(from));
    this.tables.delete(key(from));
    if (model !== undefined) this.tables.set(key(to), model);
  }
}

export function key({ database, name }: TableName): string {
  return `${database}.${name}`;
}

function create(definition: TableDefinition): ModelTable {
  const table: ModelTable = {
    charset: charsetOf(definition, 'utf8mb4'),
    columns: [],
    primaryKey: [...definition.primaryKey],
  };
  for (const column of definition.columns) table.columns.push(modelColumn(column, table));
  keyIsNotNull(table);
  return table;
}

function keyIsNotNull(table: ModelTable): void {
  table.columns = table.columns.map((c) => (table.primaryKey.includes(c.name) ? { ...c, nullable: false } : c));
}

function charsetOf(
  named: { readonly charset: string | null; readonly collation: string | null },
  fallback: string,
): string {
  const charset = named.charset ?? named.collation?.split('_')[0] ?? fallback;
  return charset === 'utf8' ? 'utf8mb3' : charset;
}

/** `varchar(20)`, `decimal(10,2) unsigned`, `enum('a','b')`; no display widths. */
function modelColumn(column: ColumnDefinition, table: ModelTable): ModelColumn {
  const { name: type, parameters, labels, unsigned } = column.type;
  const isInteger = type.endsWith('int') && type !== 'point';
  let text: string = type;
  if (labels.length > 0) text += `(${labels.map((label) => `'${label.replaceAll("'", "''")}'`).join(',')})`;
  else if (parameters.length > 0 && !isInteger && !['float', 'double', 'year'].includes(type) && parameters[0] !== 0) {
    text += `(${parameters.join(',')})`;
  }
  if (unsigned) text += ' unsigned';
  return {
    name: column.name,
    type: text,
    charset: TEXT.includes(type) ? charsetOf(column, table.charset) : null,
    nullable: column.nullable ?? !column.primaryKey,
  };
}

const BYTES_PER_CHARACTER: Readonly<Record<string, number>> = { ucs2: 2, utf8mb3: 3, utf8mb4: 4 };

/** A text column goes up one size when its characters may need more bytes. */
function converted(column: ModelColumn, charset: string): ModelColumn {
  const grows = (BYTES_PER_CHARACTER[charset] ?? 1) > (BYTES_PER_CHARACTER[column.charset!] ?? 1);
  const sizes = ['tinytext', 'text', 'mediumtext', 'longtext'];
  const size = sizes.indexOf(column.type);
  return { ...column, charset, type: grows && size !== -1 ? sizes[Math.min(size + 1, 3)]! : column.type };
}

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/**
 * As the servers do it (mysql_prepare_alter_table, sql/sql_table.cc): the names of existing columns are those before
 * the statement, so that two can be swapped; once all are dropped, renamed and defined anew where they are, columns are
 * added and moved in the order of the actions, and AFTER names a column as it is then called.
 */
function alter(table: ModelTable, actions: readonly AlterAction[]): void {
  const convert = actions.find((action) => action.kind === 'convert-charset' || action.kind === 'table-options');
  if (convert !== undefined && (convert.charset ?? convert.collation) !== null) {
    table.charset = charsetOf(convert, table.charset);
    if (convert.kind === 'convert-charset') {
      table.columns = table.columns.map((c) => (c.charset === null ? c : converted(c, table.charset)));
    }
  }
  const before = table.columns;
  const renamed = new Map<string, string>();
  table.columns = before.flatMap((column) => {
    let result: ModelColumn | null = column;
    for (const action of actions) {
      if (!('name' in action) || !sameName(action.name, column.name)) continue;
      if (action.kind === 'drop-column') result = null;
      if (action.kind === 'rename-column') result = { ...column, name: action.to };
      if (action.kind === 'change-column') result = modelColumn(action.column, table);
    }
    if (result !== null) renamed.set(column.name.toLowerCase(), result.name);
    return result === null ? [] : [result];
  });
  table.primaryKey = table.primaryKey.flatMap((name) => renamed.get(name.toLowerCase()) ?? []);
  for (const action of actions) {
    if (action.kind === 'drop-primary-key') table.primaryKey = [];
    if (action.kind === 'add-column') {
      if (action.ifNotExists && before.some(({ name }) => sameName(name, action.column.name))) continue;
      insert(table, modelColumn(action.column, table), action.place);
    }
    if (action.kind === 'change-column' && action.place !== null) {
      const at = table.columns.findIndex(({ name }) => sameName(name, action.column.name));
      if (at !== -1) insert(table, table.columns.splice(at, 1)[0]!, action.place);
    }
  }
  for (const action of actions) {
    if (action.kind === 'add-primary-key') table.primaryKey = [...action.columns];
    if (action.kind === 'add-column' && action.column.primaryKey) table.primaryKey = [action.column.name];
  }
  keyIsNotNull(table);
}

function insert(table: ModelTable, column: ModelColumn, where: ColumnPlace): void {
  if (where === 'first') table.columns.unshift(column);
  else if (where === null) table.columns.push(column);
  else table.columns.splice(table.columns.findIndex(({ name }) => sameName(name, where.after)) + 1, 0, column);
}
