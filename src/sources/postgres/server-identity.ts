import type { Client } from 'pg';
import { formatLsn, parseLsn } from '../../../decoders/pgoutput/lsn.ts';
import { TailraceError } from '../../model/errors.ts';
import type { Position, ServerIdentity } from './offset.ts';

export interface Server extends ServerIdentity {
  /** End of the WAL that the server has flushed; on a standby, that it has replayed. */
  readonly walEndLsn: number;
  readonly isStandby: boolean;
}

export async function identifyServer(replication: Client): Promise<Server> {
  const { rows } = await replication.query<{ systemid: string; timeline: number | string; xlogpos: string }>(
    'IDENTIFY_SYSTEM',
  );
  const { systemid, timeline, xlogpos } = rows[0]!;
  const recovery = await replication.query<{ standby: boolean }>('SELECT pg_catalog.pg_is_in_recovery() AS standby');
  // int4 before PostgreSQL 16, int8, which pg gives as text, from then on.
  return {
    systemId: systemid,
    timeline: Number(timeline),
    walEndLsn: parseLsn(xlogpos),
    isStandby: recovery.rows[0]!.standby,
  };
}

/**
 * Whether LSNs of the stored position mean the same on this server: the same cluster, and, after a failover, all that was
 * delivered lies before the point at which the new timeline left the old one. Returns the `source.position_lost` where it
 * does not; throws `source.identity_changed` for another cluster.
 */
export async function findDivergence(
  { server: stored, endLsn, skip, messageLsn }: Pick<Position, 'server' | 'endLsn' | 'skip' | 'messageLsn'>,
  server: Server,
  readHistory: (timeline: number) => Promise<string>,
): Promise<TailraceError | null> {
  if (stored === null) return null;
  if (stored.systemId !== server.systemId) {
    throw new TailraceError(
      'source.identity_changed',
      `the stored position belongs to another server: its system identifier is ${stored.systemId}, this one's ${server.systemId}`,
      {
        remedy:
          'Check database.hostname. If the database was moved on purpose, start anew with "tailrace offsets reset": LSNs of the old server say nothing about this one.',
      },
    );
  }
  if (stored.timeline === server.timeline || endLsn === null) return null;
  // A transaction that was delivered in part, and a message outside of any, reach further than the last complete one.
  const deliveredLsn = Math.max(endLsn, skip?.commitLsn ?? 0, messageLsn ?? 0);
  const switchLsn = parseSwitchPoint(await readHistory(server.timeline), stored.timeline);
  if (switchLsn !== null && deliveredLsn <= switchLsn) return null;
  const where = switchLsn === null ? 'does not descend from it' : `left it at ${formatLsn(switchLsn)}`;
  return new TailraceError(
    'source.position_lost',
    `the stored position ${formatLsn(deliveredLsn)} is on timeline ${stored.timeline}, and the server's timeline ${server.timeline} ${where}: the topics hold changes that this server never had`,
    { remedy: 'Start with snapshot.mode=when_needed to read the tables again, or with "tailrace offsets reset".' },
  );
}

/** Asks for the history file of a timeline; timeline 1 has none. */
export async function readTimelineHistory(replication: Client, timeline: number): Promise<string> {
  if (timeline === 1) return '';
  const { rows } = await replication.query<{ content: Buffer | string }>(`TIMELINE_HISTORY ${timeline}`);
  return String(rows[0]?.content ?? '');
}

/** A line per ancestor: `timeline <tab> LSN at which it was left <tab> reason`. Null when `timeline` is no ancestor. */
export function parseSwitchPoint(history: string, timeline: number): number | null {
  for (const line of history.split('\n')) {
    const match = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/.exec(line);
    if (match !== null && Number(match[1]) === timeline) return parseLsn(match[2]!);
  }
  return null;
}
