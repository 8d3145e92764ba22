import assert from 'node:assert/strict';
import avsc from 'avsc';

/** Longs as texts of their digits, so that what was read can be compared. */
const LONG = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE().toString(),
  toBuffer: (digits: string) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(digits));
    return bytes;
  },
  fromJSON: String,
  toJSON: (digits: string) => digits,
  isValid: (value: unknown) => typeof value === 'string' && /^-?\d+$/.test(value),
  compare: (one: string, other: string) => (BigInt(one) < BigInt(other) ? -1 : one === other ? 0 : 1),
});

/** A type of avsc for a schema as it is registered. */
export function avroType(schema: string): avsc.Type {
  // Defaults are for readers with another schema, and avsc refuses those that a double cannot hold.
  const parsed: unknown = JSON.parse(schema, (key, value: unknown) => (key === 'default' ? undefined : value));
  return avsc.Type.forSchema(parsed as avsc.Schema, {
    typeHook: (given) => (given === 'long' || (given as { type?: unknown }).type === 'long' ? LONG : undefined),
  });
}

/** The id of its schema that a record begins with, and what follows. */
export function splitRecord(bytes: Buffer): { readonly id: number; readonly body: Buffer } {
  assert.equal(bytes[0], 0, 'the magic byte');
  return { id: bytes.readInt32BE(1), body: bytes.subarray(5) };
}

/** Reads records by the schemas that a registry has for them, as a consumer does that knows nothing else. */
export class RegistryReader {
  readonly #url: string;
  readonly #types = new Map<number, avsc.Type>();

  constructor(url: string) {
    this.#url = url;
  }

  async schema(id: number): Promise<{ readonly schema: string; readonly schemaType?: string }> {
    const response = await fetch(`${this.#url}/schemas/ids/${id}`);
    assert.ok(response.ok, `the registry has no schema ${id}`);
    return (await response.json()) as { schema: string; schemaType?: string };
  }

  async read(bytes: Buffer): Promise<unknown> {
    const { id, body } = splitRecord(bytes);
    const type = this.#types.get(id) ?? avroType((await this.schema(id)).schema);
    this.#types.set(id, type);
    return JSON.parse(JSON.stringify(type.fromBuffer(body)));
  }
}
