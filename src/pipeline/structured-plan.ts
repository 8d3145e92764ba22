import type { RowChange } from '../../decoders/change.ts';
import type { EnvelopeBuilder } from '../envelope/envelope.ts';
import type { TableShape } from '../envelope/table-shape.ts';
import { holdsNull, isGuarded } from '../envelope/unexpected-null.ts';
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
  readonly #guarded: readonly ColumnMapping[];
  readonly #envelopes: EnvelopeBuilder;
  readonly #records: RecordEncoder;

  constructor(shape: TableShape, envelopes: EnvelopeBuilder, records: RecordEncoder) {
    this.#shape = shape;
    this.#guarded = shape.mapping.columns.filter(isGuarded);
    this.#envelopes = envelopes;
    this.#records = records;
  }

  encode(change: RowChange, nowMicros: number, nextInTransaction: NextInTransaction | null): boolean {
    if (holdsNull(change, this.#guarded)) return false;
    for (const record of this.#envelopes.row(change, this.#shape, { nowMicros, nextInTransaction })) {
      this.#records.encode(record);
    }
    return true;
  }
}
