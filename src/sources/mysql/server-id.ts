import { createHash, randomInt } from 'node:crypto';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { TailraceError } from '../../model/errors.ts';

/** A reader that was killed leaves within this time, once the server notices. */
export const WAIT_FOR_PREDECESSOR_S = 5;

/** Beyond the ids that people give, and unlikely to be anybody's. */
const TRIAL_IDS = { first: 0x8000_0000, end: 0xffff_ffff };

/** For a reader of a moment, by which no other one is disturbed. */
export function trialServerId(): number {
  return randomInt(TRIAL_IDS.first, TRIAL_IDS.end);
}

/** Names a reader to MySQL, which ends the older of two that have the same: it stays the same for a connector. */
export function replicaUuid(topicPrefix: string, serverId: number): string {
  const hex = createHash('sha256').update(`tailrace\0${topicPrefix}\0${serverId}`).digest('hex');
  // Version 8, variant 1 (RFC 9562): made by a rule of our own.
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * Makes sure that nobody else reads with this server id, for as long as the session of `client` lives. Where two readers
 * have the same id the server ends the older one, so that two which both try again would end each other for ever. Those of
 * tailrace are told apart by a user-level lock, which goes with its session; replicas by the list that they are in.
 * Throws `source.slot_in_use` for another tailrace, `source.setting` for a replica or the server itself.
 */
export async function claimServerId(client: Connection, serverId: number, waitSeconds: number): Promise<void> {
  await checkOtherServers(client, serverId);
  const lock = `tailrace.server_id.${serverId}`;
  let rows: RowDataPacket[];
  try {
    [rows] = await client.query<RowDataPacket[]>('SELECT GET_LOCK(?, ?) AS is_ours', [lock, waitSeconds]);
  } catch (error) {
    // Some clusters forbid such locks (Percona's pxc_strict_mode): then the server's own rule has to do.
    if ((error as { errno?: number }).errno === undefined) throw error;
    return;
  }
  if (Number(rows[0]!.is_ours) === 1) return;
  const [[holder]] = await client.query<RowDataPacket[]>('SELECT IS_USED_LOCK(?) AS id', [lock]);
  const who = holder?.id == null ? 'another tailrace' : await describeSession(client, Number(holder.id));
  throw new TailraceError('source.slot_in_use', `database.server.id ${serverId} is in use by ${who}`, {
    remedy: 'Stop the other reader, or give one of them another database.server.id.',
  });
}

async function describeSession(client: Connection, id: number): Promise<string> {
  const [rows] = await client.query<RowDataPacket[]>(
    'SELECT USER AS user, HOST AS host FROM information_schema.PROCESSLIST WHERE ID = ?',
    [id],
  );
  const session = rows[0];
  return session === undefined
    ? `another tailrace (connection ${id})`
    : `another tailrace (connection ${id}, ${session.user} from ${session.host})`;
}

async function checkOtherServers(client: Connection, serverId: number): Promise<void> {
  const [[server]] = await client.query<RowDataPacket[]>('SELECT @@GLOBAL.server_id AS id');
  const replica = (await listReplicas(client))?.find((one) => one.serverId === serverId);
  if (Number(server!.id) !== serverId && replica === undefined) return;
  const whose = replica === undefined ? 'the server itself' : `the replica ${replica.host}`;
  throw new TailraceError('source.setting', `database.server.id ${serverId} is that of ${whose}`, {
    remedy: 'Choose another database.server.id, or remove the key: then one is made up.',
  });
}

export interface RegisteredReplica {
  readonly serverId: number;
  readonly host: string;
}

/** ER_PARSE_ERROR: the statement has another name on this version. */
const UNKNOWN_STATEMENT = 1064;
/** ER_SPECIFIC_ACCESS_DENIED_ERROR */
const ACCESS_DENIED = 1227;

/** The replicas that this server knows; other readers of its binlog do not register. Null where we may not ask. */
export async function listReplicas(client: Connection): Promise<readonly RegisteredReplica[] | null> {
  for (const sql of ['SHOW REPLICAS', 'SHOW SLAVE HOSTS']) {
    try {
      const [rows] = await client.query<RowDataPacket[]>(sql);
      return rows.map((row) => {
        const port = row.Port === undefined ? '' : `:${row.Port}`;
        return { serverId: Number(row.Server_Id ?? row.Server_id), host: `${row.Host}${port}` };
      });
    } catch (error) {
      const { errno } = error as { errno?: number };
      if (errno === ACCESS_DENIED) return null;
      if (errno !== UNKNOWN_STATEMENT) throw error;
    }
  }
  return null;
}
