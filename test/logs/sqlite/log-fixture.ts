import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Append } from '../../../src/model/log.ts';
import type { EncodedHeader, EncodedRecords, LogRecord } from '../../../src/model/record.ts';

export interface PlainRecord {
  readonly key: string | null;
  readonly value: string | null;
  readonly headers?: readonly EncodedHeader[];
}

/** A folder of a test's own. */
export class TempFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'tailrace-log-'));

  file(name = 'log.db'): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function encodeRecords(topic: string, records: readonly PlainRecord[], partition = 0): EncodedRecords {
  const headers = [...new Set(records.map((record) => record.headers ?? NO_HEADERS))];
  const parts: Buffer[] = [];
  const index = new Int32Array(records.length * 3);
  for (const [i, { key, value, headers: list }] of records.entries()) {
    for (const [k, text] of [key, value].entries()) {
      const bytes = text === null ? null : Buffer.from(text);
      index[i * 3 + k] = bytes === null ? -1 : bytes.length;
      if (bytes !== null) parts.push(bytes);
    }
    index[i * 3 + 2] = headers.indexOf(list ?? NO_HEADERS);
  }
  const packed = Buffer.concat(parts);
  // Longer than its content, as a reused slab is.
  const bytes = Buffer.concat([packed, Buffer.from('slack')]);
  return { topic, partition, count: records.length, bytes, length: packed.length, index, headers };
}

const NO_HEADERS: readonly EncodedHeader[] = [];

export const SERVER = { server: 'app' };

export function appendOf(
  epoch: number,
  records: readonly EncodedRecords[],
  lsn = 1,
  timestampMs = 1_700_000_000_000,
): Append {
  return { connector: 'shop', epoch, records, partition: SERVER, offset: { lsn }, timestampMs };
}

export function plain(record: LogRecord): [number, string | null, string | null] {
  return [record.offset, record.key?.toString() ?? null, record.value?.toString() ?? null];
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** A seeded generator of numbers in [0, 1) (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function testSeed(): number {
  return process.env.TEST_SEED === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(process.env.TEST_SEED);
}
