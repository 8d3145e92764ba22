import type { Schema, Value } from './schema.ts';

/**
 * Where the compiled path writes a value: implemented by a converter (JSON text, Avro binary).
 * Calls come in schema order; there is one call per value.
 */
export interface ValueSink {
  boolean(value: boolean): void;
  /** An integer of any width as its decimal text in `bytes[start, end)`: optional minus, no leading zeros. */
  integerText(bytes: Buffer, start: number, end: number): void;
  /** A safe integer. */
  integer(value: number): void;
  bigint(value: bigint): void;
  float32(value: number): void;
  float64(value: number): void;
  /** A string given as UTF-8 bytes. */
  utf8(bytes: Buffer, start: number, end: number): void;
  string(value: string): void;
  /** A bytes value. */
  binary(bytes: Uint8Array, start: number, end: number): void;
  /** Any value under its schema: the slow road for arrays, maps and structs, and the only one for null. */
  value(schema: Schema, value: Value): void;
}

/** A sink that writes into a slab, which it replaces by a larger one when it is full: what was written is `buffer[0, position)`. */
export interface SlabSink extends ValueSink {
  buffer: Buffer;
  position: number;
  /** Bytes of the sink's own format as they are. */
  raw(bytes: Uint8Array): void;
}

/**
 * The one definition of a column type: its schema and how the source's bytes become a value of it.
 * `write` must give a sink exactly what `sink.value(schema, read(...))` would.
 * Neither is called for NULL or for an unchanged TOAST value. Both throw on text that the type cannot hold.
 */
export interface ValueCodec {
  /** The field's schema, with `optional` and `default` of the column in it. */
  readonly schema: Schema;
  read(bytes: Buffer, start: number, end: number): Value;
  write(sink: ValueSink, bytes: Buffer, start: number, end: number): void;
  /** What stands for NULL or an absent value: null, the column's default, or (NOT NULL without one) the type's fallback. */
  readonly missing: Value;
  /** What stands for a TOASTed value that was not sent (`unavailable.value.placeholder` in the type's form). */
  readonly unavailable: Value;
}
