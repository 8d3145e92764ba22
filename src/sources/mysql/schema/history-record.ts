import { quoteLabel, unquoteLabel } from '../../../../decoders/binlog/ddl/label.ts';
import type { ColumnSchema, TableChange, TableSchema } from '../../../../decoders/table-schema.ts';
import { TailraceError } from '../../../model/errors.ts';
import type { SourceOffset, SourcePartition } from '../../../model/log.ts';

/** One record of the schema history: what one statement did to at most one table, and where. */
export interface HistoryRecord {
  /** Whose history it is: `{ server: <topic.prefix> }`. */
  readonly source: SourcePartition;
  readonly position: SourceOffset;
  /** Milliseconds since 1970 UTC; null in records of old versions of Debezium. */
  readonly timestampMs: number | null;
  readonly database: string | null;
  readonly ddl: string | null;
  readonly changes: readonly TableChange[];
}

/**
 * The record as JSON in the form of Debezium 3.6 (HistoryRecord, JsonTableChangeSerializer), which reads it as its own:
 * { source, position, ts_ms, databaseName?, ddl?, tableChanges }
 */
export function formatHistoryRecord(record: HistoryRecord): Buffer {
  const { source, position, timestampMs, database, ddl, changes } = record;
  const document = {
    source,
    position,
    ...(timestampMs === null ? {} : { ts_ms: timestampMs }),
    ...(database === null ? {} : { databaseName: database }),
    ...(ddl === null ? {} : { ddl }),
    tableChanges: changes.map(formatChange),
  };
  return Buffer.from(JSON.stringify(document));
}

function formatChange({ type, database, name, previous, table }: TableChange): object {
  return {
    type,
    id: tableId({ database, name }),
    ...(previous === null ? {} : { previousId: tableId(previous) }),
    ...(table === null ? {} : { table: formatTable(table), comment: table.comment }),
  };
}

/** An attribute of a table: Debezium keeps those that it does not know. */
const UNIQUE_KEY = { name: 'tailrace.key_is_unique', value: 'true' };

function formatTable({ charset, primaryKey, columns, keyIsUnique }: TableSchema): object {
  return {
    defaultCharsetName: charset,
    primaryKeyColumnNames: primaryKey,
    columns: columns.map(formatColumn),
    attributes: keyIsUnique === true ? [UNIQUE_KEY] : [],
  };
}

function formatColumn(column: ColumnSchema): object {
  return {
    name: column.name,
    jdbcType: column.jdbcType,
    typeName: column.typeName,
    typeExpression: column.typeName,
    charsetName: column.charset,
    ...(column.length === null ? {} : { length: column.length }),
    ...(column.scale === null ? {} : { scale: column.scale }),
    position: column.position,
    optional: column.optional,
    autoIncremented: column.autoIncremented,
    generated: column.generated,
    comment: column.comment,
    hasDefaultValue: column.hasDefault,
    ...(column.defaultValue === null ? {} : { defaultValueExpression: column.defaultValue }),
    enumValues: column.labels.map(quoteLabel),
  };
}

/** `"database"."table"`, as Debezium names a table. */
export function tableId({ database, name }: { readonly database: string; readonly name: string }): string {
  return `${doubleQuoted(database)}.${doubleQuoted(name)}`;
}

function doubleQuoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Reads a record of ours or of any version of Debezium since 0.9.
 * @throws TailraceError `log.corrupt`
 */
export function parseHistoryRecord(bytes: Buffer): HistoryRecord {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw corrupt('it is not JSON', cause);
  }
  const record = fields(document, 'the record');
  return {
    source: scalars(record.source, 'source') as SourcePartition,
    position: scalars(record.position, 'position'),
    timestampMs: numberOrNull(record.ts_ms, 'ts_ms'),
    database: textOrNull(record.databaseName, 'databaseName'),
    ddl: textOrNull(record.ddl, 'ddl'),
    changes: list(record.tableChanges, 'tableChanges').map(parseChange),
  };
}

function parseChange(value: unknown): TableChange {
  const change = fields(value, 'a table change');
  const type = text(change.type, 'type of a table change');
  if (type !== 'CREATE' && type !== 'ALTER' && type !== 'DROP') throw corrupt(`a table change of type ${type}`);
  const id = parseTableId(text(change.id, 'id of a table change'));
  const previous = change.previousId === undefined ? null : parseTableId(text(change.previousId, 'previousId'));
  const table = type === 'DROP' ? null : parseTable(id, change.table, textOrNull(change.comment, 'comment'));
  return { type, ...id, previous, table };
}

function parseTable(
  id: { readonly database: string; readonly name: string },
  value: unknown,
  comment: string | null,
): TableSchema {
  const table = fields(value, `the table of ${id.database}.${id.name}`);
  const isUnique = list(table.attributes, 'attributes').some(
    (attribute) => fields(attribute, 'an attribute').name === UNIQUE_KEY.name,
  );
  return {
    ...id,
    columns: list(table.columns, 'columns')
      .map(parseColumn)
      .sort((a, b) => a.position - b.position),
    primaryKey: list(table.primaryKeyColumnNames, 'primaryKeyColumnNames').map((name) => text(name, 'a key column')),
    charset: textOrNull(table.defaultCharsetName, 'defaultCharsetName'),
    comment,
    ...(isUnique ? { keyIsUnique: true } : {}),
  };
}

function parseColumn(value: unknown): ColumnSchema {
  const column = fields(value, 'a column');
  const optional = column.optional === true;
  const defaultValue = textOrNull(column.defaultValueExpression, 'defaultValueExpression');
  return {
    name: text(column.name, 'name of a column'),
    position: numberOrNull(column.position, 'position of a column') ?? 0,
    typeName: text(column.typeName, 'typeName'),
    jdbcType: numberOrNull(column.jdbcType, 'jdbcType') ?? 0,
    length: numberOrNull(column.length, 'length'),
    scale: numberOrNull(column.scale, 'scale'),
    charset: textOrNull(column.charsetName, 'charsetName'),
    optional,
    autoIncremented: column.autoIncremented === true,
    generated: column.generated === true,
    comment: textOrNull(column.comment, 'comment of a column'),
    hasDefault: column.hasDefaultValue === true || defaultValue !== null || optional,
    defaultValue,
    labels: list(column.enumValues, 'enumValues').map((label) => unquoteLabel(text(label, 'a label'))),
  };
}

/** One or two quoted or plain parts; of more the first and the last count. */
function parseTableId(id: string): { readonly database: string; readonly name: string } {
  const parts = [...id.matchAll(/"((?:[^"]|"")*)"|([^."]+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!,
  );
  const [first, ...rest] = parts;
  if (first === undefined) throw corrupt(`a table is called ${JSON.stringify(id)}`);
  return rest.length === 0 ? { database: '', name: first } : { database: first, name: rest.at(-1)! };
}

function corrupt(what: string, cause?: unknown): TailraceError {
  return new TailraceError('log.corrupt', `a record of the schema history cannot be read: ${what}`, {
    remedy:
      'Name the topic that the history was written to (schema.history.internal.kafka.topic); or name a new one, and start once with snapshot.mode=recovery.',
    cause,
  });
}

function fields(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw corrupt(`${what} is no object`);
  return value as Record<string, unknown>;
}

function scalars(value: unknown, what: string): SourceOffset {
  const object = fields(value, what);
  for (const [key, one] of Object.entries(object)) {
    if (typeof one === 'object' && one !== null) throw corrupt(`${key} of ${what} is no scalar`);
  }
  return object as SourceOffset;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw corrupt(`${what} is no list`);
  return value;
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw corrupt(`${what} is no text`);
  return value;
}

function textOrNull(value: unknown, what: string): string | null {
  return value === undefined || value === null ? null : text(value, what);
}

function numberOrNull(value: unknown, what: string): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number') throw corrupt(`${what} is no number`);
  return value;
}
