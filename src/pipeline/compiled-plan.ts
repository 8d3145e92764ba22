import {
  ABSENT_VALUE,
  NULL_VALUE,
  type Row,
  type RowChange,
  type RowOp,
  UNCHANGED_VALUE,
} from '../../decoders/change.ts';
import { isKeyChange, valueError } from '../envelope/envelope.ts';
import type { TableShape } from '../envelope/table-shape.ts';
import { hasValue, isNotNull, needsValue } from '../envelope/unexpected-null.ts';
import type { SlabSink, ValueCodec } from '../model/codec.ts';
import type { ColumnMapping, SourceBlock, SourceBlockWriter } from '../model/plugin.ts';
import type { EncodedHeader } from '../model/record.ts';
import type { EnvelopePieces, RecordFormat } from '../model/record-format.ts';
import type { Output } from './output.ts';
import type { RecordWriter } from './record-writer.ts';
import type { NextInTransaction, RowEncoder } from './row-encoder.ts';

export interface CompiledPlanOptions {
  readonly shape: TableShape;
  readonly output: Output;
  readonly sourceBlock: SourceBlock;
  readonly keyFormat: RecordFormat;
  /** The format of the output's sinks. */
  readonly valueFormat: RecordFormat;
  readonly headers: readonly EncodedHeader[];
  readonly tombstones: boolean;
  /** Takes the changes that need more than this: a changed key, which puts structs into headers, and transaction metadata. */
  readonly structured: RowEncoder;
}

const EMPTY = Buffer.alloc(0);
const NO_ROOM = new Error('a null, for which the schema has no room');

/** Columns of a row as pieces of bytes and codecs: in JSON `{"a":` value `,"b":` value `}`. */
class RowTemplate {
  readonly #shape: TableShape;
  readonly #columns: readonly ColumnMapping[];
  readonly #codecs: readonly Pick<ValueCodec, 'write'>[];
  readonly #positions: Int32Array;
  readonly #before: readonly Buffer[];
  readonly #missing: readonly (Buffer | null)[];
  readonly #unavailable: readonly (Buffer | null)[];
  readonly #end: Buffer;
  readonly #notNull: readonly boolean[];
  /** Columns that have no placeholder for what is left out, and in which a null would not come out as one. */
  readonly #needsValue: readonly boolean[];
  /** A NULL was met in a column that is said to hold none: what was written is of no use. */
  unexpectedNull = false;

  constructor(columns: readonly ColumnMapping[], shape: TableShape, format: RecordFormat) {
    this.#shape = shape;
    this.#columns = columns;
    this.#positions = Int32Array.from(columns, (column) => 2 * column.index);
    const pieces = format.row(columns);
    this.#codecs = pieces.codecs;
    this.#before = pieces.before;
    this.#missing = pieces.missing;
    this.#unavailable = pieces.unavailable;
    this.#end = pieces.end;
    // By the table's own columns: a mask's text stands for NULL too.
    const within = (own: readonly ColumnMapping[]): readonly boolean[] => {
      const indexes = new Set(own.map((column) => column.index));
      return columns.map((column) => indexes.has(column.index));
    };
    this.#notNull = within(shape.mapping.columns.filter(isNotNull));
    this.#needsValue = within(shape.mapping.columns.filter(needsValue));
  }

  /** `before` lends the values that an update did not touch and the server did not send again. */
  write(sink: SlabSink, row: Row, before: Row | null): void {
    const { bytes, spans, base } = row;
    const positions = this.#positions;
    for (let i = 0; i < positions.length; i++) {
      const at = base + positions[i]!;
      const start = spans[at]!;
      if (start >= 0) this.#value(sink, i, bytes, start, spans[at + 1]!);
      else if (start === UNCHANGED_VALUE || start === ABSENT_VALUE) this.#unchanged(sink, i, start, before);
      else this.#absent(sink, i, row, start);
    }
    sink.raw(this.#end);
  }

  #value(sink: SlabSink, i: number, bytes: Buffer, start: number, end: number): void {
    sink.raw(this.#before[i]!);
    try {
      this.#codecs[i]!.write(sink, bytes, start, end);
    } catch (cause) {
      throw valueError(cause, this.#columns[i]!, this.#shape);
    }
  }

  /** In a key-only image the other columns are absent, not NULL. */
  #absent(sink: SlabSink, i: number, row: Row, start: number): void {
    if (start === NULL_VALUE && row.image !== 'key' && this.#notNull[i]!) this.unexpectedNull = true;
    this.#instead(sink, i, this.#missing[i]!);
  }

  #instead(sink: SlabSink, i: number, piece: Buffer | null): void {
    if (piece !== null) sink.raw(piece);
    // What was written up to here is of no use then, and no harm.
    else if (!this.unexpectedNull) throw valueError(NO_ROOM, this.#columns[i]!, this.#shape);
  }

  #unchanged(sink: SlabSink, i: number, mark: number, before: Row | null): void {
    if (before === null || !hasValue(before, this.#positions[i]! / 2)) {
      if (mark === ABSENT_VALUE && this.#needsValue[i]!) this.unexpectedNull = true;
      this.#instead(sink, i, this.#unavailable[i]!);
      return;
    }
    const at = before.base + this.#positions[i]!;
    const lent = before.spans[at]!;
    if (lent >= 0) this.#value(sink, i, before.bytes, lent, before.spans[at + 1]!);
    else this.#absent(sink, i, before, lent);
  }
}

/**
 * Bytes to bytes: a row's values go straight into its topic's slab, between pieces that are the same for a table or for a
 * transaction. Must equal what the structured plan and the converters give.
 */
export class CompiledPlan implements RowEncoder {
  readonly #options: CompiledPlanOptions;
  readonly #hasKey: boolean;
  readonly #keyRow: RowTemplate;
  readonly #row: RowTemplate;
  readonly #keyStart: Buffer;
  readonly #keyEnd: Buffer;
  readonly #valueStart: Buffer;
  readonly #valueEnd: Buffer;
  readonly #envelope: EnvelopePieces;
  readonly #sourceBlock: SourceBlockWriter;
  readonly #partitions: number | null;
  /** Keys are written here first where they decide on the partition, or are of another format than values. */
  readonly #keySink: SlabSink;
  readonly #isKeyFirst: boolean;

  /** What follows the source block in the batch at hand, by op. */
  #nowMicros = -1;
  #tails: Record<RowOp, Buffer> = { c: EMPTY, u: EMPTY, d: EMPTY, r: EMPTY };

  constructor(options: CompiledPlanOptions) {
    const { shape, keyFormat, valueFormat, output } = options;
    this.#options = options;
    this.#hasKey = shape.keySchema !== null;
    this.#keyRow = new RowTemplate(shape.key, shape, keyFormat);
    this.#row = new RowTemplate(shape.fields, shape, valueFormat);
    const key = shape.keySchema === null ? null : keyFormat.frame(shape.topic, shape.keySchema);
    const value = valueFormat.frame(shape.topic, shape.envelopeSchema);
    this.#envelope = valueFormat.envelope;
    this.#keyStart = key?.start ?? EMPTY;
    this.#keyEnd = key?.end ?? EMPTY;
    this.#valueStart = Buffer.concat([value.start, this.#envelope.before]);
    this.#valueEnd = value.end;
    this.#sourceBlock = valueFormat.sourceWriter(options.sourceBlock);
    this.#partitions = output.partitionsOf(shape.topic);
    this.#keySink = keyFormat.createSink(Buffer.allocUnsafeSlow(256));
    const isChosen = this.#partitions === 1 || this.#partitions === null;
    this.#isKeyFirst = !isChosen || keyFormat.kind !== valueFormat.kind;
  }

  encode(change: RowChange, nowMicros: number, nextInTransaction: NextInTransaction | null): boolean {
    const { shape, headers, structured } = this.#options;
    if (nextInTransaction !== null || isKeyChange(change, shape)) {
      return structured.encode(change, nowMicros, nextInTransaction);
    }
    if (nowMicros !== this.#nowMicros) this.#cutTails(nowMicros);
    const { op } = change;
    const keyed = op === 'd' ? change.before! : change.after!;
    const writer = this.#beginRecord(keyed, op === 'd' ? null : change.before);
    const { sink } = writer;
    const keyLength = this.#keyLength;
    const envelope = this.#envelope;
    const start = sink.position;
    sink.raw(this.#valueStart);
    this.#writeRow(sink, op === 'c' || op === 'r' ? null : change.before, null);
    sink.raw(envelope.after);
    this.#writeRow(sink, op === 'd' ? null : change.after, change.before);
    sink.raw(envelope.source);
    this.#sourceBlock.write(sink, change);
    sink.raw(this.#tails[op]);
    if (this.#row.unexpectedNull || this.#keyRow.unexpectedNull) {
      this.#row.unexpectedNull = this.#keyRow.unexpectedNull = false;
      sink.position = start - Math.max(0, keyLength);
      return false;
    }
    writer.push(keyLength, sink.position - start, headers);
    if (op === 'd' && this.#options.tombstones) this.#tombstone(keyed, headers);
    return true;
  }

  #writeRow(sink: SlabSink, row: Row | null, before: Row | null): void {
    if (row === null) {
      sink.raw(this.#envelope.noRow);
      return;
    }
    sink.raw(this.#envelope.row);
    this.#row.write(sink, row, before);
  }

  #keyLength = -1;

  /** Writes the key and leaves its length in `#keyLength`; returns the writer to put the value into. */
  #beginRecord(keyed: Row, before: Row | null): RecordWriter {
    const { shape, output } = this.#options;
    const { topic } = shape;
    if (!this.#hasKey) {
      this.#keyLength = -1;
      return output.writerFor(topic, null);
    }
    if (!this.#isKeyFirst) {
      const writer = output.writer(topic, this.#partitions === 1 ? 0 : null);
      const start = writer.sink.position;
      this.#writeKey(writer.sink, keyed, before);
      this.#keyLength = writer.sink.position - start;
      return writer;
    }
    const scratch = this.#keySink;
    scratch.position = 0;
    this.#writeKey(scratch, keyed, before);
    const key = scratch.buffer.subarray(0, scratch.position);
    const writer = output.writerFor(topic, key);
    writer.sink.raw(key);
    this.#keyLength = key.length;
    return writer;
  }

  #writeKey(sink: SlabSink, row: Row, before: Row | null): void {
    sink.raw(this.#keyStart);
    this.#keyRow.write(sink, row, before);
    sink.raw(this.#keyEnd);
  }

  #tombstone(row: Row, headers: readonly EncodedHeader[]): void {
    const writer = this.#beginRecord(row, null);
    writer.push(this.#keyLength, -1, headers);
  }

  #cutTails(nowMicros: number): void {
    const tail = (op: RowOp) => Buffer.concat([this.#envelope.tail(op, nowMicros), this.#valueEnd]);
    this.#nowMicros = nowMicros;
    this.#tails = { c: tail('c'), u: tail('u'), d: tail('d'), r: tail('r') };
  }
}
