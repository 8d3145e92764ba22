import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import type { PreflightCheck } from '../../model/preflight.ts';
import { quoteAccount, quoteIdentifier } from './mysql-error.ts';
import { mayEverywhere, mayIn, type Privileges } from './privileges.ts';
import type { TableName } from './table-filter.ts';

/** What every reader of a binlog needs; MariaDB took some apart in 10.5, and lists the new names. */
const NEEDED = {
  mysql: [
    { needed: 'REPLICATION SLAVE', or: ['REPLICATION SLAVE'] },
    { needed: 'REPLICATION CLIENT', or: ['REPLICATION CLIENT', 'SUPER'] },
  ],
  mariadb: [
    { needed: 'REPLICATION SLAVE', or: ['REPLICATION SLAVE'] },
    { needed: 'BINLOG MONITOR', or: ['BINLOG MONITOR', 'REPLICATION CLIENT', 'SUPER'] },
  ],
} as const;

export function checkPrivileges(
  privileges: Privileges,
  config: MysqlConfig,
  family: ServerFamily,
): readonly PreflightCheck[] {
  const name = 'privileges';
  const user = config['database.user'];
  const missing = NEEDED[family].filter(({ or }) => !mayEverywhere(privileges, or)).map(({ needed }) => needed);
  if (missing.length === 0) {
    return [{ name, status: 'ok', message: NEEDED[family].map(({ needed }) => needed).join(', '), remedy: null }];
  }
  return [
    {
      name,
      status: 'error',
      message: `${user} lacks ${missing.join(' and ')}`,
      remedy: `GRANT ${missing.join(', ')} ON *.* TO ${quoteAccount(user)};`,
    },
  ];
}

/** What a snapshot must ask for where XA transactions may be prepared while it is read; MariaDB tells everybody. */
export function checkXaRecover(
  privileges: Privileges,
  config: MysqlConfig,
  family: ServerFamily,
): PreflightCheck | null {
  if (family === 'mariadb' || mayEverywhere(privileges, ['XA_RECOVER_ADMIN'])) return null;
  const user = config['database.user'];
  return {
    name: 'XA transactions',
    status: 'warning',
    message: `the server is used for XA transactions, and ${user} may not know which are prepared when a snapshot begins: their XA COMMIT will stop the connector`,
    remedy: `GRANT XA_RECOVER_ADMIN ON *.* TO ${quoteAccount(user)};`,
  };
}

/** Whether a snapshot gets the locks that it asks for. */
export function checkSnapshotLock(
  privileges: Privileges,
  config: MysqlConfig,
  tables: readonly TableName[],
): PreflightCheck {
  const name = 'snapshot lock';
  if (config['snapshot.locking.mode'] === 'none') {
    const message = 'nothing is locked: no table may be altered while the snapshot begins';
    return { name, status: 'ok', message, remedy: null };
  }
  if (mayEverywhere(privileges, ['RELOAD', 'FLUSH_TABLES'])) {
    return { name, status: 'ok', message: 'the whole server can be locked for a moment', remedy: null };
  }
  const databases = [...new Set(tables.map(({ namespace }) => namespace))];
  const refused = databases.filter((database) => !mayIn(privileges, database, ['LOCK TABLES']));
  if (refused.length === 0) {
    return { name, status: 'ok', message: 'without RELOAD, the captured tables alone can be locked', remedy: null };
  }
  const user = quoteAccount(config['database.user']);
  const each = refused.map((database) => `GRANT LOCK TABLES ON ${quoteIdentifier(database)}.* TO ${user};`);
  return {
    name,
    status: 'error',
    message: `${config['database.user']} may neither lock the server (RELOAD) nor the tables of ${refused.join(', ')}`,
    remedy: `GRANT RELOAD ON *.* TO ${user}; or ${each.join(' ')}`,
  };
}
