import { MARIADB_CONNECTOR, MYSQL_CONNECTOR, type MysqlConfig, parseMysqlConfig } from '../../../src/config/mysql.ts';
import type { MysqlFamily } from '../../services/shared-mysql.ts';

/** A connector for a server by its URL; a database in it is the one to capture. */
export function mysqlConfigFor(
  family: MysqlFamily,
  url: string,
  extra: Readonly<Record<string, string>> = {},
): MysqlConfig {
  const { hostname, port, username, password, pathname } = new URL(url);
  const database = pathname.slice(1);
  const { config, errors } = parseMysqlConfig({
    name: 'test',
    'connector.class': family === 'mysql' ? MYSQL_CONNECTOR : MARIADB_CONNECTOR,
    'database.hostname': hostname,
    'database.port': port,
    'database.user': decodeURIComponent(username),
    'database.password': decodeURIComponent(password),
    'topic.prefix': 'test',
    ...(database === '' ? {} : { 'database.include.list': database }),
    'tailrace.http.listen': 'off',
    ...extra,
  });
  if (config === null) throw new Error(JSON.stringify(errors));
  return config;
}
