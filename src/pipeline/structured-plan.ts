import type { Row, RowChange } from '../../decoders/change.ts';
import { type EnvelopeBuilder, isKeyChange } from '../envelope/envelope.ts';
import type { TableShape } from '../envelope/table-shape.ts';
import { holdsNull, isGuarded, rowHoldsNull } from '../envelope/unexpected-null.ts';
import type { ColumnMapping, Converter, HeaderConverter } from '../model/plugin.ts';
import type { EncodedHeader, Header, SourceRecord } from '../model/record.ts';
import type { Output } from './output.ts';
import type { NextInTransaction, RowEncoder } from './row-encoder.ts';

/** Structured records through the converters into the output. */
export class RecordEncoder {
  readonly #output: Output;
  readonly #keys: Converter;
  readonly #values: Converter;
  readonly #headers: HeaderConverter;
  readonly #encodedHeaders = new WeakMap<readonly Header[], readonly EncodedHeader[]>();

  constructor(output: Output, keys: Converter, values: Converter, headers: HeaderConverter) {
    this.#output = output;
    this.#keys = keys;
    this.#values = values;
    this.#headers = headers;
  }

  encode(record: SourceRecord): void {
    const { topic } = record;
    const key = this.#keys.toBytes(topic, record.keySchema, record.key);
    const value = this.#values.toBytes(topic, record.valueSchema, record.value);
    this.#output.append(topic, record.partition, key, value, this.headers(record.headers));
  }

  /** Encoded once per list: the context headers of a run are one list. */
  headers(headers: readonly Header[]): readonly EncodedHeader[] {
    let encoded = this.#encodedHeaders.get(headers);
    if (encoded === undefined) {
      encoded = headers.map((header) => this.#headers.toBytes(header));
      this.#encodedHeaders.set(headers, encoded);
    }
    return encoded;
  }
}

/** Values -> envelope -> converters: the specification of what a row change becomes. */
export class StructuredPlan implements RowEncoder {
  readonly #shape: TableShape;
  /** Of the value and of the key: columns in which a null may have to be admitted. */
  readonly #fields: readonly ColumnMapping[];
  readonly #key: readonly ColumnMapping[];
  /** Places of all of them in a row's spans. */
  readonly #guarded: Int32Array;
  readonly #envelopes: EnvelopeBuilder;
  readonly #records: RecordEncoder;

  constructor(shape: TableShape, envelopes: EnvelopeBuilder, records: RecordEncoder) {
    this.#shape = shape;
    // The table's own columns: a mask's text stands for NULL, too.
    const guarded = shape.mapping.columns.filter(isGuarded);
    const among = (columns: readonly ColumnMapping[]) =>
      guarded.filter((one) => columns.some((c) => c.index === one.index));
    this.#fields = among(shape.fields);
    this.#key = among(shape.key);
    this.#guarded = Int32Array.from(guarded, (column) => 2 * column.index);
    this.#envelopes = envelopes;
    this.#records = records;
  }

  encode(change: RowChange, nowMicros: number, nextInTransaction: NextInTransaction | null): boolean {
    if (this.holdsNull(change)) return false;
    for (const record of this.#envelopes.row(change, this.#shape, { nowMicros, nextInTransaction })) {
      this.#records.encode(record);
    }
    return true;
  }

  /** Whether the change has a NULL in a column that is said to hold none. Only what is written counts: of an old row the key is, when it has changed or the row is gone. */
  holdsNull(change: RowChange): boolean {
    const { op, before, after } = change;
    if (!this.#lacksAny(before) && !this.#lacksAny(after)) return false;
    if (holdsNull(change, this.#fields)) return true;
    const tellsOldKey = before !== null && (op === 'd' || isKeyChange(change, this.#shape));
    if (tellsOldKey && rowHoldsNull(before, null, this.#key)) return true;
    return op !== 'd' && after !== null && rowHoldsNull(after, before, this.#key);
  }
  /** Nearly every row has a value in each of them, which is quickly seen. */
  #lacksAny(row: Row | null): boolean {
    if (row === null) return false;
    const { spans, base } = row;
    const guarded = this.#guarded;
    for (let i = 0; i < guarded.length; i++) if (spans[base + guarded[i]!]! < 0) return true;
    return false;
  }
}
