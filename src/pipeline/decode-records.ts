import { type EncodedRecords, INDEX_STRIDE, type LogRecord } from '../model/record.ts';

/** The single records of an encoded part whose partition is chosen, as a log would give them back; their bytes are copies. */
export function decodeRecords(part: EncodedRecords, firstOffset: number, timestampMs: number): LogRecord[] {
  const { topic, partition, count, bytes, index, headers } = part;
  if (partition === null) throw new TypeError(`the partition of records of ${topic} is not chosen`);
  const records: LogRecord[] = [];
  let at = 0;
  const take = (length: number): Buffer | null => {
    if (length < 0) return null;
    at += length;
    return Buffer.from(bytes.subarray(at - length, at));
  };
  for (let i = 0; i < count; i++) {
    const key = take(index[i * INDEX_STRIDE]!);
    const value = take(index[i * INDEX_STRIDE + 1]!);
    records.push({
      topic,
      partition,
      offset: firstOffset + i,
      timestampMs,
      key,
      value,
      headers: headers[index[i * INDEX_STRIDE + 2]!]!,
    });
  }
  return records;
}
