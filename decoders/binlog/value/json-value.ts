import type { DateTime } from './temporal.ts';

/**
 * A JSON value as the server stores it: numbers keep their kind, and values of SQL types that JSON does not have
 * ("opaque" ones) keep theirs.
 */
export type JsonValue =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** 16, 32 and 64 bit, signed and unsigned: a bigint where it is beyond 2^53 - 1. */
  | { readonly kind: 'integer'; readonly value: number | bigint }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'decimal'; readonly unscaled: number | bigint; readonly scale: number }
  | { readonly kind: 'date' | 'datetime' | 'timestamp'; readonly value: DateTime }
  /** Signed microseconds. */
  | { readonly kind: 'time'; readonly micros: number }
  /** Any other SQL type, by its column type code. */
  | { readonly kind: 'opaque'; readonly type: number; readonly bytes: Buffer }
  | JsonArray
  | JsonObject;

export interface JsonArray {
  readonly kind: 'array';
  readonly elements: readonly JsonValue[];
}

export interface JsonObject {
  readonly kind: 'object';
  /** In the server's order: by length of the key in bytes, then by its bytes. */
  readonly members: readonly JsonMember[];
}

export type JsonMember = readonly [key: string, value: JsonValue];
