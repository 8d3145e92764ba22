import type { CrashServer, DatabaseKind } from './database.ts';
import { startMysqlServer } from './mysql/database.ts';
import { startPostgresServer } from './postgres/database.ts';

/** How a MySQL binlog is resumed: by the executed GTIDs, or by file and position on a server that has no GTIDs. */
export type PositionKind = 'gtid' | 'file';

export const DATABASE_KINDS: readonly DatabaseKind[] = ['postgres', 'mysql', 'mariadb'];

export function startServer(database: DatabaseKind, position: PositionKind): Promise<CrashServer> {
  return database === 'postgres' ? startPostgresServer() : startMysqlServer(database, position);
}
