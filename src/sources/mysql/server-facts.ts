import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { ServerFamily } from '../../../decoders/binlog/format-description.ts';

/** The settings of a server that decide whether, and how well, its binlog can be read. Null: this version has no such one. */
export interface ServerFacts {
  readonly family: ServerFamily;
  readonly version: string;
  readonly logsChanges: boolean;
  readonly serverId: number;
  readonly binlogFormat: string | null;
  readonly rowImage: string | null;
  readonly rowMetadata: string | null;
  readonly rowValueOptions: string | null;
  /** MySQL's alone. */
  readonly gtidMode: string | null;
  /** MariaDB's alone: writes the binlog encrypted. */
  readonly encryptsBinlog: boolean;
  /** Whether a replica writes what it replicates to its own binlog. */
  readonly logsReplicated: boolean;
  /** MariaDB's alone: false makes temporal columns whose binlog does not tell their digits. */
  readonly newTemporalFormat: boolean;
  /**
   * Rows that a foreign key's action changes are row events, too: MySQL from 9.6 on, unless it leaves foreign keys to
   * InnoDB, which tells the binlog nothing of them. (MySQL manual, "innodb_native_foreign_keys")
   */
  readonly logsForeignKeyActions: boolean;
  readonly lowerCaseTableNames: 0 | 1 | 2;
  readonly explicitDefaultsForTimestamp: boolean;
}

const NAMES = [
  'version',
  'log_bin',
  'server_id',
  'binlog_format',
  'binlog_row_image',
  'binlog_row_metadata',
  'binlog_row_value_options',
  'gtid_mode',
  'encrypt_binlog',
  'log_replica_updates',
  'log_slave_updates',
  'mysql56_temporal_format',
  'innodb_native_foreign_keys',
  'lower_case_table_names',
  'explicit_defaults_for_timestamp',
];

export async function readServerFacts(client: Connection): Promise<ServerFacts> {
  const list = NAMES.map((name) => `'${name}'`).join(', ');
  const [rows] = await client.query<RowDataPacket[]>(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${list})`);
  const values = new Map(rows.map((row) => [String(row.Variable_name).toLowerCase(), String(row.Value)]));
  const value = (name: string): string | null => values.get(name) ?? null;
  const isOn = (name: string): boolean => ['ON', '1'].includes(value(name) ?? '');
  const version = value('version') ?? '';
  const lower = Number(value('lower_case_table_names'));
  return {
    family: /mariadb/i.test(version) ? 'mariadb' : 'mysql',
    version,
    logsChanges: isOn('log_bin'),
    serverId: Number(value('server_id')),
    binlogFormat: value('binlog_format'),
    rowImage: value('binlog_row_image'),
    rowMetadata: value('binlog_row_metadata'),
    rowValueOptions: value('binlog_row_value_options'),
    gtidMode: value('gtid_mode'),
    encryptsBinlog: isOn('encrypt_binlog'),
    logsReplicated: isOn('log_replica_updates') || isOn('log_slave_updates'),
    newTemporalFormat: value('mysql56_temporal_format') !== 'OFF',
    logsForeignKeyActions: value('innodb_native_foreign_keys') === 'OFF',
    lowerCaseTableNames: lower === 1 || lower === 2 ? lower : 0,
    explicitDefaultsForTimestamp: isOn('explicit_defaults_for_timestamp'),
  };
}
