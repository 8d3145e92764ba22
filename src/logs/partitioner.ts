const MULTIPLIER = 0x5bd1e995;
const SEED = 0x9747b28c;

/** Kafka's murmur2 of a key (`org.apache.kafka.common.utils.Utils.murmur2`), as a signed 32-bit number. */
export function murmur2(data: Uint8Array, start = 0, end = data.length): number {
  let hash = SEED ^ (end - start);
  let at = start;
  for (; end - at >= 4; at += 4) {
    let word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  const rest = end - at;
  if (rest > 0) {
    if (rest === 3) hash ^= data[at + 2]! << 16;
    if (rest >= 2) hash ^= data[at + 1]! << 8;
    hash = Math.imul(hash ^ data[at]!, MULTIPLIER);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/**
 * The partition of a record: Kafka's default partitioner for a keyed one, so that the same key lands where Java's client
 * puts it. A null key goes by the hash of the topic's name, always to the same partition: Kafka would spread it, but the
 * changes of a table without a key must stay in order.
 */
export function partitionFor(topic: string, key: Uint8Array | null, partitions: number): number {
  if (partitions === 1) return 0;
  return (murmur2(key ?? Buffer.from(topic)) & 0x7fffffff) % partitions;
}

/** As {@link partitionFor}, of a key that lies in a buffer; a negative `length` is a null key. */
export function partitionForSpan(
  topic: string,
  bytes: Uint8Array,
  start: number,
  length: number,
  partitions: number,
): number {
  if (length < 0) return partitionFor(topic, null, partitions);
  return partitions === 1 ? 0 : (murmur2(bytes, start, start + length) & 0x7fffffff) % partitions;
}
