import type { RowOp } from '../../decoders/change.ts';
import type { SlabSink, ValueCodec } from './codec.ts';
import type { ColumnMapping, SourceBlock, SourceBlockWriter } from './plugin.ts';
import type { Schema } from './schema.ts';

/** The bytes of records that are the same for a table version; the values of a row go between them. */
export interface RecordFormat {
  /** Formats of one kind write through the same sinks. */
  readonly kind: 'json' | 'avro';
  createSink(slab?: Buffer): SlabSink;
  /** What stands before and after a key or value of the topic. */
  frame(topic: string, schema: Schema): { readonly start: Buffer; readonly end: Buffer };
  row(columns: readonly ColumnMapping[]): RowPieces;
  readonly envelope: EnvelopePieces;
  sourceWriter(block: SourceBlock): SourceBlockWriter;
}

/** A struct of a row's columns. What stands for no value is the column as a whole; null: the schema has no room for it. */
export interface RowPieces {
  /** What stands before the value of each column. */
  readonly before: readonly Buffer[];
  readonly codecs: readonly Pick<ValueCodec, 'write'>[];
  readonly missing: readonly (Buffer | null)[];
  readonly unavailable: readonly (Buffer | null)[];
  readonly end: Buffer;
}

/** Debezium's envelope around two rows and a source block. */
export interface EnvelopePieces {
  /** Up to `before`, to `after` and to `source`. */
  readonly before: Buffer;
  readonly after: Buffer;
  readonly source: Buffer;
  /** In the place of a row that there is not, and ahead of one that there is. */
  readonly noRow: Buffer;
  readonly row: Buffer;
  /** What follows the source block: no `transaction`, `op` and the three times. */
  tail(op: RowOp, nowMicros: number): Buffer;
}
