/** java.util.HashMap: the table doubles when it is more than three quarters full. */
const LOAD_FACTOR = 0.75;
const DEFAULT_CAPACITY = 16;

/**
 * Entries in the order in which a java.util.HashMap that they were put into one by one gives them back: that order is
 * visible in the bytes that Debezium writes for hstore and sparse vectors.
 */
export function javaHashOrder<T>(
  entries: readonly T[],
  hashOf: (entry: T) => number,
  initialCapacity = DEFAULT_CAPACITY,
): T[] {
  let capacity = 1;
  while (capacity < initialCapacity) capacity *= 2;
  while (entries.length > capacity * LOAD_FACTOR) capacity *= 2;
  const bucketOf = (entry: T): number => {
    const hash = hashOf(entry);
    return (hash ^ (hash >>> 16)) & (capacity - 1);
  };
  return entries
    .map((entry) => ({ entry, bucket: bucketOf(entry) }))
    .sort((a, b) => a.bucket - b.bucket)
    .map(({ entry }) => entry);
}

/** java.lang.String.hashCode. */
export function javaStringHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}
