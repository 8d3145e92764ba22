import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  formatSettings,
  type MysqldProgram,
  rootUser,
  runToEnd,
  startMysqld,
  type TestMysqld,
  type TestMysqldOptions,
} from './mysqld.ts';
import { debianTree } from './unpacked-debian.ts';

/**
 * MySQL 9 of Debian sid, with GTIDs.
 * @throws Unavailable where it cannot be had.
 */
export async function startMysql(options: TestMysqldOptions = {}): Promise<TestMysqld> {
  return startMysqld(mysqlProgram(), options);
}

function mysqlProgram(): MysqldProgram {
  const tree = debianTree({
    name: 'mysql-sid',
    suite: 'sid',
    packages: ['mysql-server-core', 'mysql-client'],
    libraryDirs: ['usr/lib/mysql/private'],
  });
  const share = join(tree.root, 'usr/share/mysql');
  const places = {
    'lc-messages-dir': share,
    'character-sets-dir': join(share, 'charsets'),
    'plugin-dir': join(tree.root, 'usr/lib/mysql/plugin'),
    'secure-file-priv': '',
  };
  const server = 'usr/sbin/mysqld';
  return {
    tree,
    server,
    places,
    defaults: {
      mysqlx: 'OFF',
      'gtid-mode': 'ON',
      'enforce-gtid-consistency': 'ON',
      'innodb-redo-log-capacity': '16M',
    },
    initialise(dataDir, accountSql) {
      const initFile = join(dataDir, '..', 'account.sql');
      writeFileSync(initFile, accountSql, { mode: 0o600 });
      const settings = { ...places, ...rootUser(), datadir: dataDir, 'innodb-redo-log-capacity': '16M' };
      const options = formatSettings({ ...settings, 'initialize-insecure': true, 'init-file': initFile });
      runToEnd(tree.command(server, '--no-defaults', ...options));
    },
  };
}
