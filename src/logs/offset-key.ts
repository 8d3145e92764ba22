import type { SourcePartition } from '../model/log.ts';

/** Connect's key of a source offset: `["<connector>",{<partition>}]`. Equal partitions must list their fields in the same order. */
export function formatOffsetKey(connector: string, partition: SourcePartition): string {
  return JSON.stringify([connector, partition]);
}

/** The inverse; null when the text is not such a key. */
export function parseOffsetKey(text: string): { connector: string; partition: SourcePartition } | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(parsed) || parsed.length !== 2) return null;
  const [connector, partition] = parsed as [unknown, unknown];
  if (typeof connector !== 'string' || typeof partition !== 'object' || partition === null) return null;
  return { connector, partition: partition as SourcePartition };
}
