import type { Change, RowChange, Table, Tx } from '../../decoders/change.ts';
import type { SlabSink, ValueCodec, ValueSink } from './codec.ts';
import type { SourceOffset, SourcePartition } from './log.ts';
import type { EncodedHeader, EncodedRecords, Header } from './record.ts';
import type { RecordFormat } from './record-format.ts';
import type { Schema, Struct, Value } from './schema.ts';

/**
 * The unit of reading, encoding, appending and acking. It ends at a transaction's end or inside a big transaction.
 * `offset` is where a restart continues once the batch is durable. A batch without changes and with a newer offset
 * is how an idle source moves on. Row bytes of its changes are valid until the next batch is pulled.
 */
export interface Batch {
  readonly changes: readonly Change[];
  readonly offset: SourceOffset;
  /** Size of the changes as they were read. */
  readonly bytes: number;
  /** The first and the last batch of a snapshot say so: {@link Append.snapshot}. */
  readonly snapshot?: 'begin' | 'end';
  /** What the source must know again at its next start; durable together with the offset. */
  readonly state?: readonly StateRecord[];
}

/**
 * A record of a topic that a source keeps for itself, on its partition 0: a schema history, prepared transactions. One with
 * neither key nor value says that nothing before it is needed any more: the log may forget it.
 */
export interface StateRecord {
  readonly topic: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** How a source reads at its start what its batches left as {@link Batch.state}. */
export interface StateReader {
  /** All records of the topic, oldest first; none when there is no such topic. */
  read(topic: string): AsyncIterable<Omit<StateRecord, 'topic'>>;
}

/** What a source tells about itself while it runs; the supervisor, /health and the progress line read it. */
export interface SourceStatus {
  readonly phase: 'starting' | 'snapshot' | 'streaming' | 'stopped';
  readonly snapshot: SnapshotProgress | null;
}

export interface SnapshotProgress {
  readonly tables: readonly TableProgress[];
  readonly startedMs: number;
  readonly finishedMs: number | null;
}

export interface TableProgress {
  readonly table: string;
  readonly rows: number;
  /** The planner's estimate; null when it has none. */
  readonly estimatedRows: number | null;
  readonly state: 'waiting' | 'reading' | 'done';
}

/** Reads one database's changes. Order of life: read (once), ack for what became durable, close. */
export interface Source {
  readonly partition: SourcePartition;
  readonly sourceBlock: SourceBlock;
  /**
   * Batches after `from` (null: from the beginning, as the snapshot mode says) until the signal aborts or an error. A
   * signal that aborts with a TailraceError says that its consumer has failed, with anything else that it wants no more.
   */
  read(from: SourceOffset | null, signal: AbortSignal): AsyncIterable<Batch>;
  /** Everything up to `offset` is durable: the server may forget it. Called in one place, after the append. */
  ack(offset: SourceOffset): void;
  /** The mapping of a table version that a pulled batch mentions. */
  mapping(table: Table): TableMapping;
  status(): SourceStatus;
  close(): Promise<void>;
}

/** How the columns of a table version become fields. */
export interface TableMapping {
  readonly table: Table;
  /** `schema.table` or `database.table`: what include lists match and transaction metadata names. */
  readonly collectionId: string;
  /** Parts of the topic name after the prefix, e.g. schema and table. */
  readonly topicParts: readonly string[];
  readonly columns: readonly ColumnMapping[];
  /** Indexes into `columns`, in key order; empty when the table has no primary key. */
  readonly primaryKey: readonly number[];
}

export interface ColumnMapping {
  /** Index of the column in a row's spans. */
  readonly index: number;
  readonly name: string;
  readonly codec: ValueCodec;
  /** Facts of the column for `column.propagate.source.type` and masks. */
  readonly sourceType: { readonly name: string; readonly length: number | null; readonly scale: number | null };
}

/** Writes the source blocks of one change after another, keeping the bytes that stay the same. */
export interface SourceBlockWriter<T extends Tx = Tx> {
  /** The very bytes of the change's `struct`. */
  write(sink: SlabSink, change: RowChange<T>): void;
}

/** What a source block is made of but for its {@link VaryingField}s. */
export type SourceBlockFrame<T extends Tx = Tx> = Pick<RowChange<T>, 'tx' | 'table' | 'snapshot'>;

/** A field of the source block that differs from change to change within a transaction and a table. */
export interface VaryingField<T extends Tx = Tx> {
  readonly name: string;
  /** Gives the sink what the field of the change's `struct` holds; it is never null. */
  write(sink: ValueSink, change: RowChange<T>): void;
}

/** The `source` struct of the envelope: its schema, its structured form, and how the compiled path may write it. */
export interface SourceBlock<T extends Tx = Tx> {
  readonly schema: Schema;
  /** The block of a change; `table` is null for logical messages. */
  struct(change: Change<T>, table: Table | null): Struct;
  /** A writer of its own for each table: changes of tables alternate. */
  jsonWriter(): SourceBlockWriter<T>;
  /** Whether the block of a change differs from one with that frame in the varying fields alone. */
  isFramedBy(frame: SourceBlockFrame<T>, change: RowChange<T>): boolean;
  /** In the order of the schema, made anew for each writer. */
  varyingFields(): readonly VaryingField<T>[];
  /** `transaction.id` of a change or boundary. */
  transactionId(change: Change<T>): string;
}

/** A batch as it goes to the log. Its bytes are valid until it is released. */
export interface EncodedBatch {
  readonly records: readonly EncodedRecords[];
  readonly offset: SourceOffset;
  readonly snapshot?: 'begin' | 'end';
  /** Milliseconds since 1970 UTC. */
  readonly timestampMs: number;
}

/** The synchronous middle of the data path: what the engine sees of the pipeline. */
export interface BatchEncoder {
  /** Takes up state that an earlier run left in the offset. Called once, before the first batch. */
  resume(from: SourceOffset | null): void;
  /**
   * Makes ready what encoding the batch needs from elsewhere, such as ids of schemas; null when there is nothing to wait for,
   * as for nearly every batch.
   */
  prepare?(batch: Batch, signal: AbortSignal): Promise<void> | null;
  encode(batch: Batch): EncodedBatch;
  /** The append of this batch has settled: its bytes may be used again. */
  release(encoded: EncodedBatch): void;
}

/** Turns structured keys and values into a topic's bytes. */
export interface Converter {
  /** Null for a null value with a null schema. */
  toBytes(topic: string, schema: Schema | null, value: Value): Buffer | null;
  /**
   * Has the schema registered, where records name theirs by an id: before the first record of a topic that has it. Null when
   * that was done. Rejects with a TailraceError `converter.*`;
   */
  prepare?(topic: string, schema: Schema, signal: AbortSignal): Promise<void> | null;
  /** How the compiled plan writes records as `toBytes` does. Absent: it cannot. */
  readonly format?: RecordFormat;
}

export interface HeaderConverter {
  toBytes(header: Header): EncodedHeader;
}
