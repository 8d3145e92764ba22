import { hash } from 'node:crypto';
import { classifyStatement } from '../../../../decoders/binlog/ddl/classify.ts';
import type { TableName } from '../../../../decoders/binlog/ddl/statement.ts';
import { dialectOf } from '../../../../decoders/binlog/ddl/tokens.ts';
import type { SourceOffset, SourcePartition } from '../../../model/log.ts';
import type { StateReader } from '../../../model/plugin.ts';
import { type HistoryOrder, isAtOrBefore } from './history-position.ts';
import { type HistoryRecord, parseHistoryRecord } from './history-record.ts';
import type { SchemaModel } from './schema-model.ts';

export interface RecoverInput {
  readonly reader: StateReader;
  readonly topic: string;
  /** Records of other sources in the same topic are passed over. */
  readonly source: SourcePartition;
  /** The stored offset: what was recorded behind it has not happened yet, as far as the rows that follow tell. */
  readonly upTo: SourceOffset;
  /** See {@link HistoryOrder.capturesSource}. */
  readonly capturesSource?: ((source: string) => boolean) | null;
  /** Filled with the tables as they were at the offset. */
  readonly model: SchemaModel;
}

export interface Recovered {
  /** Records of the source; 0: there is no history of it. */
  readonly records: number;
  /** Of those, at or before the offset. */
  readonly applied: number;
  /** Tables that the history names and does not describe. */
  readonly unknown: readonly TableName[];
}

/**
 * Replays a schema history up to an offset, by its table changes where a record has them, else by its statement, as
 * Debezium does (AbstractSchemaHistory.recover). What is recorded twice is replayed once.
 * @throws TailraceError `log.corrupt`
 */
export async function recover({
  reader,
  topic,
  source,
  upTo,
  capturesSource = null,
  model,
}: RecoverInput): Promise<Recovered> {
  const order: HistoryOrder = { family: model.options.family, capturesSource };
  let records = 0;
  let applied = 0;
  const unknown = new Map<string, TableName>();
  const replayed = new Set<string>();
  for await (const { value } of reader.read(topic)) {
    if (value === null) continue;
    const record = parseHistoryRecord(value);
    if (!isSame(record.source, source)) continue;
    records++;
    if (!isAtOrBefore(record.position, upTo, order)) continue;
    applied++;
    const identity = identityOf(record);
    if (replayed.has(identity)) continue;
    replayed.add(identity);
    for (const table of replay(record, model)) unknown.set(JSON.stringify([table.database, table.name]), table);
  }
  return {
    records,
    applied,
    unknown: [...unknown.values()].filter(({ database, name }) => model.get(database, name) === null),
  };
}

/**
 * Of what happened, not of when it was recorded: where records become durable before the offset, those of a task that ended in between
 * are recorded again by the next one, and an ALTER TABLE can be carried out only once.
 */
function identityOf({ position, database, ddl, changes }: HistoryRecord): string {
  const tables = changes.map(({ database, name, previous }) => [database, name, previous?.name]);
  return hash('sha1', JSON.stringify([position, database, ddl, tables]), 'base64');
}

/** The tables that the record leaves undescribed. */
function replay(record: HistoryRecord, model: SchemaModel): readonly TableName[] {
  for (const { database, name, previous, table } of record.changes) {
    if (previous !== null) model.forget(previous);
    if (table === null) model.forget({ database, name });
    else model.set(table);
  }
  if (record.changes.length > 0 || record.ddl === null) return [];
  const charset = /^SET\b.*?\bcharacter_set_server\s*=\s*['"`]?(\w+)/is.exec(record.ddl)?.[1];
  if (charset !== undefined) model.serverCharset = charset.toLowerCase();
  // Histories do not tell the mode of the session; that of most is empty as far as quotes go.
  const dialect = dialectOf(model.options.family, 0n);
  const defaultDatabase = record.database ?? '';
  const statement = classifyStatement(record.ddl, dialect, defaultDatabase);
  // What Debezium did not understand names tables that it may not have changed.
  if (statement.kind === 'unknown') return [];
  return model.apply(statement, { ddl: record.ddl, defaultDatabase, dialect, status: null }).unknown;
}

function isSame(a: SourcePartition, b: SourcePartition): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
