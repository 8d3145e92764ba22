import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { MysqlConfig } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import type { PreflightCheck } from '../../model/preflight.ts';
import { isServerError } from './mysql-error.ts';
import type { ServerFacts } from './server-facts.ts';
import { claimServerId } from './server-id.ts';
import { queryStatus } from './snapshot-point.ts';
import { createTableFilter, type FilterConfig } from './table-filter.ts';

/** Whether nobody else reads with our server id. */
export async function checkServerId(client: Connection, config: MysqlConfig): Promise<PreflightCheck> {
  const name = 'database.server.id';
  const id = config['database.server.id'];
  try {
    await claimServerId(client, id, 0);
    return { name, status: 'ok', message: `${id} is not in use`, remedy: null };
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    if (error.code !== 'source.slot_in_use') {
      return { name, status: 'error', message: error.message, remedy: error.remedy ?? null };
    }
    const remedy = 'Unless that is this connector, give one of them another database.server.id.';
    return { name, status: 'warning', message: error.message, remedy };
  }
}

/** Databases that the server leaves out of its binlog, and, on a replica, what it does not write there. */
export async function checkLogFilters(
  client: Connection,
  config: FilterConfig,
  facts: ServerFacts,
): Promise<readonly PreflightCheck[]> {
  const checks: PreflightCheck[] = [];
  const [rows] = await queryStatus(client, facts.family);
  const only = String(rows[0]?.Binlog_Do_DB ?? '');
  const ignored = String(rows[0]?.Binlog_Ignore_DB ?? '').split(',');
  const captured = createTableFilter(config);
  const left = ignored.filter((database) => database !== '' && captured.hasDatabase(database));
  if (only !== '' || left.length > 0) {
    checks.push({
      name: only === '' ? 'binlog-ignore-db' : 'binlog-do-db',
      status: 'warning',
      message:
        only === ''
          ? `changes of ${left.join(', ')} are not written to the binlog, and will not be captured`
          : `changes of ${only} alone are written to the binlog; others will not be captured`,
      remedy: 'Remove the option from those of the server and restart it.',
    });
  }
  if (!facts.logsReplicated && (await isReplica(client))) {
    checks.push({
      name: facts.family === 'mysql' ? 'log_replica_updates' : 'log_slave_updates',
      status: 'error',
      message: 'OFF: what this replica gets from its source is not in its binlog, and will not be captured',
      remedy: 'Start it with log-replica-updates=ON (MariaDB: log-slave-updates=ON), or capture from its source.',
    });
  }
  return checks;
}

async function isReplica(client: Connection): Promise<boolean> {
  for (const sql of ['SHOW REPLICA STATUS', 'SHOW SLAVE STATUS']) {
    try {
      const [rows] = await client.query<RowDataPacket[]>(sql);
      return rows.length > 0;
    } catch (error) {
      // ER_PARSE_ERROR: the other name. ER_SPECIFIC_ACCESS_DENIED_ERROR: it is not for us to know.
      if (!isServerError(error) || ![1064, 1227].includes(error.errno)) throw error;
    }
  }
  return false;
}
