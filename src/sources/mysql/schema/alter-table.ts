import type { AlterAction, ColumnPlace } from '../../../../decoders/binlog/ddl/table-definition.ts';
import type { ColumnSchema, TableSchema } from '../../../../decoders/table-schema.ts';
import { charsetOf } from './charset-name.ts';
import { type ColumnContext, ColumnMaker, convertedColumn } from './column-schema.ts';
import { isNotNull, sameName, withKey, withUniqueKey } from './create-table.ts';
import { defaultValue } from './default-value.ts';
import { hasVersioning, isHiddenColumn, versionedKey, withoutVersioning, withVersioning } from './system-versioning.ts';

/**
 * A table as ALTER TABLE leaves it, but for its name. As the servers do it (mysql_prepare_alter_table,
 * sql/sql_table.cc): the names of existing columns are those before the statement, so that two can be swapped; once all
 * are dropped, renamed and defined anew where they are, columns are added and moved in the order of the actions, and
 * AFTER names a column as it is then called. `context.charset` is the database's.
 */
export function alterTable(before: TableSchema, actions: readonly AlterAction[], context: ColumnContext): TableSchema {
  const table = withOptions(before, actions, context);
  const maker = new ColumnMaker({ ...context, charset: table.charset });
  let columns = table.columns.flatMap((column) => changed(column, actions, maker, context) ?? []);
  const renamed = renames(actions);
  let key = table.primaryKey.flatMap((name) => {
    const now = renamed.get(name.toLowerCase()) ?? name;
    return columns.some((column) => sameName(column.name, now)) ? [now] : [];
  });

  for (const action of actions) {
    if (action.kind === 'drop-primary-key') key = [];
    if (action.kind === 'add-column') {
      const exists = before.columns.some(({ name }) => sameName(name, action.column.name));
      if (exists && action.ifNotExists) continue;
      // A statement that was carried out already, replayed: the column is defined as it is.
      columns = columns.filter(({ name }) => !exists || !sameName(name, action.column.name));
      columns = inserted(columns, maker.make(action.column), action.place);
    }
    if (action.kind === 'set-default') {
      // Also of a column that the same statement added.
      const isAdded = ({ name }: ColumnSchema): boolean =>
        sameName(name, action.name) && !before.columns.some((old) => sameName(old.name, name));
      columns = columns.map((column) => (isAdded(column) ? withDefault(column, action, context) : column));
    }
    if (action.kind !== 'change-column') continue;
    const isNew = !before.columns.some(({ name }) => sameName(name, action.name));
    const found = columns.find(({ name }) => sameName(name, action.column.name));
    if (found === undefined || (action.place === null && !isNew)) continue;
    // A column that the same statement added, known by its new name, is defined anew; at the end if no place is said.
    columns = inserted(without(columns, found), isNew ? maker.make(action.column) : found, action.place);
  }
  const altered = { ...table, columns: maker.withDefaults(columns) };
  const added = addedKeys(columns, actions);
  if (added.primary !== null) return versioned(withKey(altered, added.primary), actions);
  if (key.length > 0 && table.keyIsUnique !== true) return versioned(withKey(altered, key), actions);
  return versioned(withUniqueKey(altered, key.length > 0 ? key : (added.unique ?? [])), actions);
}

/**
 * False where only the server can tell what becomes of the table: labels that are converted to or from wide characters or
 * bytes, which MySQL garbles, and the sizes that it gives to texts which one statement defines and converts.
 */
export function isTold(table: TableSchema, actions: readonly AlterAction[]): boolean {
  const convert = actions.find((action) => action.kind === 'convert-charset');
  if (convert === undefined) return true;
  const defines = actions.some(
    (action) =>
      (action.kind === 'add-column' || action.kind === 'change-column') && /text|blob/.test(action.column.type.name),
  );
  const to = charsetOf(convert, null) ?? '';
  const labels = table.columns.some(
    (column) => column.labels.length > 0 && (WIDE.test(to) || WIDE.test(column.charset ?? '')),
  );
  return !defines && !labels;
}

const WIDE = /^(?:ucs2|utf16|utf32|binary)/;

function withOptions(table: TableSchema, actions: readonly AlterAction[], context: ColumnContext): TableSchema {
  let { charset, columns, comment } = table;
  for (const action of actions) {
    if (action.kind === 'convert-charset') {
      charset = charsetOf(action, action.collation === null ? context.charset : charset);
      columns = columns.map((column) => convertedColumn(column, charset));
    } else if (action.kind === 'table-options') {
      if (action.comment !== null) comment = context.comments ? action.comment : null;
      else charset = charsetOf(action, action.collation === null ? context.charset : charset);
    }
  }
  return { ...table, charset, columns, comment };
}

/** An existing column behind what the actions do with it where it is; null: dropped. */
function changed(
  column: ColumnSchema,
  actions: readonly AlterAction[],
  maker: ColumnMaker,
  context: ColumnContext,
): ColumnSchema | null {
  let result = column;
  for (const action of actions) {
    if (!('name' in action) || !sameName(action.name, column.name)) continue;
    if (action.kind === 'drop-column') return null;
    if (action.kind === 'rename-column') result = { ...result, name: action.to };
    if (action.kind === 'change-column') result = maker.make(action.column);
    if (action.kind === 'set-default') result = withDefault(result, action, context);
  }
  return result;
}

function withDefault(
  column: ColumnSchema,
  { defaultText }: AlterAction & { kind: 'set-default' },
  { dialect }: ColumnContext,
): ColumnSchema {
  // The server takes a default of an AUTO_INCREMENT column and forgets it; the mark has other columns, too: ON UPDATE.
  if (column.autoIncremented && !/^(?:TIMESTAMP|DATETIME)\b/.test(column.typeName)) return column;
  return { ...column, ...defaultValue(defaultText, column.optional, dialect) };
}

/** New names by those before, in lower case. */
function renames(actions: readonly AlterAction[]): ReadonlyMap<string, string> {
  const renamed = new Map<string, string>();
  for (const action of actions) {
    if (action.kind === 'rename-column') renamed.set(action.name.toLowerCase(), action.to);
    if (action.kind === 'change-column') renamed.set(action.name.toLowerCase(), action.column.name);
  }
  return renamed;
}

interface AddedKeys {
  readonly primary: readonly string[] | null;
  /** The first that is as good as a primary key. */
  readonly unique: readonly string[] | null;
}

function addedKeys(columns: readonly ColumnSchema[], actions: readonly AlterAction[]): AddedKeys {
  let primary: readonly string[] | null = null;
  let unique: readonly string[] | null = null;
  for (const action of actions) {
    if (action.kind === 'add-primary-key') primary = action.columns;
    if (action.kind === 'add-unique-key') unique ??= isNotNull(action.columns, columns) ? action.columns : null;
    if (action.kind !== 'add-column' && action.kind !== 'change-column') continue;
    const { name, primaryKey, unique: isUnique } = action.column;
    if (primaryKey) primary = [name];
    else if (isUnique && isNotNull([name], columns)) unique ??= [name];
  }
  return { primary, unique };
}

function versioned(table: TableSchema, actions: readonly AlterAction[]): TableSchema {
  const action = actions.findLast((one) => one.kind === 'system-versioning');
  const declaresEnd = actions.some((one) => one.kind === 'add-column' && one.column.generated === 'row-end');
  let result = table;
  if (action?.kind === 'system-versioning') {
    if (!action.add) result = withoutVersioning(table);
    else if (!declaresEnd) result = withVersioning(table);
  }
  if (result.keyIsUnique === true) return withUniqueKey(result, result.primaryKey);
  return withKey(result, hasVersioning(result) ? versionedKey(result.primaryKey) : result.primaryKey);
}

function without(columns: readonly ColumnSchema[], column: ColumnSchema): readonly ColumnSchema[] {
  return columns.filter((one) => one !== column);
}

function inserted(columns: readonly ColumnSchema[], column: ColumnSchema, place: ColumnPlace): ColumnSchema[] {
  if (place === 'first') return [column, ...columns];
  if (place === null) {
    const shown = columns.filter((one) => !isHiddenColumn(one));
    return [...shown, column, ...columns.filter(isHiddenColumn)];
  }
  const at = columns.findIndex(({ name }) => sameName(name, place.after)) + 1;
  return [...columns.slice(0, at), column, ...columns.slice(at)];
}
