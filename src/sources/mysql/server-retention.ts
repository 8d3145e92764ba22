import type { Connection, RowDataPacket } from 'mysql2/promise';

const DAY_S = 86_400;

/**
 * For how long the server keeps a binlog file after its last write, in milliseconds; null: for ever. The file that is
 * written stays in any case.
 */
export async function readRetentionMs(client: Connection): Promise<number | null> {
  const [rows] = await client.query<RowDataPacket[]>(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN
       ('binlog_expire_logs_seconds', 'expire_logs_days', 'binlog_expire_logs_auto_purge')`,
  );
  const values = new Map(rows.map((row) => [String(row.Variable_name).toLowerCase(), String(row.Value)]));
  if (values.get('binlog_expire_logs_auto_purge') === 'OFF') return null;
  // MySQL 5.7 and MariaDB until 10.6 know days alone; where there are both, seconds that are not 0 count.
  const seconds = Number(values.get('binlog_expire_logs_seconds') ?? 0);
  const days = Number(values.get('expire_logs_days') ?? 0);
  const kept = seconds > 0 ? seconds : days * DAY_S;
  return kept > 0 ? kept * 1000 : null;
}
