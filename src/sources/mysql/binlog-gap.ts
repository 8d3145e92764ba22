import type { Connection, RowDataPacket } from 'mysql2/promise';
import { parseExecutedGtids } from '../../../decoders/binlog/executed-gtids.ts';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import { GtidSet } from '../../../decoders/binlog/gtid-set.ts';
import { formatMariadbGtid, MariadbGtidList } from '../../../decoders/binlog/mariadb-gtid.ts';
import { FIRST_POSITION } from './far-position.ts';
import type { Position } from './offset.ts';
import type { ServerState } from './server-state.ts';

type Stored = Pick<Position, 'file' | 'position' | 'gtids' | 'serverUuid'>;

/** What lies between a stored position and the server's. */
export interface BinlogGap {
  /** Null when the file of the position is not one of this server. */
  readonly bytes: number | null;
  /** MySQL: the set of them; MariaDB: the last one of each domain that is behind. Null without GTIDs. */
  readonly missingGtids: string | null;
  readonly missingTransactions: number | null;
  /** Some of it is gone from the server. */
  readonly purged: boolean;
}

/** Compares a position with the server's binlog; MariaDB is asked what its oldest file begins with. */
export async function measureGap(
  client: Connection,
  stored: Stored,
  { server, family }: { readonly server: ServerState; readonly family: ServerFamily },
): Promise<BinlogGap> {
  const bytes = bytesBehind(stored, server, family);
  if (!server.hasGtids || stored.gtids === null) {
    return { bytes, missingGtids: null, missingTransactions: null, purged: bytes === null };
  }
  const executed = parseExecutedGtids(family, server.executed);
  if (executed.family === 'mysql') {
    const position = GtidSet.parse(stored.gtids);
    const missing = executed.set.subtract(position);
    return {
      bytes,
      missingGtids: missing.format(),
      missingTransactions: Number(missing.size),
      purged: !position.contains(GtidSet.parse(server.purged)),
    };
  }
  const position = MariadbGtidList.parse(stored.gtids);
  const lastOf = new Map(position.gtids().map((gtid) => [gtid.domain, gtid.sequence]));
  const missing = executed.list.gtids().filter((gtid) => !position.has(gtid));
  const count = missing.reduce((sum, { domain, sequence }) => sum + sequence - (lastOf.get(domain) ?? 0n), 0n);
  return {
    bytes,
    missingGtids: missing.map(formatMariadbGtid).join(','),
    missingTransactions: Number(count),
    purged: bytes === null && !position.contains(await oldestGtids(client, server)),
  };
}

function bytesBehind({ file, position, serverUuid }: Stored, server: ServerState, family: ServerFamily): number | null {
  const isOther = family === 'mysql' && serverUuid !== null && server.uuid !== null && serverUuid !== server.uuid;
  const index = isOther ? -1 : server.files.findIndex(({ name }) => name === file);
  if (index === -1) return null;
  const total = server.files.slice(index).reduce((sum, { bytes }) => sum + bytes, 0);
  return Math.max(0, total - position);
}

/** The last transactions before the oldest file that is left. */
async function oldestGtids(client: Connection, { files }: ServerState): Promise<MariadbGtidList> {
  const [rows] = await client.query<RowDataPacket[]>('SELECT BINLOG_GTID_POS(?, ?) AS gtids', [
    files[0]!.name,
    FIRST_POSITION,
  ]);
  return MariadbGtidList.parse(rows[0]?.gtids ?? '');
}
