import type { MysqlConfig } from '../../config/mysql.ts';
import type { Logger } from '../../observe/logger.ts';
import { Heartbeat } from '../../session/heartbeat.ts';
import type { ConnectionConfig } from './connection.ts';
import { createSession } from './session.ts';

export type HeartbeatConfig = ConnectionConfig &
  Pick<MysqlConfig, 'heartbeat.interval.ms' | 'heartbeat.action.query' | 'database.query.timeout.ms'>;

export function createHeartbeat(config: HeartbeatConfig, logger: Pick<Logger, 'warn'>): Heartbeat {
  return new Heartbeat({
    intervalMs: config['heartbeat.interval.ms'],
    actionQuery: config['heartbeat.action.query'],
    session: createSession({ config, queryTimeoutMs: config['database.query.timeout.ms'] }),
    logger,
  });
}
