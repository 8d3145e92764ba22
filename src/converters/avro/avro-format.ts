import type { RowChange, RowOp, Tx } from '../../../decoders/change.ts';
import { OPTIONAL_INT64, STRING, TRANSACTION_BLOCK } from '../../envelope/event-schemas.ts';
import type { SlabSink, ValueCodec } from '../../model/codec.ts';
import type {
  ColumnMapping,
  SourceBlock,
  SourceBlockFrame,
  SourceBlockWriter,
  VaryingField,
} from '../../model/plugin.ts';
import type { EnvelopePieces, RecordFormat, RowPieces } from '../../model/record-format.ts';
import type { Field, Schema, Struct, Value } from '../../model/schema.ts';
import { AvroSink } from './avro-sink.ts';
import { branchOf, NullRefusal, writeAvroValue } from './avro-value.ts';

const EMPTY = Buffer.alloc(0);
/** More than the fields of a source block mostly take. */
const SCRATCH_BYTES = 512;
/** Branches of the union of null and a row. */
const NO_ROW = Buffer.from([0]);
const ROW = Buffer.from([2]);

export interface AvroFormatOptions {
  readonly keepsNull: boolean;
  /** Magic byte and schema id. */
  prefix(topic: string, schema: Schema): Buffer;
}

/** Records in Avro's binary encoding, whose structs are their fields one after another with nothing between. */
export function createAvroFormat({ keepsNull, prefix }: AvroFormatOptions): RecordFormat {
  const encode = (schema: Schema, value: Value): Buffer => {
    const sink = new AvroSink(undefined, keepsNull);
    writeAvroValue(sink, schema, value);
    return Buffer.from(sink.buffer.subarray(0, sink.position));
  };
  return {
    kind: 'avro',
    createSink: (slab) => new AvroSink(slab, keepsNull),
    frame: (topic, schema) => ({ start: prefix(topic, schema), end: EMPTY }),
    row: (columns) => rowPieces(columns, encode, keepsNull),
    envelope: envelopePieces(encode),
    sourceWriter: (block) => new AvroSourceWriter(block, keepsNull),
  };
}

type Encode = (schema: Schema, value: Value) => Buffer;

function rowPieces(columns: readonly ColumnMapping[], encode: Encode, keepsNull: boolean): RowPieces {
  // What a required column has in the place of a value is there only where it can be needed.
  const piece = (schema: Schema, value: Value): Buffer =>
    value === null && !schema.optional && (keepsNull || (schema.default ?? null) === null)
      ? EMPTY
      : encode(schema, value);
  return {
    before: columns.map(({ codec: { schema } }) => (schema.optional ? Buffer.from([branchOf(schema, false)]) : EMPTY)),
    codecs: columns.map(({ codec }) => new NullableCodec(codec, piece(codec.schema, null))),
    missing: columns.map(({ codec }) => piece(codec.schema, codec.missing)),
    unavailable: columns.map(({ codec }) => piece(codec.schema, codec.unavailable)),
    end: EMPTY,
  };
}

/** Takes the branch that stands before a value back where the value turns out to be null. */
class NullableCodec implements Pick<ValueCodec, 'write'> {
  readonly #codec: ValueCodec;
  readonly #null: Buffer | null;

  constructor(codec: ValueCodec, nullPiece: Buffer | null) {
    this.#codec = codec;
    this.#null = nullPiece;
  }

  write(sink: AvroSink, bytes: Buffer, start: number, end: number): void {
    const at = sink.position;
    this.#codec.write(sink, bytes, start, end);
    if (!sink.metNull) return;
    sink.metNull = false;
    if (this.#null === null) throw new NullRefusal(this.#codec.schema);
    sink.position = this.#codec.schema.optional ? at - 1 : at;
    sink.raw(this.#null);
  }
}

function envelopePieces(encode: Encode): EnvelopePieces {
  const noTransaction = encode(TRANSACTION_BLOCK, null);
  return {
    before: EMPTY,
    after: EMPTY,
    source: EMPTY,
    noRow: NO_ROW,
    row: ROW,
    tail(op: RowOp, nowMicros: number): Buffer {
      const micros = BigInt(nowMicros);
      const times = [micros / 1000n, micros, micros * 1000n].map((time) => encode(OPTIONAL_INT64, time));
      return Buffer.concat([noTransaction, encode(STRING, op), ...times]);
    },
  };
}

/** The fields of a block that stay the same are encoded once for a transaction and table; those that vary go between. */
class AvroSourceWriter<T extends Tx> implements SourceBlockWriter<T> {
  readonly #block: SourceBlock<T>;
  readonly #varying: readonly VaryingField<T>[];
  /** Fields between the varying ones: one list more than there are of those. */
  readonly #runs: readonly (readonly Field[])[];
  /** Branches of the varying fields' unions. */
  readonly #branches: readonly Buffer[];
  /** A transaction may have one change alone: its pieces are cut without a new sink. */
  readonly #scratch: AvroSink;
  #frame: SourceBlockFrame<T> | null = null;
  #pieces: readonly Buffer[] = [];

  constructor(block: SourceBlock<T>, keepsNull: boolean) {
    this.#block = block;
    this.#scratch = new AvroSink(Buffer.allocUnsafeSlow(SCRATCH_BYTES), keepsNull);
    this.#varying = block.varyingFields();
    const fields = block.schema.fields!;
    const places = this.#varying.map(({ name }) => fields.findIndex((field) => field.name === name));
    this.#runs = [...places, fields.length].map((end, i) => fields.slice(i === 0 ? 0 : places[i - 1]! + 1, end));
    this.#branches = places.map((place) => {
      const { schema } = fields[place]!;
      return schema.optional ? Buffer.from([branchOf(schema, false)]) : EMPTY;
    });
  }

  write(sink: SlabSink, change: RowChange<T>): void {
    if (this.#frame === null || !this.#block.isFramedBy(this.#frame, change)) this.#cut(change);
    const varying = this.#varying;
    for (let i = 0; i < varying.length; i++) {
      sink.raw(this.#pieces[i]!);
      varying[i]!.write(sink, change);
    }
    sink.raw(this.#pieces[varying.length]!);
  }

  #cut(change: RowChange<T>): void {
    const { tx, table, snapshot } = change;
    const struct: Struct = this.#block.struct(change, table);
    this.#frame = { tx, table, snapshot };
    this.#pieces = this.#runs.map((run, i) => {
      const sink = this.#scratch;
      sink.position = 0;
      for (const { name, schema } of run) writeAvroValue(sink, schema, struct[name] ?? null);
      sink.raw(this.#branches[i] ?? EMPTY);
      return Buffer.from(sink.buffer.subarray(0, sink.position));
    });
  }
}
