import type { ValueSink } from '../../../model/codec.ts';
import type { Schema, Value } from '../../../model/schema.ts';
import type { PgType, TypeRegistry } from '../catalog-types.ts';

/** The connector properties that decide how values appear, by their own names. */
export interface TypeOptions {
  readonly 'decimal.handling.mode': 'precise' | 'double' | 'string';
  readonly 'time.precision.mode':
    | 'adaptive'
    | 'adaptive_time_microseconds'
    | 'connect'
    | 'microseconds'
    | 'nanoseconds'
    | 'isostring';
  readonly 'binary.handling.mode': 'bytes' | 'base64' | 'base64-url-safe' | 'hex';
  readonly 'hstore.handling.mode': 'json' | 'map';
  readonly 'interval.handling.mode': 'numeric' | 'string';
  readonly 'money.fraction.digits': number;
  readonly 'include.unknown.datatypes': boolean;
  /** Text, or `hex:` and the bytes of a text in hexadecimal digits. */
  readonly 'unavailable.value.placeholder': string;
}

/** What a type's definition may look at. */
export interface TypeContext {
  /** The type itself, domains being resolved. */
  readonly type: PgType;
  /** Type modifier, -1 when there is none. */
  readonly modifier: number;
  readonly options: TypeOptions;
  readonly placeholder: Placeholder;
  readonly registry: TypeRegistry;
}

/** `unavailable.value.placeholder` as types need it. */
export interface Placeholder {
  readonly text: string;
  readonly bytes: Buffer;
}

/** How values of one type appear, whatever their column says of NULLs and defaults. */
export interface ColumnType {
  /** Not optional (unless the type always is), without a default. */
  readonly schema: Schema;
  read(bytes: Buffer, start: number, end: number): Value;
  /** Where it is absent, the value that was read is written. */
  write?(sink: ValueSink, bytes: Buffer, start: number, end: number): void;
  /** Stands for a value that a column which cannot be NULL does not have, as in a key-only row image. */
  readonly fallback: Value;
  /** Stands for a value that was not sent; absent for types that are never TOASTed. */
  readonly unavailable?: Value;
  /** Absent where defaults of the type do not go into the schema. */
  readonly defaults?: DefaultRules;
}

export interface DefaultRules {
  /** Stands for a default that only the server can compute; null where such a default is left out. */
  readonly computed: Value;
  /** The value of a literal's text, where it is not {@link ColumnType.read} of it. */
  parse?(text: string): Value;
}

/** Null: the type has no mapping. */
export type TypeFactory = (context: TypeContext) => ColumnType | null;

const HEX_PREFIX = 'hex:';

export function parsePlaceholder(configured: string): Placeholder {
  const bytes = configured.startsWith(HEX_PREFIX)
    ? Buffer.from(configured.slice(HEX_PREFIX.length), 'hex')
    : Buffer.from(configured);
  return { text: bytes.toString(), bytes };
}
