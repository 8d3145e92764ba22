import type { ValueSink } from '../../../model/codec.ts';
import type { Schema, Value } from '../../../model/schema.ts';

export type ReadValue = (bytes: Buffer, start: number, end: number) => Value;
export type WriteValue = (sink: ValueSink, bytes: Buffer, start: number, end: number) => void;

/** How values of one type appear, whatever their column says of NULLs and defaults. */
export interface ColumnType {
  /** Not optional (unless the type always is), without a default. */
  readonly schema: Schema;
  /** Null of a value that counts as NULL: a zero or partial date. */
  readonly read: ReadValue;
  /** Where both writes are absent, the value that was read is written. */
  readonly write?: WriteValue;
  /** Instead of {@link write} where a value may count as NULL: then nothing is written and the answer is false. */
  readonly writeUnlessZero?: (...parameters: Parameters<WriteValue>) => boolean;
  /** Stands for NULL in a column that cannot hold it, as for a zero date. */
  readonly fallback: Value;
  /** Stands for a value that a row image leaves out; absent where only null can. */
  readonly unavailable?: Value;
  /**
   * The value of a default's text, without quotes; null where the schema goes without it (`optional`: the column's).
   * Throws on a text that is no value of the type. Absent where defaults of the type do not go into the schema.
   */
  readonly parseDefault?: (text: string, optional: boolean) => Value;
}

/** `unavailable.value.placeholder` as types need it. */
export interface Placeholder {
  readonly text: string;
  readonly bytes: Buffer;
}

const HEX_PREFIX = 'hex:';

export function parsePlaceholder(configured: string): Placeholder {
  const bytes = configured.startsWith(HEX_PREFIX)
    ? Buffer.from(configured.slice(HEX_PREFIX.length), 'hex')
    : Buffer.from(configured);
  return { text: bytes.toString(), bytes };
}
