import { closeSync, openSync, readSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EncodedHeader, LogRecord } from '../../src/model/record.ts';

const CHUNK_BYTES = 1 << 20;

/** Topics as Kafka's own consumer has read them into files: what is committed, and up to the end there was. */
export class TopicDump implements AsyncDisposable {
  readonly #folder: string;
  /** Name to number of partitions. */
  readonly topics: ReadonlyMap<string, number>;

  constructor(folder: string, topics: ReadonlyMap<string, number>) {
    this.#folder = folder;
    this.topics = topics;
  }

  *read(topic: string, partition: number): Generator<LogRecord> {
    const file = openSync(join(this.#folder, `${topic}:${partition}`), 'r');
    try {
      const input = new Input(file);
      while (!input.isAtEnd()) yield { topic, partition, ...readRecord(input) };
    } finally {
      closeSync(file);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function readRecord(input: Input): Omit<LogRecord, 'topic' | 'partition'> {
  const offset = input.long();
  const timestampMs = input.long();
  const key = input.bytes();
  const value = input.bytes();
  const headers: EncodedHeader[] = [];
  for (let count = input.int(); count > 0; count--) {
    const name = input.bytes();
    headers.push({ key: name === null ? '' : name.toString(), value: input.bytes() });
  }
  return { offset, timestampMs, key, value, headers };
}

/** Reads what Java's DataOutputStream has written. */
class Input {
  readonly #file: number;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(file: number) {
    this.#file = file;
  }

  isAtEnd(): boolean {
    return this.#at === this.#chunk.length && !this.#fill(1);
  }

  int(): number {
    return this.#take(4).readInt32BE();
  }

  long(): number {
    return Number(this.#take(8).readBigInt64BE());
  }

  bytes(): Buffer | null {
    const length = this.int();
    return length < 0 ? null : this.#take(length);
  }

  /** A view that stays valid: a filled chunk is never written to again. */
  #take(length: number): Buffer {
    if (this.#chunk.length - this.#at < length && !this.#fill(length))
      throw new Error('a dump of a topic is cut short');
    const taken = this.#chunk.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  #fill(needed: number): boolean {
    const rest = this.#chunk.subarray(this.#at);
    const chunk = Buffer.alloc(Math.max(CHUNK_BYTES, needed));
    rest.copy(chunk);
    let filled = rest.length;
    while (filled < chunk.length) {
      const count = readSync(this.#file, chunk, filled, chunk.length - filled, null);
      if (count === 0) break;
      filled += count;
    }
    this.#chunk = chunk.subarray(0, filled);
    this.#at = 0;
    return filled >= needed;
  }
}
