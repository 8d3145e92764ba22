import type { JsonMember, JsonValue } from './json-value.ts';
import { type JsonVisitor, walkJson } from './json-walk.ts';
import type { DateTime } from './temporal.ts';
import { parseUtf8 } from './unicode-text.ts';

/** A column's binary JSON as a tree; no bytes at all are the null literal. */
export function parseJson(bytes: Buffer, start: number, end: number): JsonValue {
  const builder = new TreeBuilder();
  walkJson(bytes, start, end, builder);
  return builder.root();
}

/** An array or object that is being filled; `members` is null of an array. */
interface OpenContainer {
  readonly elements: JsonValue[];
  readonly members: JsonMember[] | null;
  key: string;
}

class TreeBuilder implements JsonVisitor {
  readonly #open: OpenContainer[] = [{ elements: [], members: null, key: '' }];

  root(): JsonValue {
    return this.#open[0]!.elements[0]!;
  }

  null(): void {
    this.#add({ kind: 'null' });
  }

  boolean(value: boolean): void {
    this.#add({ kind: 'boolean', value });
  }

  integer(value: number | bigint): void {
    this.#add({ kind: 'integer', value });
  }

  double(value: number): void {
    this.#add({ kind: 'double', value });
  }

  string(bytes: Buffer, start: number, end: number): void {
    this.#add({ kind: 'string', value: parseUtf8(bytes, start, end) });
  }

  decimal(unscaled: number | bigint, scale: number): void {
    this.#add({ kind: 'decimal', unscaled, scale });
  }

  date(kind: 'date' | 'datetime' | 'timestamp', value: DateTime): void {
    this.#add({ kind, value: { ...value } });
  }

  time(micros: number): void {
    this.#add({ kind: 'time', micros });
  }

  opaque(type: number, bytes: Buffer, start: number, end: number): void {
    this.#add({ kind: 'opaque', type, bytes: bytes.subarray(start, end) });
  }

  beginArray(): void {
    this.#open.push({ elements: [], members: null, key: '' });
  }

  endArray(): void {
    this.#add({ kind: 'array', elements: this.#open.pop()!.elements });
  }

  beginObject(): void {
    this.#open.push({ elements: [], members: [], key: '' });
  }

  key(bytes: Buffer, start: number, end: number): void {
    this.#open.at(-1)!.key = parseUtf8(bytes, start, end);
  }

  endObject(): void {
    this.#add({ kind: 'object', members: this.#open.pop()!.members! });
  }

  #add(value: JsonValue): void {
    const { elements, members, key } = this.#open.at(-1)!;
    if (members === null) elements.push(value);
    else members.push([key, value]);
  }
}
