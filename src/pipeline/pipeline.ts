import type { BoundaryChange, Change, RowChange, Table } from '../../decoders/change.ts';
import { type EnvelopeBuilder, isSameValue } from '../envelope/envelope.ts';
import { HEARTBEAT_KEY, HEARTBEAT_VALUE, TRANSACTION_KEY, TRANSACTION_VALUE } from '../envelope/event-schemas.ts';
import type { SchemaChangeBuilder } from '../envelope/schema-change.ts';
import { type ShapeOptions, shapeTable, type TableShape } from '../envelope/table-shape.ts';
import { TransactionTracker } from '../envelope/transaction-metadata.ts';
import { allowNulls } from '../envelope/unexpected-null.ts';
import type { SourceOffset } from '../model/log.ts';
import type {
  Batch,
  BatchEncoder,
  Converter,
  EncodedBatch,
  HeaderConverter,
  Source,
  TableMapping,
} from '../model/plugin.ts';
import { type Header, NO_HEADERS, type RecordSchemas } from '../model/record.ts';
import { createStruct } from '../model/schema.ts';
import type { Output } from './output.ts';
import type { NextInTransaction } from './row-encoder.ts';
import { RecordEncoder } from './structured-plan.ts';
import { TableEntry } from './table-entry.ts';

export interface PipelineOptions {
  readonly source: Source;
  readonly shape: ShapeOptions;
  readonly envelopes: EnvelopeBuilder;
  /** Null: schema changes give no records. */
  readonly schemaChanges: SchemaChangeBuilder | null;
  readonly contextHeaders: readonly Header[];
  readonly output: Output;
  readonly keys: Converter;
  readonly values: Converter;
  readonly headers: HeaderConverter;
  /** Whether the compiled plan is taken where the converters have a format for it. */
  readonly compiled: boolean;
  readonly tombstones: boolean;
  /** Of c, u, d, r and t. */
  readonly skippedOperations: ReadonlySet<string>;
  readonly skipUnchanged: boolean;
  readonly transactionMetadata: boolean;
  /** Milliseconds between heartbeat records; 0 is off. */
  readonly heartbeatMs: number;
  /** Microseconds since 1970 UTC. */
  readonly clock: () => number;
  /** Milliseconds since any moment, never set back: intervals are measured by it. */
  readonly elapsedMs: () => number;
}

/** Batch of changes -> records per topic partition. Synchronous; the plan of a table version is made once. */
export class Pipeline implements BatchEncoder {
  readonly #options: PipelineOptions;
  readonly #records: RecordEncoder;
  readonly #tables = new WeakMap<Table, TableEntry>();
  #transactions: TransactionTracker | null = null;
  /** By `elapsedMs`. */
  #lastHeartbeatMs: number;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#records = new RecordEncoder(options.output, options.keys, options.values, options.headers);
    this.#lastHeartbeatMs = options.elapsedMs();
  }

  resume(from: SourceOffset | null): void {
    if (!this.#options.transactionMetadata) return;
    this.#transactions = new TransactionTracker(this.#options.shape.naming.transaction(), from);
  }

  prepare(batch: Batch, signal: AbortSignal): Promise<void> | null {
    const { keys, values, shape, heartbeatMs } = this.#options;
    if (keys.prepare === undefined && values.prepare === undefined) return null;
    const waits: Promise<void>[] = [];
    const need = ({ topic, keySchema, valueSchema }: RecordSchemas): void => {
      const key = keySchema === null ? null : keys.prepare?.(topic, keySchema, signal);
      const value = values.prepare?.(topic, valueSchema, signal);
      for (const wait of [key, value]) if (wait) waits.push(wait);
    };
    for (const entry of this.#entriesOf(batch)) need(entry.schemas);
    for (const schemas of this.#schemasBesideTables(batch)) need(schemas);
    if (this.#transactions !== null) {
      need({ topic: shape.naming.transaction(), keySchema: TRANSACTION_KEY, valueSchema: TRANSACTION_VALUE });
    }
    if (heartbeatMs > 0) {
      need({ topic: shape.naming.heartbeat(), keySchema: HEARTBEAT_KEY, valueSchema: HEARTBEAT_VALUE });
    }
    return waits.length === 0 ? null : Promise.all(waits).then(() => {});
  }

  /** Tables that the batch has records of. Nulls are admitted here already: while rows are encoded no schema can be registered. */
  #entriesOf(batch: Batch): Iterable<TableEntry> {
    const entries = new Map<Table, TableEntry>();
    const { skippedOperations } = this.#options;
    let entry: TableEntry | null = null;
    for (const change of batch.changes) {
      if (change.kind !== 'row' && change.kind !== 'truncate') continue;
      if (skippedOperations.has(change.kind === 'truncate' ? 't' : change.op)) continue;
      if (entry === null || change.table !== entry.table) {
        entry = entries.get(change.table) ?? this.#entry(change.table);
        entries.set(change.table, entry);
      }
      if (change.kind === 'row' && entry.structured.holdsNull(change)) {
        entry = this.#admitNulls(change, entry);
        entries.set(change.table, entry);
      }
    }
    return entries.values();
  }

  *#schemasBesideTables(batch: Batch): Iterable<RecordSchemas> {
    const { envelopes, schemaChanges } = this.#options;
    if (batch.changes.some(({ kind }) => kind === 'message')) yield envelopes.messageSchemas();
    if (schemaChanges !== null && batch.changes.some(({ kind }) => kind === 'schema')) yield schemaChanges.schemas();
  }

  encode(batch: Batch): EncodedBatch {
    const nowMicros = this.#options.clock();
    const nowMs = Math.floor(nowMicros / 1000);
    let table: Table | null = null;
    let entry: TableEntry | null = null;
    for (const change of batch.changes) {
      if (change.kind === 'row') {
        if (change.table !== table || entry === null) {
          table = change.table;
          entry = this.#entry(table);
        }
        entry = this.#row(change, entry, nowMicros);
      } else this.#other(change, nowMicros);
    }
    this.#heartbeat(nowMs);
    for (const record of batch.state ?? []) this.#options.output.keep(record);
    return {
      records: this.#options.output.take(),
      offset: this.#transactions === null ? batch.offset : { ...batch.offset, ...this.#transactions.offset() },
      timestampMs: nowMs,
      ...(batch.snapshot === undefined ? {} : { snapshot: batch.snapshot }),
    };
  }

  release(encoded: EncodedBatch): void {
    this.#options.output.release(encoded.records);
  }

  /** Returns the entry for the table's next change: another one when a NULL was unexpected. */
  #row(change: RowChange, entry: TableEntry, nowMicros: number): TableEntry {
    const { skippedOperations, skipUnchanged } = this.#options;
    if (skippedOperations.has(change.op)) return entry;
    if (skipUnchanged && isWithoutChange(change, entry.shape)) return entry;
    const nextInTransaction = this.#next(change, entry.shape.mapping.collectionId);
    if (entry.encoder.encode(change, nowMicros, nextInTransaction)) return entry;
    const admitting = this.#admitNulls(change, entry);
    if (!admitting.encoder.encode(change, nowMicros, nextInTransaction)) {
      throw new Error(`A NULL in ${entry.shape.mapping.collectionId} was refused again after it had been admitted.`);
    }
    return admitting;
  }

  #admitNulls(change: RowChange, entry: TableEntry): TableEntry {
    const admitting = this.#plan(allowNulls(entry.shape.mapping, change));
    this.#tables.set(change.table, admitting);
    return admitting;
  }

  #other(change: Exclude<Change, RowChange>, nowMicros: number): void {
    const { envelopes, skippedOperations } = this.#options;
    switch (change.kind) {
      case 'truncate': {
        if (skippedOperations.has('t')) return;
        const { shape } = this.#entry(change.table);
        const nextInTransaction = this.#next(change, shape.mapping.collectionId);
        this.#records.encode(envelopes.truncate(change, shape, { nowMicros, nextInTransaction }));
        return;
      }
      case 'message': {
        const nextInTransaction = change.transactional ? this.#next(change, 'LOGICAL_DECODING_MESSAGE') : null;
        this.#records.encode(envelopes.message(change, { nowMicros, nextInTransaction }));
        return;
      }
      case 'schema':
        if (this.#options.schemaChanges === null) return;
        this.#records.encode(this.#options.schemaChanges.record(change, Math.floor(nowMicros / 1000)));
        return;
      case 'begin':
        this.#transactions?.opens(change);
        return;
      case 'commit':
        this.#end(change);
        return;
      default:
        change satisfies never;
    }
  }

  #end(change: BoundaryChange): void {
    const record = this.#transactions?.end(change, this.#options.source.sourceBlock.transactionId(change)) ?? null;
    if (record !== null) this.#records.encode(record);
  }

  /** Begins the transaction in its metadata if need be: one whose changes are all left out has none. */
  #next(change: Change, collectionId: string): NextInTransaction | null {
    const transactions = this.#transactions;
    if (transactions === null || (change.kind === 'row' && change.op === 'r')) return null;
    const id = this.#options.source.sourceBlock.transactionId(change);
    const begin = transactions.begin(change, id);
    if (begin !== null) this.#records.encode(begin);
    return () => transactions.event(collectionId, id);
  }

  #entry(table: Table): TableEntry {
    let entry = this.#tables.get(table);
    if (entry === undefined) {
      entry = this.#plan(this.#options.source.mapping(table));
      this.#tables.set(table, entry);
    }
    return entry;
  }

  #plan(mapping: TableMapping): TableEntry {
    const { contextHeaders } = this.#options;
    return new TableEntry(shapeTable(mapping, this.#options.shape), {
      ...this.#options,
      sourceBlock: this.#options.source.sourceBlock,
      records: this.#records,
      headers: this.#records.headers(contextHeaders),
    });
  }

  #heartbeat(nowMs: number): void {
    const { heartbeatMs, shape } = this.#options;
    if (heartbeatMs === 0) return;
    const elapsedMs = this.#options.elapsedMs();
    // The source brings a batch each interval; its timer and this clock need not agree to the millisecond.
    if (elapsedMs - this.#lastHeartbeatMs < 0.9 * heartbeatMs) return;
    this.#lastHeartbeatMs = elapsedMs;
    const key = createStruct();
    key.serverName = shape.naming.prefix;
    const value = createStruct();
    value.ts_ms = BigInt(nowMs);
    this.#records.encode({
      topic: shape.naming.heartbeat(),
      partition: 0,
      keySchema: HEARTBEAT_KEY,
      key,
      valueSchema: HEARTBEAT_VALUE,
      value,
      headers: NO_HEADERS,
    });
  }
}

/** `skip.messages.without.change`: an update that left every captured column as it was. A key-only old row cannot tell. */
function isWithoutChange(change: RowChange, shape: TableShape): boolean {
  const { before, after } = change;
  if (change.op !== 'u' || before === null || after === null || before.image === 'key') return false;
  return shape.fields.every((column) => isSameValue(column.index, before, after));
}
