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
        else if (model !== undefined) for (const action of statement.actions) alter(model, action);
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

function place(table: ModelTable, column: ModelColumn, where: ColumnPlace): void {
  if (where === 'first') table.columns.unshift(column);
  else if (where === null) table.columns.push(column);
  else table.columns.splice(table.columns.findIndex(({ name }) => name === where.after) + 1, 0, column);
}

const BYTES_PER_CHARACTER: Readonly<Record<string, number>> = { ucs2: 2, utf8mb3: 3, utf8mb4: 4 };

/** A text column goes up one size when its characters may need more bytes. */
function converted(column: ModelColumn, charset: string): ModelColumn {
  const grows = (BYTES_PER_CHARACTER[charset] ?? 1) > (BYTES_PER_CHARACTER[column.charset!] ?? 1);
  const sizes = ['tinytext', 'text', 'mediumtext', 'longtext'];
  const size = sizes.indexOf(column.type);
  return { ...column, charset, type: grows && size !== -1 ? sizes[Math.min(size + 1, 3)]! : column.type };
}

function alter(table: ModelTable, action: AlterAction): void {
  const indexOf = (name: string): number => table.columns.findIndex((c) => c.name.toLowerCase() === name.toLowerCase());
  switch (action.kind) {
    case 'add-column':
      if (action.ifNotExists && indexOf(action.column.name) !== -1) break;
      place(table, modelColumn(action.column, table), action.place);
      if (action.column.primaryKey) table.primaryKey = [action.column.name];
      break;
    case 'drop-column': {
      const at = indexOf(action.name);
      if (at !== -1) table.columns.splice(at, 1);
      table.primaryKey = table.primaryKey.filter((name) => name.toLowerCase() !== action.name.toLowerCase());
      break;
    }
    case 'change-column': {
      const at = indexOf(action.name);
      if (at === -1) break;
      const column = modelColumn(action.column, table);
      table.columns.splice(at, 1, column);
      if (action.place !== null) place(table, table.columns.splice(at, 1)[0]!, action.place);
      table.primaryKey = table.primaryKey.map((name) =>
        name.toLowerCase() === action.name.toLowerCase() ? column.name : name,
      );
      break;
    }
    case 'rename-column': {
      const at = indexOf(action.name);
      table.columns[at] = { ...table.columns[at]!, name: action.to };
      table.primaryKey = table.primaryKey.map((name) => (name === action.name ? action.to : name));
      break;
    }
    case 'add-primary-key':
      table.primaryKey = [...action.columns];
      break;
    case 'drop-primary-key':
      table.primaryKey = [];
      break;
    case 'convert-charset':
      table.charset = charsetOf(action, table.charset);
      table.columns = table.columns.map((c) => (c.charset === null ? c : converted(c, table.charset)));
      break;
    case 'table-options':
      table.charset = charsetOf(action, table.charset);
      break;
    default:
  }
  keyIsNotNull(table);
}
