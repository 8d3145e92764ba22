import { TailraceError } from '../model/errors.ts';
import type { SourceOffset } from '../model/log.ts';
import { parseOffsetKey } from './offset-key.ts';
import type { TransferredOffset } from './offset-lines.ts';

/** STREAM_MAGIC and STREAM_VERSION of the Java Object Serialization Stream Protocol. */
const MAGIC = 0xaced0005;
const TC = {
  null: 0x70,
  reference: 0x71,
  classDesc: 0x72,
  object: 0x73,
  array: 0x75,
  blockData: 0x77,
  end: 0x78,
} as const;
/** `HashMap` writes its capacity and its size, an int each, before its entries. */
const MAP_HEADER_BYTES = 8;

export function isJavaSerialized(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.readUInt32BE(0) === MAGIC;
}

/**
 * The offsets of a standalone worker (FileOffsetBackingStore): a serialized `HashMap<byte[], byte[]>` of the keys and values that
 * the offsets topic would have. Throws `config.unreadable` for anything else.
 */
export function readOffsetsFile(bytes: Buffer, name: string): readonly TransferredOffset[] {
  let entries: readonly (readonly [Buffer | null, Buffer | null])[];
  try {
    entries = new MapReader(bytes).read();
  } catch (cause) {
    if (!(cause instanceof NotAMap) && !(cause instanceof RangeError)) throw cause;
    throw new TailraceError('config.unreadable', `${name} is not an offsets file of a standalone worker of Connect`, {
      cause,
    });
  }
  return entries.map(([key, value]) => {
    const parsed = key === null ? null : parseOffsetKey(key.toString('utf8'));
    if (parsed === null) {
      throw new TailraceError('config.unreadable', `${name} holds a key that is not ["<connector>",{<partition>}]`);
    }
    return { ...parsed, offset: value === null ? null : parseOffset(value, parsed.connector, name) };
  });
}

function parseOffset(value: Buffer, connector: string, name: string): SourceOffset {
  try {
    const offset: unknown = JSON.parse(value.toString('utf8'));
    if (typeof offset === 'object' && offset !== null && !Array.isArray(offset)) return offset as SourceOffset;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new TailraceError(
    'config.unreadable',
    `${name} holds an offset of connector ${connector} that is no JSON object`,
  );
}

class NotAMap extends Error {
  override readonly name = 'NotAMap';
}

class MapReader {
  readonly #bytes: Buffer;
  #at = 4;
  /** What TC_REFERENCE points at: classes and arrays, in their order. */
  readonly #handles: (string | Buffer | null)[] = [];

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): readonly (readonly [Buffer | null, Buffer | null])[] {
    this.#expect(TC.object);
    if (this.#classDesc() !== 'java.util.HashMap') throw new NotAMap();
    this.#handles.push(null);
    // Fields of HashMap: float loadFactor, int threshold.
    this.#at += 8;
    this.#expect(TC.blockData);
    if (this.#byte() !== MAP_HEADER_BYTES) throw new NotAMap();
    this.#int();
    const size = this.#int();
    const entries: (readonly [Buffer | null, Buffer | null])[] = [];
    for (let i = 0; i < size; i++) entries.push([this.#array(), this.#array()]);
    return entries;
  }

  /** classDesc: TC_CLASSDESC name serialVersionUID handle flags fields TC_ENDBLOCKDATA superClass, or a reference to one. */
  #classDesc(): string | null {
    const tag = this.#byte();
    if (tag === TC.null) return null;
    if (tag === TC.reference) {
      const known = this.#handle();
      return typeof known === 'string' ? known : null;
    }
    if (tag !== TC.classDesc) throw new NotAMap();
    const length = this.#short();
    const name = this.#take(length).toString('latin1');
    this.#at += 8;
    this.#handles.push(name);
    // Flags.
    this.#at += 1;
    for (let fields = this.#short(); fields > 0; fields--) {
      const type = String.fromCharCode(this.#byte());
      this.#take(this.#short());
      if (type === 'L' || type === '[') throw new NotAMap();
    }
    this.#expect(TC.end);
    this.#classDesc();
    return name;
  }

  #array(): Buffer | null {
    const tag = this.#byte();
    if (tag === TC.null) return null;
    if (tag === TC.reference) {
      const known = this.#handle();
      if (!Buffer.isBuffer(known)) throw new NotAMap();
      return known;
    }
    if (tag !== TC.array || this.#classDesc() !== '[B') throw new NotAMap();
    const at = this.#handles.push(null) - 1;
    const bytes = this.#take(this.#int());
    this.#handles[at] = bytes;
    return bytes;
  }

  /** Handles count from baseWireHandle. */
  #handle(): string | Buffer | null {
    const known = this.#handles[this.#int() - 0x7e0000];
    if (known === undefined) throw new NotAMap();
    return known;
  }

  #expect(tag: number): void {
    if (this.#byte() !== tag) throw new NotAMap();
  }

  #take(length: number): Buffer {
    if (length < 0 || this.#at + length > this.#bytes.length) throw new NotAMap();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #byte(): number {
    return this.#take(1)[0]!;
  }

  #short(): number {
    return this.#take(2).readUInt16BE();
  }

  #int(): number {
    return this.#take(4).readInt32BE();
  }
}
