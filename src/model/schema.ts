/** Connect's schema types; `float32` and `float64` print as `float` and `double` in JSON schemas. */
export type SchemaType =
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'float32'
  | 'float64'
  | 'boolean'
  | 'string'
  | 'bytes'
  | 'array'
  | 'map'
  | 'struct';

/**
 * A Connect schema (org.apache.kafka.connect.data.Schema). `items` belongs to arrays, `keys` and `values` to maps,
 * `fields` to structs. `default` is a value of the schema itself; a null under a schema with a default is written as
 * that default (Connect's `replace.null.with.default`).
 */
export interface Schema {
  readonly type: SchemaType;
  readonly optional: boolean;
  readonly name?: string;
  readonly version?: number;
  readonly doc?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly default?: Value;
  readonly items?: Schema;
  readonly keys?: Schema;
  readonly values?: Schema;
  readonly fields?: readonly Field[];
}

export interface Field {
  readonly name: string;
  readonly schema: Schema;
}

/**
 * A value under a {@link Schema}:
 * int8..int32 number, int64 bigint, float32/float64 number, boolean, string, bytes Uint8Array,
 * array Value[], map Map, struct {@link Struct}. Connect's Decimal is its unscaled value's bytes
 * (big-endian two's complement, minimal length), the scale being in the schema.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | ReadonlyMap<Value, Value>
  | Struct;

/** Field values by name. Always made with a null prototype, so that a column may be called `__proto__`. */
export interface Struct {
  [field: string]: Value;
}

export function createStruct(): Struct {
  return Object.create(null) as Struct;
}
