import type { Table } from '../../decoders/change.ts';
import type { EnvelopeBuilder } from '../envelope/envelope.ts';
import type { TableShape } from '../envelope/table-shape.ts';
import type { Converter, SourceBlock } from '../model/plugin.ts';
import type { EncodedHeader, RecordSchemas } from '../model/record.ts';
import { CompiledPlan } from './compiled-plan.ts';
import type { Output } from './output.ts';
import type { RowEncoder } from './row-encoder.ts';
import { type RecordEncoder, StructuredPlan } from './structured-plan.ts';

export interface TableEntryOptions {
  readonly envelopes: EnvelopeBuilder;
  readonly records: RecordEncoder;
  readonly output: Output;
  readonly sourceBlock: SourceBlock;
  readonly keys: Converter;
  readonly values: Converter;
  /** Of every data change. */
  readonly headers: readonly EncodedHeader[];
  readonly tombstones: boolean;
  readonly compiled: boolean;
}

/** A table version and its plans. */
export class TableEntry {
  readonly shape: TableShape;
  readonly structured: StructuredPlan;
  readonly #options: TableEntryOptions;
  #encoder: RowEncoder | null = null;

  constructor(shape: TableShape, options: TableEntryOptions) {
    this.shape = shape;
    this.structured = new StructuredPlan(shape, options.envelopes, options.records);
    this.#options = options;
  }

  get table(): Table {
    return this.shape.mapping.table;
  }

  get schemas(): RecordSchemas {
    const { topic, keySchema, envelopeSchema } = this.shape;
    return { topic, keySchema, valueSchema: envelopeSchema };
  }

  /** Made when its first row comes: by then the schemas are registered, whose ids it puts into the records. */
  get encoder(): RowEncoder {
    this.#encoder ??= this.#plan();
    return this.#encoder;
  }

  #plan(): RowEncoder {
    const { keys, values, compiled, ...rest } = this.#options;
    const { shape, structured } = this;
    if (!compiled || keys.format === undefined || values.format === undefined) return structured;
    return new CompiledPlan({ ...rest, shape, structured, keyFormat: keys.format, valueFormat: values.format });
  }
}
