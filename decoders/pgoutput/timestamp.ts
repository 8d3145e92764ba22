import type { Cursor } from '../cursor.ts';

/** 2000-01-01 UTC in microseconds since 1970: the zero of Postgres' timestamps on the wire. */
export const POSTGRES_EPOCH_MICROS = 946_684_800_000_000;

/** Reads a TimestampTz (int64, microseconds since 2000 UTC) as microseconds since 1970 UTC. */
export function parseTimestamp(cursor: Cursor): number {
  return cursor.int64() + POSTGRES_EPOCH_MICROS;
}
