import type { Schema, Value } from './schema.ts';

export interface Header {
  readonly key: string;
  readonly schema: Schema;
  readonly value: Value;
}

/** One list for all records without headers: what is encoded per list is encoded once. */
export const NO_HEADERS: readonly Header[] = [];

/** A record in its structured form: what transforms and converters work on. A null schema goes with a null value. */
export interface SourceRecord {
  readonly topic: string;
  /** Null leaves the choice to the log's partitioner. */
  readonly partition: number | null;
  readonly keySchema: Schema | null;
  readonly key: Value;
  readonly valueSchema: Schema | null;
  readonly value: Value;
  readonly headers: readonly Header[];
}

/** What the records of one kind on a topic have for schemas. */
export interface RecordSchemas {
  readonly topic: string;
  readonly keySchema: Schema | null;
  readonly valueSchema: Schema;
}

export interface EncodedHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** Numbers per record in {@link EncodedRecords.index}. */
export const INDEX_STRIDE = 3;

/**
 * The records of one append for one topic partition (or for one topic), in order. `bytes[0, length)` holds them back to back, each its key
 * then its value; record `i` is described by `index[3i]` key length (-1: null key), `index[3i + 1]` value length
 * (-1: null value) and `index[3i + 2]`, its place in `headers` (records mostly share their headers).
 * Borrowed: valid until the append settles.
 */
export interface EncodedRecords {
  readonly topic: string;
  /** Null: the log puts each record where its key belongs, in the order they have here. */
  readonly partition: number | null;
  /** The topic is a source's own, `Batch.state`: it is kept whole, whatever the retention. Absent: it is not. */
  readonly kept?: boolean;
  readonly count: number;
  readonly bytes: Buffer;
  readonly length: number;
  readonly index: Int32Array;
  readonly headers: readonly (readonly EncodedHeader[])[];
}

/** One record as read back from a log. */
export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  /** The log offset. */
  readonly offset: number;
  /** Milliseconds since 1970 UTC at which it was appended. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly EncodedHeader[];
}
