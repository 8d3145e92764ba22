const MULTIPLIER = 0x5bd1e995;
const SEED = 0x9747b28c;

/** Kafka's murmur2 of a key (`org.apache.kafka.common.utils.Utils.murmur2`), as a signed 32-bit number. */
export function murmur2(data: Uint8Array): number {
  const length = data.length;
  let hash = SEED ^ length;
  let at = 0;
  for (; length - at >= 4; at += 4) {
    let word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  const rest = length - at;
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
