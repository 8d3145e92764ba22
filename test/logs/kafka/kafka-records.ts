import { type EncodedHeader, type EncodedRecords, INDEX_STRIDE } from '../../../src/model/record.ts';
import type { Random } from '../../crash/random.ts';

export interface PlainRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly EncodedHeader[];
}

export const NO_HEADERS: readonly EncodedHeader[] = [];

/** Lists of headers that records share are given once, by identity. */
export function encodedRecords(
  topic: string,
  partition: number | null,
  records: readonly PlainRecord[],
): EncodedRecords {
  const headers: (readonly EncodedHeader[])[] = [];
  const index = new Int32Array(records.length * INDEX_STRIDE);
  const bytes: Buffer[] = [];
  records.forEach((record, i) => {
    let place = headers.indexOf(record.headers);
    if (place < 0) place = headers.push(record.headers) - 1;
    index.set([record.key?.length ?? -1, record.value?.length ?? -1, place], i * INDEX_STRIDE);
    bytes.push(...[record.key, record.value].filter((part) => part !== null));
  });
  const all = Buffer.concat(bytes);
  // As a slab is: there is more behind the records.
  const slab = Buffer.concat([all, Buffer.alloc(7, 0xee)]);
  return { topic, partition, count: records.length, bytes: slab, length: all.length, index, headers };
}

export function plainRecords(count: number, prefix = 'v'): PlainRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    key: Buffer.from(`key-${i}`),
    value: Buffer.from(`${prefix}-${i}`),
    headers: NO_HEADERS,
  }));
}

/** Of all shapes: nulls, nothing, sizes about where a varint gets longer, shared headers. */
export function randomRecords(random: Random, count: number): PlainRecord[] {
  const size = (): number => random.pick([0, 1, 5, 47, 48, 49, 62, 63, 64, 65, 300, 8_190, 8_191, 8_192, 20_000]);
  const bytes = (): Buffer => Buffer.alloc(size(), random.integer(0, 255));
  const nullable = (): Buffer | null => (random.next() < 0.2 ? null : bytes());
  const lists = [
    NO_HEADERS,
    [{ key: '', value: bytes() }],
    [
      { key: 'a', value: bytes() },
      { key: 'ключ-🔑', value: Buffer.from('x') },
      { key: 'c', value: Buffer.alloc(0) },
    ],
  ];
  return Array.from({ length: count }, () => ({ key: nullable(), value: nullable(), headers: random.pick(lists) }));
}
