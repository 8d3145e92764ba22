import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import { startMysql } from '../../services/mysql.ts';
import type { TestMysqld } from '../../services/mysqld.ts';

/** The server that is measured. Nothing waits for its disk while it is loaded: what is measured is read afterwards. */
export function startMeasuredMysql(): Promise<TestMysqld> {
  return startMysql({
    settings: {
      'innodb-buffer-pool-size': '512M',
      'innodb-redo-log-capacity': '1G',
      'innodb-flush-log-at-trx-commit': '0',
      'sync-binlog': '0',
      'max-binlog-size': '1G',
      'binlog-row-metadata': 'FULL',
    },
  });
}

/** A fresh database for one measurement, dropped at its end. */
export async function withSchema<T>(
  server: TestMysqld,
  database: string,
  work: (client: Connection) => Promise<T>,
): Promise<T> {
  const { host, port, user, password } = server;
  const client = await mysql.createConnection({ host, port, user, password });
  try {
    await client.query(`CREATE DATABASE ${database}`);
    await client.query(`USE ${database}`);
    return await work(client);
  } finally {
    await client.query(`DROP DATABASE ${database}`);
    await client.end();
  }
}

export interface BinlogEnd {
  readonly file: string;
  readonly position: number;
}

export async function binlogEnd(client: Connection): Promise<BinlogEnd> {
  const [[row]] = await client.query<RowDataPacket[]>('SHOW BINARY LOG STATUS');
  return { file: row!.File as string, position: Number(row!.Position) };
}

/** The keys of a connector that reads one database. */
export function connectorOf(server: TestMysqld, database: string): Record<string, string> {
  return {
    'connector.class': 'io.debezium.connector.mysql.MySqlConnector',
    'database.hostname': server.host,
    'database.port': String(server.port),
    'database.user': server.user,
    'database.password': server.password,
    'database.include.list': database,
    'table.include.list': `${database}.order_lines`,
    'include.schema.changes': 'false',
  };
}

export function isOrderLines(topic: string): boolean {
  return topic.endsWith('.order_lines');
}
