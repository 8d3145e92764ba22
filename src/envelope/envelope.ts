import {
  ABSENT_VALUE,
  type Change,
  type MessageChange,
  NULL_VALUE,
  type Row,
  type RowChange,
  type RowOp,
  type TruncateChange,
  UNCHANGED_VALUE,
} from '../../decoders/change.ts';
import { TailraceError } from '../model/errors.ts';
import type { ColumnMapping, SourceBlock } from '../model/plugin.ts';
import { type Header, NO_HEADERS, type RecordSchemas, type SourceRecord } from '../model/record.ts';
import { createStruct, type Schema, type Struct, type Value } from '../model/schema.ts';
import { MESSAGE_KEY, messageSchema } from './event-schemas.ts';
import { type BinaryMode, contentSchema, contentValue } from './message-content.ts';
import type { TableShape } from './table-shape.ts';
import type { TopicNaming } from './topic-naming.ts';
import { hasValue } from './unexpected-null.ts';

export interface EnvelopeOptions {
  readonly naming: TopicNaming;
  readonly sourceBlock: SourceBlock;
  /** `__debezium.context.*`, empty when `extended.headers.enabled` is false. */
  readonly contextHeaders: readonly Header[];
  readonly tombstones: boolean;
  /** Of c, u, d, r and t. A changed key is a delete and a create, each of which may be left out. */
  readonly skippedOperations: ReadonlySet<string>;
  /** `binary.handling.mode` */
  readonly binaryMode: BinaryMode;
}

/** What surrounds a change: when it is processed, and its place in its transaction when that is asked for. */
export interface EventContext {
  /** Microseconds since 1970 UTC. */
  readonly nowMicros: number;
  /** Gives each event its own place in the transaction; null without transaction metadata. */
  readonly nextInTransaction: (() => Struct) | null;
}

/**
 * Structured records of a change, as Debezium's RelationalChangeRecordEmitter builds them. This is the specification:
 * the compiled plan must give the same bytes.
 */
export class EnvelopeBuilder {
  readonly #options: EnvelopeOptions;
  readonly #messageSchema: Schema;

  constructor(options: EnvelopeOptions) {
    this.#options = options;
    this.#messageSchema = messageSchema(options.sourceBlock.schema, contentSchema(options.binaryMode));
  }

  /** One to three records: a delete brings its tombstone, a changed key a delete, a tombstone and a create. */
  row(change: RowChange, shape: TableShape, context: EventContext): SourceRecord[] {
    const { contextHeaders, skippedOperations } = this.#options;
    if (!isKeyChange(change, shape)) {
      const event = this.#event(change, change.op, shape, context, contextHeaders);
      return change.op === 'd' ? this.#withTombstone(event) : [event];
    }
    const oldKey = keyStruct(shape, change.before!, null);
    const newKey = keyStruct(shape, change.after!, change.before);
    const header = (key: string, value: Value): Header[] => [
      { key, schema: shape.keySchema!, value },
      ...contextHeaders,
    ];
    const records: SourceRecord[] = [];
    if (!skippedOperations.has('d')) {
      const gone = this.#event(change, 'd', shape, context, header('__debezium.newkey', newKey));
      records.push(...this.#withTombstone(gone));
    }
    if (!skippedOperations.has('c')) {
      records.push(this.#event(change, 'c', shape, context, header('__debezium.oldkey', oldKey)));
    }
    return records;
  }

  truncate(change: TruncateChange, shape: TableShape, context: EventContext): SourceRecord {
    const value = this.#envelope(change, 't', context, { before: null, after: null });
    return {
      topic: shape.topic,
      partition: null,
      keySchema: null,
      key: null,
      valueSchema: shape.envelopeSchema,
      value,
      headers: this.#options.contextHeaders,
    };
  }

  messageSchemas(): RecordSchemas {
    return { topic: this.#options.naming.message(), keySchema: MESSAGE_KEY, valueSchema: this.#messageSchema };
  }

  message(change: MessageChange, context: EventContext): SourceRecord {
    const { naming, sourceBlock, binaryMode } = this.#options;
    const key = createStruct();
    key.prefix = change.prefix;
    const message = createStruct();
    message.prefix = change.prefix;
    message.content = contentValue(binaryMode, change.content);
    const value = createStruct();
    value.op = 'm';
    value.ts_ms = BigInt(Math.floor(context.nowMicros / 1000));
    value.source = sourceBlock.struct(change, null);
    value.transaction = context.nextInTransaction?.() ?? null;
    value.message = message;
    return {
      topic: naming.message(),
      partition: null,
      keySchema: MESSAGE_KEY,
      key,
      valueSchema: this.#messageSchema,
      value,
      headers: NO_HEADERS,
    };
  }

  #event(
    change: RowChange,
    op: RowOp,
    shape: TableShape,
    context: EventContext,
    headers: readonly Header[],
  ): SourceRecord {
    const row = op === 'd' ? change.before : change.after;
    if (row === null) {
      throw new TailraceError('source.decode', `${shape.mapping.collectionId}: a change without the row it is about`);
    }
    const after = op === 'd' ? null : change.after;
    const before = op === 'c' || op === 'r' ? null : change.before;
    const value = this.#envelope(change, op, context, {
      before: before === null ? null : rowStruct(shape.fields, before, null, shape),
      after: after === null ? null : rowStruct(shape.fields, after, change.before, shape),
    });
    return {
      topic: shape.topic,
      partition: null,
      keySchema: shape.keySchema,
      key: shape.keySchema === null ? null : keyStruct(shape, row, op === 'd' ? null : change.before),
      valueSchema: shape.envelopeSchema,
      value,
      headers,
    };
  }

  #envelope(
    change: RowChange | TruncateChange,
    op: string,
    context: EventContext,
    rows: { before: Struct | null; after: Struct | null },
  ): Struct {
    const micros = BigInt(context.nowMicros);
    const value = createStruct();
    value.before = rows.before;
    value.after = rows.after;
    value.source = this.#options.sourceBlock.struct(change as Change, change.table);
    value.transaction = context.nextInTransaction?.() ?? null;
    value.op = op;
    value.ts_ms = micros / 1000n;
    value.ts_us = micros;
    value.ts_ns = micros * 1000n;
    return value;
  }

  #withTombstone(event: SourceRecord): SourceRecord[] {
    if (!this.#options.tombstones) return [event];
    return [event, { ...event, valueSchema: null, value: null }];
  }
}

function keyStruct(shape: TableShape, row: Row, before: Row | null): Struct {
  return rowStruct(shape.key, row, before, shape);
}

/** `before` lends the values that the update did not touch and the server did not send again. */
function rowStruct(columns: readonly ColumnMapping[], row: Row, before: Row | null, shape: TableShape): Struct {
  const struct = createStruct();
  for (const column of columns) struct[column.name] = columnValue(column, row, before, shape);
  return struct;
}

function columnValue(column: ColumnMapping, row: Row, before: Row | null, shape: TableShape): Value {
  const at = row.base + 2 * column.index;
  const start = row.spans[at]!;
  if (start >= 0) return readColumn(column, row, shape);
  if (start === NULL_VALUE) return column.codec.missing;
  return before !== null && hasValue(before, column.index)
    ? columnValue(column, before, null, shape)
    : column.codec.unavailable;
}

function readColumn(column: ColumnMapping, row: Row, shape: TableShape): Value {
  const at = row.base + 2 * column.index;
  try {
    return column.codec.read(row.bytes, row.spans[at]!, row.spans[at + 1]!);
  } catch (cause) {
    throw valueError(cause, column, shape);
  }
}

/** Adds the table to what a codec says of a value it cannot hold. */
export function valueError(cause: unknown, column: ColumnMapping, shape: TableShape): TailraceError {
  const what = cause instanceof Error ? cause.message : String(cause);
  const where = `${shape.mapping.collectionId}.${column.name} (${column.sourceType.name})`;
  return new TailraceError('source.value', `${where}: ${what}`, {
    remedy:
      (cause instanceof TailraceError ? cause.remedy : undefined) ??
      'Change the handling mode of this type, or leave the column out with column.exclude.list.',
    cause,
  });
}

/** An update that gave the row another key. Compares the server's text of the key columns. */
export function isKeyChange(change: RowChange, shape: TableShape): boolean {
  const { before, after } = change;
  if (change.op !== 'u' || before === null || after === null) return false;
  for (const column of shape.key) {
    if (before.image === 'key' && !shape.mapping.table.columns[column.index]!.identity) continue;
    // A key of message.key.columns that the old row leaves out cannot be compared.
    if (before.spans[before.base + 2 * column.index] === ABSENT_VALUE) continue;
    if (!isSameValue(column.index, before, after)) return true;
  }
  return false;
}

/** True when both rows hold the same bytes for a column, or the newer one says, by leaving it out, that it did not change. */
export function isSameValue(index: number, before: Row, after: Row): boolean {
  const b = before.base + 2 * index;
  const a = after.base + 2 * index;
  const startB = before.spans[b]!;
  const startA = after.spans[a]!;
  if (startA === UNCHANGED_VALUE || startA === ABSENT_VALUE) return true;
  if (startA < 0 || startB < 0) return startA === startB;
  const endB = before.spans[b + 1]!;
  const endA = after.spans[a + 1]!;
  if (endA - startA !== endB - startB) return false;
  const length = endA - startA;
  for (let i = 0; i < length; i++) {
    if (before.bytes[startB + i] !== after.bytes[startA + i]) return false;
  }
  return true;
}
