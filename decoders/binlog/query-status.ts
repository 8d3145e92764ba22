import { DecodeError } from '../decode-error.ts';
import type { BinlogCursor } from './binlog-cursor.ts';

/** What the session of a statement was set to, as far as it was logged; null where it was not. */
export interface QueryStatus {
  /** `@@sql_mode` bits (MySQL source, sql/query_options.h; ANSI_QUOTES is 4, NO_BACKSLASH_ESCAPES is 2^20). */
  readonly sqlMode: bigint | null;
  /** Collation number of `character_set_client`: what the statement's text is in. */
  readonly clientCollation: number | null;
  readonly connectionCollation: number | null;
  readonly serverCollation: number | null;
  /** Collation number of the default database, where it was logged. */
  readonly databaseCollation: number | null;
  readonly timeZone: string | null;
  /** Fraction of the header's second at which the statement began. */
  readonly microseconds: number | null;
  readonly explicitDefaultsForTimestamp: boolean | null;
  /** Of a DDL statement that commits like a transaction: its XID. */
  readonly ddlXid: bigint | null;
  readonly defaultCollationForUtf8mb4: number | null;
}

export const NO_STATUS: QueryStatus = {
  sqlMode: null,
  clientCollation: null,
  connectionCollation: null,
  serverCollation: null,
  databaseCollation: null,
  timeZone: null,
  microseconds: null,
  explicitDefaultsForTimestamp: null,
  ddlXid: null,
  defaultCollationForUtf8mb4: null,
};

/** `OVER_MAX_DBS_IN_EVENT_MTS`: too many databases to name them. */
const TOO_MANY_DATABASES = 254;

/**
 * The status variables of a QUERY_EVENT, `{ uint8 code, value }` in ascending order of code. As the server does, we stop
 * without a word at a code that we do not know: its length cannot be told, and only newer ones can follow.
 * (MySQL source, libs/mysql/binlog/event/statement_events.h, `Query_event::Query_event_status_vars`; MariaDB,
 * sql/log_event.h, `Q_*`.)
 */
export function parseQueryStatus(cursor: BinlogCursor): QueryStatus {
  if (cursor.remaining === 0) return NO_STATUS;
  const status: { -readonly [K in keyof QueryStatus]: QueryStatus[K] } = { ...NO_STATUS };
  while (cursor.remaining > 0) {
    const at = cursor.position;
    const code = cursor.uint8();
    switch (code) {
      case 0: // FLAGS2
      case 3: // AUTO_INCREMENT: increment, offset
        cursor.take(4);
        break;
      case 1: // SQL_MODE
        status.sqlMode = cursor.bigUint64();
        break;
      case 2: // CATALOG, with its zero
        cursor.take(cursor.uint8());
        cursor.expectByte(0, 'end of the catalog name');
        break;
      case 4: // CHARSET
        status.clientCollation = cursor.uint16();
        status.connectionCollation = cursor.uint16();
        status.serverCollation = cursor.uint16();
        break;
      case 5: // TIME_ZONE
        status.timeZone = cursor.utf8(cursor.uint8());
        break;
      case 6: // CATALOG_NZ
        cursor.take(cursor.uint8());
        break;
      case 7: // LC_TIME_NAMES
        cursor.take(2);
        break;
      case 8: // CHARSET_DATABASE
        status.databaseCollation = cursor.uint16();
        break;
      case 9: // TABLE_MAP_FOR_UPDATE
      case 129: // MariaDB XID
        cursor.take(8);
        break;
      case 10: // MASTER_DATA_WRITTEN
        cursor.take(4);
        break;
      case 11: // INVOKER: user, host
        cursor.take(cursor.uint8());
        cursor.take(cursor.uint8());
        break;
      case 12: // UPDATED_DB_NAMES
        skipDatabaseNames(cursor, at);
        break;
      case 13: // MICROSECONDS
      case 128: // MariaDB HRNOW
        status.microseconds = cursor.uint24();
        break;
      case 16: // EXPLICIT_DEFAULTS_FOR_TIMESTAMP
        status.explicitDefaultsForTimestamp = cursor.uint8() !== 0;
        break;
      case 17: // DDL_LOGGED_WITH_XID
        status.ddlXid = cursor.bigUint64();
        break;
      case 18: // DEFAULT_COLLATION_FOR_UTF8MB4
        status.defaultCollationForUtf8mb4 = cursor.uint16();
        break;
      case 19: // SQL_REQUIRE_PRIMARY_KEY
      case 20: // DEFAULT_TABLE_ENCRYPTION
        cursor.take(1);
        break;
      default:
        cursor.position = cursor.end;
    }
  }
  return status;
}

function skipDatabaseNames(cursor: BinlogCursor, at: number): void {
  const count = cursor.uint8();
  if (count === TOO_MANY_DATABASES) return;
  for (let i = 0; i < count; i++) {
    const zero = cursor.bytes.indexOf(0, cursor.position);
    if (zero === -1 || zero >= cursor.end) throw new DecodeError('name of an updated database does not end', at);
    cursor.position = zero + 1;
  }
}
