import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';
import { MARIADB_CONNECTOR, MYSQL_CONNECTOR } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import { isServerError, LOG_BIN_REMEDY } from './mysql-error.ts';

/** What a start must know of a server: who it is, what it has executed, and what of that it still has in its binlog. */
export interface ServerState {
  readonly version: string;
  /** MySQL's `server_uuid`, which is of its data; MariaDB's `server_uid`, which is of its machine; null of older ones. */
  readonly uuid: string | null;
  /** Every transaction has a GTID. */
  readonly hasGtids: boolean;
  /** Transactions executed (MariaDB: of its binlog), and of those the ones that its binlog no longer has (MySQL). */
  readonly executed: string;
  readonly purged: string;
  /** From the oldest to the one that is written; sizes in bytes. */
  readonly files: readonly BinlogFileState[];
  readonly lowerCaseTableNames: 0 | 1 | 2;
  readonly explicitDefaultsForTimestamp: boolean;
}

export interface BinlogFileState {
  readonly name: string;
  readonly bytes: number;
}

const NAMES = [
  'version',
  'log_bin',
  'server_uuid',
  'server_uid',
  'gtid_mode',
  'gtid_executed',
  'gtid_purged',
  'gtid_binlog_pos',
  'lower_case_table_names',
  'explicit_defaults_for_timestamp',
];

/** @throws TailraceError `source.setting` where the server writes no binlog, or is of the other family */
export async function readServerState(client: Connection, family: ServerFamily): Promise<ServerState> {
  const list = NAMES.map((name) => `'${name}'`).join(', ');
  const [rows] = await client.query<RowDataPacket[]>(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${list})`);
  const values = new Map(rows.map((row) => [String(row.Variable_name).toLowerCase(), String(row.Value)]));
  const value = (name: string): string => values.get(name) ?? '';
  checkFamily(value('version'), family);
  if (!isOn(value('log_bin'))) {
    throw new TailraceError('source.setting', 'the server writes no binlog', { remedy: LOG_BIN_REMEDY });
  }
  const lower = Number(value('lower_case_table_names'));
  const executed = value(family === 'mysql' ? 'gtid_executed' : 'gtid_binlog_pos');
  return {
    version: value('version'),
    uuid: values.get('server_uuid') ?? values.get('server_uid') ?? null,
    hasGtids: family === 'mariadb' || value('gtid_mode') === 'ON',
    executed: executed.replaceAll(/\s/g, ''),
    purged: family === 'mysql' ? value('gtid_purged').replaceAll(/\s/g, '') : '',
    files: await readBinlogFiles(client),
    lowerCaseTableNames: lower === 1 || lower === 2 ? lower : 0,
    explicitDefaultsForTimestamp: isOn(value('explicit_defaults_for_timestamp')),
  };
}

/** The two speak different binlogs, and tell of different positions. */
function checkFamily(version: string, family: ServerFamily): void {
  const isMariadb = /mariadb/i.test(version);
  if (isMariadb === (family === 'mariadb')) return;
  const [is, wanted] = isMariadb ? ['MariaDB', MARIADB_CONNECTOR] : ['MySQL', MYSQL_CONNECTOR];
  throw new TailraceError('source.setting', `the server is ${is} ${version}, which this connector does not read`, {
    remedy: `Set connector.class to ${wanted}; or write ${is.toLowerCase()}:// in a connection URL.`,
  });
}

/** Oldest first. */
export async function readBinlogFiles(client: Connection): Promise<readonly BinlogFileState[]> {
  try {
    const [rows] = await client.query<RowDataPacket[]>('SHOW BINARY LOGS');
    return rows.map((row) => ({ name: String(row.Log_name), bytes: Number(row.File_size) }));
  } catch (error) {
    // ER_NO_BINARY_LOGGING
    if (!isServerError(error) || error.errno !== 1381) throw error;
    throw new TailraceError('source.setting', 'the server writes no binlog', { remedy: LOG_BIN_REMEDY });
  }
}

function isOn(value: string): boolean {
  return value === 'ON' || value === '1';
}
