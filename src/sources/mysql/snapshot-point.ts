import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { BinlogPosition } from '../../../decoders/binlog/binlog-position.ts';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import { TailraceError } from '../../model/errors.ts';
import { isServerError, LOG_BIN_REMEDY } from './mysql-error.ts';

/** Where a server is in its binlog, and by its clock. */
export interface SnapshotPoint {
  readonly file: string;
  /** Behind the last event. */
  readonly position: number;
  /** The transactions before it: MySQL's `gtid_executed`, MariaDB's `gtid_binlog_pos`; null where the server has none. */
  readonly gtids: string | null;
  /** Milliseconds since 1970 UTC. */
  readonly serverTimeMs: number;
}

const PARSE_ERROR = 1064;

/** A server that is written to has moved on between two queries; what is asked for twice is the same before long. */
const ATTEMPTS = 100;

/** Now. Transactions that commit meanwhile may be before it and yet not be seen: the caller keeps them away, or allows for them. */
export async function readSnapshotPoint(session: Connection, family: ServerFamily): Promise<SnapshotPoint> {
  let status = await readStatus(session, family);
  for (let attempt = 0; ; attempt++) {
    const [[row]] = await session.query<RowDataPacket[]>(
      `SELECT UNIX_TIMESTAMP(SYSDATE(3)) AS seconds${family === 'mariadb' ? ', @@GLOBAL.gtid_binlog_pos AS gtids' : ''}`,
    );
    const serverTimeMs = Math.round(Number(row!.seconds) * 1000);
    if (family === 'mysql') return { ...status, serverTimeMs };
    const again = await readStatus(session, family);
    if (attempt === ATTEMPTS || (again.file === status.file && again.position === status.position)) {
      return { ...status, gtids: orNull(row!.gtids), serverTimeMs };
    }
    status = again;
  }
}

/**
 * MariaDB tells the position that belongs to the view of a transaction WITH CONSISTENT SNAPSHOT, which it takes between
 * two commits (status variables binlog_snapshot_file and binlog_snapshot_position).
 */
export async function readViewPoint(session: Connection): Promise<SnapshotPoint> {
  const [variables] = await session.query<RowDataPacket[]>("SHOW STATUS LIKE 'binlog\\_snapshot\\_%'");
  const byName = new Map(variables.map((row) => [String(row.Variable_name).toLowerCase(), String(row.Value)]));
  const file = byName.get('binlog_snapshot_file') ?? '';
  const position = Number(byName.get('binlog_snapshot_position'));
  if (file === '') throw noBinlog();
  const [[row]] = await session.query<RowDataPacket[]>(
    'SELECT UNIX_TIMESTAMP(SYSDATE(3)) AS seconds, BINLOG_GTID_POS(?, ?) AS gtids',
    [file, position],
  );
  return { file, position, gtids: orNull(row!.gtids), serverTimeMs: Math.round(Number(row!.seconds) * 1000) };
}

/** Behind the last event. */
export async function readBinlogEnd(session: Connection, family: ServerFamily): Promise<BinlogPosition> {
  const { file, position } = await readStatus(session, family);
  return { file, position };
}

async function readStatus(
  session: Connection,
  family: ServerFamily,
): Promise<Pick<SnapshotPoint, 'file' | 'position' | 'gtids'>> {
  const [rows] = await queryStatus(session, family);
  const row = rows[0];
  if (row === undefined) throw noBinlog();
  return { file: row.File, position: Number(row.Position), gtids: orNull(row.Executed_Gtid_Set) };
}

/** MySQL 8.2 gave the statement a new name, 8.4 took away the old one. */
export async function queryStatus(session: Connection, family: ServerFamily): Promise<[RowDataPacket[], unknown]> {
  const old = 'SHOW MASTER STATUS';
  if (family === 'mariadb') return session.query<RowDataPacket[]>(old);
  try {
    return await session.query<RowDataPacket[]>('SHOW BINARY LOG STATUS');
  } catch (error) {
    if (!isServerError(error) || error.errno !== PARSE_ERROR) throw error;
    return session.query<RowDataPacket[]>(old);
  }
}

/** The server breaks lines behind the commas. */
function orNull(gtids: string | null | undefined): string | null {
  const set = (gtids ?? '').replaceAll(/\s/g, '');
  return set === '' ? null : set;
}

function noBinlog(): TailraceError {
  return new TailraceError('source.setting', 'the server writes no binlog', { remedy: LOG_BIN_REMEDY });
}
