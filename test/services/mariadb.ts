import { mkdirSync, readFileSync } from 'node:fs';
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

export type MariadbVersion = '10.11' | '11.8';

export interface TestMariadbOptions extends TestMysqldOptions {
  /** 10.11 from Debian 12 (the default), 11.8 from Debian 13. */
  readonly version?: MariadbVersion;
}

const suites = { '10.11': 'bookworm', '11.8': 'trixie' } as const satisfies Record<MariadbVersion, string>;

/** @throws Unavailable where the version cannot be had. */
export async function startMariadb(options: TestMariadbOptions = {}): Promise<TestMysqld> {
  const { version = '10.11', ...rest } = options;
  return startMysqld(mariadbProgram(version), rest);
}

function mariadbProgram(version: MariadbVersion): MysqldProgram {
  const tree = debianTree({
    name: `mariadb-${version}`,
    suite: suites[version],
    packages: ['mariadb-server-core', 'mariadb-client'],
  });
  const name = version === '10.11' ? 'mysql' : 'mariadb';
  const share = join(tree.root, 'usr/share', name);
  const places = {
    'lc-messages-dir': share,
    'character-sets-dir': join(share, 'charsets'),
    'plugin-dir': join(tree.root, 'usr/lib/mysql/plugin'),
  };
  const server = 'usr/sbin/mariadbd';
  return {
    tree,
    server,
    places,
    defaults: { 'gtid-strict-mode': 'ON', 'innodb-log-file-size': '16M' },
    initialise(dataDir, accountSql) {
      // What mariadb-install-db does, which is a script for an installed server; its passwordless superusers stay by
      // socket alone.
      const tcpUsers = `DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';`;
      mkdirSync(join(dataDir, 'mysql'), { recursive: true });
      const files = ['system_tables', 'performance_tables', 'system_tables_data'];
      const sql = files.map((file) => readFileSync(join(share, `${name}_${file}.sql`), 'utf8'));
      const settings = { ...places, ...rootUser(), datadir: dataDir, 'innodb-log-file-size': '16M', bootstrap: true };
      runToEnd(
        tree.command(server, '--no-defaults', ...formatSettings(settings)),
        ['USE mysql;', 'SET @auth_root_socket=NULL;', ...sql, tcpUsers, accountSql].join('\n'),
      );
    },
  };
}
