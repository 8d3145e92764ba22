import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { BinlogPosition } from '../../../decoders/binlog/binlog-position.ts';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import { formatXid } from '../../../decoders/binlog/prepared-transaction.ts';
import { isServerError } from './mysql-error.ts';
import { readBinlogEnd } from './snapshot-point.ts';

/** The XA transactions that a server says are prepared. */
export interface PreparedList {
  /** Formatted; null: the account may not know. */
  readonly xids: readonly string[] | null;
  /** Where the binlog was when the server was asked, or a moment before. */
  readonly before: BinlogPosition;
}

/** ER_XAER_RMERR, and under it ER_SPECIFIC_ACCESS_DENIED_ERROR: MySQL 8.0 and newer, without XA_RECOVER_ADMIN. */
const REFUSED: ReadonlySet<number> = new Set([1401, 1227]);

export async function listPrepared(catalog: Connection, family: ServerFamily): Promise<PreparedList> {
  const before = await readBinlogEnd(catalog, family);
  try {
    const [rows] = await catalog.query<RowDataPacket[]>({
      sql: 'XA RECOVER',
      // Both parts, one behind the other, in no character set.
      typeCast: (field, next) => (field.name === 'data' ? field.buffer() : next()),
    });
    return { xids: rows.map(xidOf), before };
  } catch (error) {
    if (!isServerError(error) || !REFUSED.has(error.errno)) throw error;
    return { xids: null, before };
  }
}

function xidOf({ formatID, gtrid_length, bqual_length, data }: RowDataPacket): string {
  const split = Number(gtrid_length);
  const gtrid = (data as Buffer).subarray(0, split);
  return formatXid({ formatId: Number(formatID), gtrid, bqual: data.subarray(split, split + Number(bqual_length)) });
}

/** Whether anybody has prepared an XA transaction since the server started: most servers have no such thing. */
export async function usesXa(client: Connection): Promise<boolean> {
  const [rows] = await client.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Com\\_xa\\_prepare'");
  return rows.some(({ Value: count }) => Number(count) > 0);
}
