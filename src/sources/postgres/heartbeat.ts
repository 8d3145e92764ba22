import type { PostgresConfig } from '../../config/postgres.ts';
import type { Logger } from '../../observe/logger.ts';
import { Heartbeat } from '../../session/heartbeat.ts';
import type { ConnectionConfig } from './connection.ts';
import { createSession } from './session.ts';

export type HeartbeatConfig = ConnectionConfig &
  Pick<PostgresConfig, 'heartbeat.interval.ms' | 'heartbeat.action.query' | 'database.query.timeout.ms'>;

/** A beat that has to wait longer than this for a lock is skipped: a later one does as well. */
const LOCK_TIMEOUT_MS = 10_000;

export function createHeartbeat(config: HeartbeatConfig, logger: Pick<Logger, 'warn'>): Heartbeat {
  return new Heartbeat({
    intervalMs: config['heartbeat.interval.ms'],
    actionQuery: config['heartbeat.action.query'],
    session: createSession({
      config,
      queryTimeoutMs: config['database.query.timeout.ms'],
      lockTimeoutMs: LOCK_TIMEOUT_MS,
    }),
    logger,
  });
}
