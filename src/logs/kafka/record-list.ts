import { type EncodedHeader, type EncodedRecords, INDEX_STRIDE } from '../../model/record.ts';

export interface RecordParts {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly EncodedHeader[];
}

/** Records of one topic from their parts, which are copied. */
export function recordList(
  place: Pick<EncodedRecords, 'topic' | 'partition' | 'kept'>,
  records: readonly RecordParts[],
): EncodedRecords {
  const index = new Int32Array(records.length * INDEX_STRIDE);
  const headers: (readonly EncodedHeader[])[] = [];
  const pieces: Buffer[] = [];
  records.forEach(({ key, value, headers: own }, i) => {
    let at = headers.indexOf(own);
    if (at === -1) at = headers.push(own) - 1;
    index.set([key?.length ?? -1, value?.length ?? -1, at], i * INDEX_STRIDE);
    if (key !== null) pieces.push(key);
    if (value !== null) pieces.push(value);
  });
  const bytes = Buffer.concat(pieces);
  return { ...place, count: records.length, bytes, length: bytes.length, index, headers };
}

/** The parts of each record, as views. */
export function* partsOf({ bytes, index, headers, count }: EncodedRecords): Generator<RecordParts> {
  let at = 0;
  for (let i = 0; i < count * INDEX_STRIDE; i += INDEX_STRIDE) {
    const [keyLength, valueLength] = [index[i]!, index[i + 1]!];
    const valueAt = at + Math.max(keyLength, 0);
    const end = valueAt + Math.max(valueLength, 0);
    yield {
      key: keyLength < 0 ? null : bytes.subarray(at, valueAt),
      value: valueLength < 0 ? null : bytes.subarray(valueAt, end),
      headers: headers[index[i + 2]!]!,
    };
    at = end;
  }
}
