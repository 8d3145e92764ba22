import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';

/** What an account may do everywhere, and in which databases it may do what; roles that are active count. */
export interface Privileges {
  readonly global: ReadonlySet<string>;
  /** By the name or pattern (`%`, `_`) that the grant has. */
  readonly byDatabase: ReadonlyMap<string, ReadonlySet<string>>;
}

/** `GRANT SELECT, LOCK TABLES ON `shop`.* TO ...`; grants on single tables and of roles are passed over. */
const GRANT = /^GRANT (.+?) ON (\*\.\*|(`(?:[^`]|``)+`)\.\*) TO /;

export async function readPrivileges(client: Connection, family: ServerFamily): Promise<Privileges> {
  const roles = family === 'mysql' ? await activeRoles(client) : null;
  // Without FOR, MariaDB lists what the active role may do, too.
  const [rows] = await client.query<RowDataPacket[]>(
    roles === null ? 'SHOW GRANTS' : `SHOW GRANTS FOR CURRENT_USER() USING ${roles}`,
  );
  const global = new Set<string>();
  const byDatabase = new Map<string, Set<string>>();
  for (const row of rows) {
    const [, list, , quoted] = GRANT.exec(String(Object.values(row)[0])) ?? [];
    if (list === undefined) continue;
    const privileges = list.split(', ').map((one) => one.toUpperCase());
    if (quoted === undefined) for (const one of privileges) global.add(one);
    else {
      const database = quoted.slice(1, -1).replaceAll('``', '`');
      byDatabase.set(database, new Set([...(byDatabase.get(database) ?? []), ...privileges]));
    }
  }
  return { global, byDatabase };
}

/** MySQL 8.0 and newer; null: none, or an older server. */
async function activeRoles(client: Connection): Promise<string | null> {
  try {
    const [rows] = await client.query<RowDataPacket[]>('SELECT CURRENT_ROLE() AS roles');
    const roles = String(rows[0]!.roles);
    return roles === 'NONE' ? null : roles;
  } catch (error) {
    // ER_SP_DOES_NOT_EXIST, ER_BAD_FIELD_ERROR, ER_PARSE_ERROR
    if ([1305, 1054, 1064].includes((error as { errno?: number }).errno ?? 0)) return null;
    throw error;
  }
}

/** Whether one of the privileges is held on the database. */
export function mayIn({ global, byDatabase }: Privileges, database: string, wanted: readonly string[]): boolean {
  const holds = (held: ReadonlySet<string>): boolean =>
    held.has('ALL PRIVILEGES') || held.has('ALL') || wanted.some((one) => held.has(one));
  return holds(global) || [...byDatabase].some(([pattern, held]) => matches(pattern, database) && holds(held));
}

export function mayEverywhere({ global }: Privileges, wanted: readonly string[]): boolean {
  return global.has('ALL PRIVILEGES') || wanted.some((one) => global.has(one));
}

/** As LIKE does; a backslash takes a wildcard literally. */
function matches(pattern: string, database: string): boolean {
  const source = pattern.replaceAll(/\\?./gs, (part) => {
    if (part === '%') return '.*';
    if (part === '_') return '.';
    return part.replace(/^\\(?=[%_\\])/, '').replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, 's').test(database);
}
