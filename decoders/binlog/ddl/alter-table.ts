import { parseColumnDefinition, parseDefault } from './column-definition.ts';
import { acceptCharset, parseCharsetName } from './column-type.ts';
import type { TableName } from './statement.ts';
import type { AlterAction, ColumnPlace } from './table-definition.ts';
import { parseKeyOrConstraint, parseTableElement, type TableElement } from './table-element.ts';
import { acceptTextOption, skipOption } from './table-options.ts';
import type { TokenReader } from './token-reader.ts';

export interface AlterActions {
  readonly actions: readonly AlterAction[];
  /** Other tables that change too: the new name, the partner of an exchange. */
  readonly otherTables: readonly TableName[];
}

/** Everything behind the table's name in ALTER TABLE, to the end. Throws NotUnderstood on any form that is not known. */
export function parseAlterActions(reader: TokenReader): AlterActions {
  const actions: AlterAction[] = [];
  const otherTables: TableName[] = [];
  if (reader.accept('WAIT')) reader.next();
  else reader.accept('NOWAIT');
  while (!reader.isAtEnd) {
    const mark = reader.mark;
    parseAction(reader, actions, otherTables);
    if (reader.mark === mark) throw reader.notUnderstood('an action of ALTER TABLE');
    // Options, PARTITION BY and REMOVE PARTITIONING may follow without a comma.
    reader.accept(',');
  }
  return { actions, otherTables };
}

function parseAction(reader: TokenReader, actions: AlterAction[], otherTables: TableName[]): void {
  if (reader.accept('ADD')) parseAdd(reader, actions);
  else if (reader.accept('DROP')) parseDrop(reader, actions);
  else if (reader.accept('MODIFY')) {
    reader.accept('COLUMN');
    const ifExists = reader.accept('IF', 'EXISTS');
    const column = parseColumnDefinition(reader);
    actions.push({ kind: 'change-column', name: column.name, column, place: parsePlace(reader), ifExists });
  } else if (reader.accept('CHANGE')) {
    reader.accept('COLUMN');
    const ifExists = reader.accept('IF', 'EXISTS');
    const name = reader.identifier();
    const column = parseColumnDefinition(reader);
    actions.push({ kind: 'change-column', name, column, place: parsePlace(reader), ifExists });
  } else if (reader.accept('ALTER')) parseAlter(reader, actions);
  else if (reader.accept('RENAME')) parseRename(reader, actions, otherTables);
  else if (reader.accept('CONVERT')) parseConvert(reader, actions, otherTables);
  else if (reader.accept('EXCHANGE', 'PARTITION')) {
    reader.identifier();
    reader.expect('WITH', 'TABLE');
    otherTables.push(reader.tableName());
    actions.push({ kind: 'move-rows', what: 'EXCHANGE PARTITION' });
    skipRest(reader);
  } else if (!parseStorageAction(reader, actions)) parseOptions(reader, actions);
}

function parseAdd(reader: TokenReader, actions: AlterAction[]): void {
  if (reader.accept('SYSTEM', 'VERSIONING')) {
    actions.push({ kind: 'system-versioning', add: true });
    return;
  }
  if (reader.accept('PARTITION')) {
    actions.push({ kind: 'other', what: 'ADD PARTITION' });
    skipRest(reader);
    return;
  }
  const key = parseKeyOrConstraint(reader);
  if (key !== null) {
    if (key.kind === 'period') throw reader.notUnderstood('anything but a period');
    actions.push(addKey(key));
    return;
  }
  reader.accept('COLUMN');
  const ifNotExists = reader.accept('IF', 'NOT', 'EXISTS');
  if (!reader.accept('(')) {
    const column = parseColumnDefinition(reader);
    actions.push({ kind: 'add-column', column, place: parsePlace(reader), ifNotExists });
    return;
  }
  do {
    const element = parseTableElement(reader);
    if (element.kind === 'column')
      actions.push({ kind: 'add-column', column: element.column, place: null, ifNotExists });
    else if (element.kind === 'period') throw reader.notUnderstood('anything but a period');
    else actions.push(addKey(element));
  } while (reader.accept(','));
  reader.expect(')');
}

function addKey(key: Exclude<TableElement, { kind: 'column' | 'period' }>): AlterAction {
  if (key.kind === 'primary-key') return { kind: 'add-primary-key', columns: key.columns };
  if (key.kind === 'unique-key') return { kind: 'add-unique-key', columns: key.columns };
  return { kind: 'other', what: 'ADD' };
}

function parseDrop(reader: TokenReader, actions: AlterAction[]): void {
  if (reader.accept('PRIMARY', 'KEY')) actions.push({ kind: 'drop-primary-key' });
  else if (reader.accept('SYSTEM', 'VERSIONING')) actions.push({ kind: 'system-versioning', add: false });
  else if (reader.accept('PARTITION')) {
    actions.push({ kind: 'move-rows', what: 'DROP PARTITION' });
    skipRest(reader);
  } else if (reader.accept('FOREIGN', 'KEY') || reader.accept('CHECK') || reader.accept('PERIOD', 'FOR')) {
    reader.accept('IF', 'EXISTS');
    reader.identifier();
    actions.push({ kind: 'other', what: 'DROP' });
  } else if (reader.acceptAny(['INDEX', 'KEY', 'CONSTRAINT']) !== null) {
    reader.accept('IF', 'EXISTS');
    // The primary key can be dropped by the name that its index always has.
    const isPrimary = reader.identifier().toUpperCase() === 'PRIMARY';
    actions.push(isPrimary ? { kind: 'drop-primary-key' } : { kind: 'other', what: 'DROP' });
  } else {
    reader.accept('COLUMN');
    const ifExists = reader.accept('IF', 'EXISTS');
    actions.push({ kind: 'drop-column', name: reader.identifier(), ifExists });
    reader.acceptAny(['RESTRICT', 'CASCADE']);
  }
}

function parseAlter(reader: TokenReader, actions: AlterAction[]): void {
  if (reader.acceptAny(['INDEX', 'KEY', 'CHECK', 'CONSTRAINT']) !== null) {
    reader.accept('IF', 'EXISTS');
    reader.identifier();
    if (reader.acceptAny(['VISIBLE', 'INVISIBLE', 'IGNORED', 'ENFORCED']) === null && reader.accept('NOT')) {
      if (reader.acceptAny(['IGNORED', 'ENFORCED']) === null) throw reader.notUnderstood('IGNORED or ENFORCED');
    }
    actions.push({ kind: 'other', what: 'ALTER' });
    return;
  }
  reader.accept('COLUMN');
  const ifExists = reader.accept('IF', 'EXISTS');
  const name = reader.identifier();
  if (reader.accept('DROP', 'DEFAULT')) actions.push({ kind: 'set-default', name, defaultText: null, ifExists });
  else if (reader.accept('SET', 'DEFAULT')) {
    actions.push({ kind: 'set-default', name, defaultText: parseDefault(reader), ifExists });
  } else if (reader.accept('SET', 'INVISIBLE')) actions.push({ kind: 'set-visibility', name, invisible: true });
  else if (reader.accept('SET', 'VISIBLE')) actions.push({ kind: 'set-visibility', name, invisible: false });
  else throw reader.notUnderstood('SET or DROP');
}

function parseRename(reader: TokenReader, actions: AlterAction[], otherTables: TableName[]): void {
  if (reader.accept('COLUMN')) {
    const ifExists = reader.accept('IF', 'EXISTS');
    const name = reader.identifier();
    reader.expect('TO');
    actions.push({ kind: 'rename-column', name, to: reader.identifier(), ifExists });
  } else if (reader.acceptAny(['INDEX', 'KEY']) !== null) {
    reader.accept('IF', 'EXISTS');
    reader.identifier();
    reader.expect('TO');
    reader.identifier();
    actions.push({ kind: 'other', what: 'RENAME INDEX' });
  } else {
    reader.acceptAny(['TO', 'AS', '=']);
    const to = reader.tableName();
    otherTables.push(to);
    actions.push({ kind: 'rename-table', to });
  }
}

function parseConvert(reader: TokenReader, actions: AlterAction[], otherTables: TableName[]): void {
  if (reader.accept('TO')) {
    if (!acceptCharset(reader)) throw reader.notUnderstood('CHARACTER SET');
    const charset = parseCharsetName(reader);
    const collation = reader.accept('COLLATE') ? parseCharsetName(reader) : null;
    actions.push({ kind: 'convert-charset', charset, collation });
  } else if (reader.accept('PARTITION')) {
    reader.identifier();
    reader.expect('TO', 'TABLE');
    otherTables.push(reader.tableName());
    actions.push({ kind: 'move-rows', what: 'CONVERT PARTITION' });
    skipRest(reader);
  } else {
    reader.expect('TABLE');
    otherTables.push(reader.tableName());
    actions.push({ kind: 'move-rows', what: 'CONVERT TABLE' });
    skipRest(reader);
  }
}

/** Partitions, tablespaces, order, keys: nothing with columns. False when none of them begins here. */
function parseStorageAction(reader: TokenReader, actions: AlterAction[]): boolean {
  for (const verb of ['TRUNCATE', 'DISCARD', 'IMPORT']) {
    if (!reader.accept(verb, 'PARTITION') && !reader.accept(verb, 'TABLESPACE')) continue;
    actions.push({ kind: 'move-rows', what: verb });
    skipRest(reader);
    return true;
  }
  for (const verb of ['REORGANIZE', 'COALESCE', 'ANALYZE', 'CHECK', 'OPTIMIZE', 'REBUILD', 'REPAIR']) {
    if (!reader.accept(verb, 'PARTITION')) continue;
    actions.push({ kind: 'other', what: `${verb} PARTITION` });
    skipRest(reader);
    return true;
  }
  // Both are the last that ALTER TABLE says.
  for (const words of [
    ['PARTITION', 'BY'],
    ['ORDER', 'BY'],
  ]) {
    if (!reader.accept(...words)) continue;
    actions.push({ kind: 'other', what: words.join(' ') });
    skipRest(reader);
    return true;
  }
  for (const words of [
    ['REMOVE', 'PARTITIONING'],
    ['UPGRADE', 'PARTITIONING'],
    ['ENABLE', 'KEYS'],
    ['DISABLE', 'KEYS'],
    ['WITH', 'VALIDATION'],
    ['WITHOUT', 'VALIDATION'],
    ['SECONDARY_LOAD'],
    ['SECONDARY_UNLOAD'],
    ['FORCE'],
  ]) {
    if (!reader.accept(...words)) continue;
    actions.push({ kind: 'other', what: words.join(' ') });
    return true;
  }
  return false;
}

function parseOptions(reader: TokenReader, actions: AlterAction[]): void {
  const options = { charset: null, collation: null, comment: null };
  if (acceptTextOption(reader, options)) actions.push({ kind: 'table-options', ...options });
  else if (isOption(reader)) {
    actions.push({ kind: 'other', what: reader.peek().upper });
    skipOption(reader);
  }
}

/** Options that may be written without `=`; with it any name is one. */
const OPTIONS = [
  'ENGINE',
  'AUTO_INCREMENT',
  'ALGORITHM',
  'LOCK',
  'ROW_FORMAT',
  'TABLESPACE',
  'STORAGE',
  'DATA',
  'INDEX',
  'UNION',
];

function isOption(reader: TokenReader): boolean {
  return reader.peek(1).upper === '=' || OPTIONS.includes(reader.peek().upper);
}

function parsePlace(reader: TokenReader): ColumnPlace {
  if (reader.accept('FIRST')) return 'first';
  return reader.accept('AFTER') ? { after: reader.identifier() } : null;
}

function skipRest(reader: TokenReader): void {
  while (!reader.isAtEnd) {
    const { kind, upper } = reader.next();
    if (kind === 'broken' || upper === ';') throw reader.notUnderstood('the end of the statement');
  }
}
