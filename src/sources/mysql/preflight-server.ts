import type { PreflightCheck } from '../../model/preflight.ts';
import { LOG_BIN_REMEDY } from './mysql-error.ts';
import type { ServerFacts } from './server-facts.ts';

/** The oldest ones that are held against Debezium's documentation; older servers may work. */
const OLDEST = { mysql: [8, 0], mariadb: [10, 5] } as const;

/** What the server writes into its binlog; the first of them alone where it writes none. */
export function checkServerSettings(facts: ServerFacts, retentionMs: number | null): readonly PreflightCheck[] {
  const checks = [checkVersion(facts), checkLogBin(facts)];
  if (!facts.logsChanges) return checks;
  return [
    ...checks,
    checkServersOwnId(facts),
    checkFormat(facts),
    checkRowImage(facts),
    checkRowMetadata(facts),
    ...checkPartialJson(facts),
    checkGtids(facts),
    checkRetention(retentionMs),
    ...checkEncryption(facts),
    ...checkTemporalFormat(facts),
  ];
}

function ok(name: string, message: string): PreflightCheck {
  return { name, status: 'ok', message, remedy: null };
}

function checkVersion({ family, version }: ServerFacts): PreflightCheck {
  const name = 'server version';
  const title = `${family === 'mysql' ? 'MySQL' : 'MariaDB'} ${version}`;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST[family];
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return ok(name, title);
  const message = `${title} is older than ${oldestMajor}.${oldestMinor}, the first version that tailrace is made for`;
  return { name, status: 'warning', message, remedy: 'Upgrade the server.' };
}

function checkLogBin({ logsChanges }: ServerFacts): PreflightCheck {
  const name = 'log_bin';
  if (logsChanges) return ok(name, 'ON');
  return { name, status: 'error', message: 'OFF, so that changes are not written down', remedy: LOG_BIN_REMEDY };
}

function checkServersOwnId({ serverId }: ServerFacts): PreflightCheck {
  const name = 'server_id';
  if (serverId !== 0) return ok(name, String(serverId));
  const remedy = 'SET GLOBAL server_id = 1; and server-id=1 in the [mysqld] section of its options';
  return { name, status: 'error', message: '0, with which a server sends its binlog to nobody', remedy };
}

function checkFormat({ binlogFormat: format }: ServerFacts): PreflightCheck {
  const name = 'binlog_format';
  if (format === null || format === 'ROW') {
    return ok(
      name,
      'ROW; a session that sets another one for itself stops the task at a captured table, with its words',
    );
  }
  return {
    name,
    status: 'error',
    message: `${format}: changes are written as statements, whose rows are not known`,
    remedy:
      "SET GLOBAL binlog_format = 'ROW'; and binlog-format=ROW in its options. Sessions that are open keep theirs.",
  };
}

function checkRowImage({ rowImage: image }: ServerFacts): PreflightCheck {
  const name = 'binlog_row_image';
  if (image === null || image === 'FULL') return ok(name, 'FULL');
  const missing = image === 'NOBLOB' ? 'BLOB and TEXT columns that did not change' : 'columns that did not change';
  return {
    name,
    status: 'warning',
    message: `${image}: ${missing} are not written, and carry a placeholder or null where the old row does not tell them`,
    remedy: "SET GLOBAL binlog_row_image = 'FULL'; and binlog-row-image=FULL in its options.",
  };
}

function checkRowMetadata({ rowMetadata: metadata }: ServerFacts): PreflightCheck {
  const name = 'binlog_row_metadata';
  if (metadata === 'FULL') return ok(name, 'FULL');
  return {
    name,
    status: 'warning',
    message: `${metadata ?? 'this version has none'}: the binlog does not name columns, so their names come from the schema history, by position`,
    remedy:
      metadata === null
        ? 'Keep the schema history; a newer server writes the names itself.'
        : "SET GLOBAL binlog_row_metadata = 'FULL'; and binlog-row-metadata=FULL in its options.",
  };
}

function checkPartialJson({ rowValueOptions: options }: ServerFacts): readonly PreflightCheck[] {
  const name = 'binlog_row_value_options';
  return (options ?? '') === '' ? [] : [ok(name, `${options}: changed JSON documents are put together again`)];
}

function checkGtids({ family, gtidMode }: ServerFacts): PreflightCheck {
  if (family === 'mariadb') return ok('GTIDs', 'positions hold on every server that replicates from the same one');
  const name = 'gtid_mode';
  if (gtidMode === 'ON') return ok(name, 'ON: positions hold on every server that replicates from the same one');
  return {
    name,
    status: 'warning',
    message: `${gtidMode ?? 'none'}: positions are of this server's files, and are lost in a failover`,
    remedy:
      "SET GLOBAL enforce_gtid_consistency = ON; SET GLOBAL gtid_mode = OFF_PERMISSIVE; SET GLOBAL gtid_mode = ON_PERMISSIVE; and when SHOW STATUS LIKE 'ONGOING_ANONYMOUS_TRANSACTION_COUNT' is 0: SET GLOBAL gtid_mode = ON;",
  };
}

const HOUR_MS = 3_600_000;

function checkRetention(retentionMs: number | null): PreflightCheck {
  const name = 'binlog retention';
  if (retentionMs === null) {
    return ok(name, 'binlog files are kept until somebody purges them; mind the disk of the server');
  }
  const hours = Math.round((retentionMs / HOUR_MS) * 10) / 10;
  const message = `${hours} h: what tailrace has not read by then is lost`;
  if (retentionMs >= 24 * HOUR_MS) return ok(name, message);
  return {
    name,
    status: 'warning',
    message,
    remedy:
      "SET GLOBAL binlog_expire_logs_seconds = 259200; (MariaDB before 10.6: expire_logs_days = 3; Amazon RDS: CALL mysql.rds_set_configuration('binlog retention hours', 72);)",
  };
}

function checkEncryption({ encryptsBinlog }: ServerFacts): readonly PreflightCheck[] {
  if (!encryptsBinlog) return [];
  return [ok('encrypt_binlog', 'ON: the server decrypts what it sends; encrypt the connection (database.ssl.mode)')];
}

function checkTemporalFormat({ newTemporalFormat }: ServerFacts): readonly PreflightCheck[] {
  if (newTemporalFormat) return [];
  return [
    {
      name: 'mysql56_temporal_format',
      status: 'warning',
      message: 'OFF: the binlog does not tell the digits of times, so they come from the schema history',
      remedy:
        'SET GLOBAL mysql56_temporal_format = ON; and ALTER TABLE ... FORCE; for the tables that were made without.',
    },
  ];
}
