import type { Client } from 'pg';
import type { PostgresConfig } from '../../config/postgres.ts';
import { TailraceError } from '../../model/errors.ts';
import type { SourceOffset } from '../../model/log.ts';
import type { PreflightCheck } from '../../model/preflight.ts';
import { parseOffset } from './offset.ts';
import { findDivergence, identifyServer, readTimelineHistory } from './server-identity.ts';
import { readSlot } from './slot.ts';
import { planStart } from './start-check.ts';

const name = 'stored position';

/** Whether a start could go on at the stored position: same server, and a slot that has not moved past it. */
export async function checkStoredPosition(
  clients: { readonly query: Client; readonly replication: Client },
  config: PostgresConfig,
  offset: SourceOffset,
): Promise<PreflightCheck> {
  const { query, replication } = clients;
  try {
    const stored = parseOffset(offset);
    const server = await identifyServer(replication);
    const readHistory = (timeline: number): Promise<string> => readTimelineHistory(replication, timeline);
    const divergence = await findDivergence(stored, server, readHistory);
    const slot = await readSlot(query, config['slot.name']);
    const { reason } = planStart({ stored, slot, server, divergence }, config);
    if (reason === null) return { name, status: 'ok', message: 'the slot has what follows it', remedy: null };
    return { name, status: 'warning', message: `${reason.message}; the tables will be read again`, remedy: null };
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    return { name, status: 'error', message: error.message, remedy: error.remedy ?? null };
  }
}
