import { type ErrorCode, TailraceError } from '../../model/errors.ts';
import { dumpRefusal } from './dump-refusal.ts';

/** An error packet of the server, as mysql2 gives it. */
export interface ServerError {
  readonly errno: number;
  readonly sqlState: string;
  readonly message: string;
}

/** Where an error happened, for its text. `doing` completes "cannot ...". */
export interface ErrorContext {
  readonly doing: string;
  readonly user: string;
  /** host:port. */
  readonly address: string;
}

/** What an error of the server means for us. */
export interface Meaning {
  readonly code: ErrorCode;
  readonly remedy: string;
}

const RECONNECTS = 'tailrace reconnects and goes on from its checkpoint.';

/** By error number (MySQL Error Message Reference; MariaDB's numbers above 1900 are its own). */
function meaningOf(error: ServerError, context: ErrorContext): Meaning | null {
  const user = quoteAccount(context.user);
  switch (error.errno) {
    case 1045: // ER_ACCESS_DENIED_ERROR
    case 1698: // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
      return {
        code: 'source.authentication',
        remedy:
          'Check database.user and database.password, that the account exists for this host, and whether it asks for TLS or a client certificate (database.ssl.mode, database.ssl.keystore).',
      };
    case 1130: // ER_HOST_NOT_PRIVILEGED
      return { code: 'source.authentication', remedy: `The server has no account ${user} for this machine: make one.` };
    case 1820: // ER_MUST_CHANGE_PASSWORD
    case 1862: // ER_MUST_CHANGE_PASSWORD_LOGIN
    case 3118: // ER_ACCOUNT_HAS_BEEN_LOCKED
    case 4151: // MariaDB: ER_ACCOUNT_HAS_BEEN_LOCKED
      return { code: 'source.authentication', remedy: `ALTER USER ${user} ...; as the server says.` };
    case 3159: // ER_SECURE_TRANSPORT_REQUIRED
      return { code: 'source.tls', remedy: 'Set database.ssl.mode so that the connection is encrypted.' };
    case 1040: // ER_CON_COUNT_ERROR
    case 1203: // ER_TOO_MANY_USER_CONNECTIONS
    case 1226: // ER_USER_LIMIT_REACHED
      return { code: 'source.connect', remedy: 'Raise max_connections, or free connections; tailrace keeps trying.' };
    case 1129: // ER_HOST_IS_BLOCKED
      return { code: 'source.connect', remedy: 'TRUNCATE TABLE performance_schema.host_cache; or FLUSH HOSTS;' };
    case 1044: // ER_DBACCESS_DENIED_ERROR
    case 1142: // ER_TABLEACCESS_DENIED_ERROR
    case 1143: // ER_COLUMNACCESS_DENIED_ERROR
      return { code: 'source.privilege', remedy: `Grant ${user} what the server asks for, or use another account.` };
    case 1227: // ER_SPECIFIC_ACCESS_DENIED_ERROR
    case 1370: {
      const needed = /\(at least one of\) the (.+) privilege\(s\)/.exec(error.message)?.[1];
      const all = needed?.split(/, | or /i);
      // The server names the one that allows everything first.
      const privilege = all?.find((one) => one !== 'SUPER') ?? all?.[0];
      return {
        code: 'source.privilege',
        remedy:
          privilege === undefined
            ? `Grant ${user} what the server asks for, or use another account.`
            : `GRANT ${privilege} ON *.* TO ${user};`,
      };
    }
    case 1049: // ER_BAD_DB_ERROR
      return { code: 'source.database_missing', remedy: 'Check database.include.list.' };
    case 1205: // ER_LOCK_WAIT_TIMEOUT
    case 1213: // ER_LOCK_DEADLOCK
      return { code: 'source.connection_lost', remedy: 'Another session holds locks that are needed: try again.' };
    case 1317: // ER_QUERY_INTERRUPTED
    case 1969: // MariaDB: ER_STATEMENT_TIMEOUT
    case 3024: // ER_QUERY_TIMEOUT
      return {
        code: 'source.connection_lost',
        remedy: 'The statement was cancelled or timed out: try it again, or raise database.query.timeout.ms.',
      };
    case 1053: // ER_SERVER_SHUTDOWN
    case 1152: // ER_ABORTING_CONNECTION
    case 1158: // ER_NET_READ_ERROR
    case 1159: // ER_NET_READ_INTERRUPTED
    case 1160: // ER_NET_ERROR_ON_WRITE
    case 1161: // ER_NET_WRITE_INTERRUPTED
    case 1184: // ER_NEW_ABORTING_CONNECTION
    case 1927: // MariaDB: ER_CONNECTION_KILLED
    case 3032: // ER_SERVER_OFFLINE_MODE
    case 3168: // ER_SERVER_ISNT_AVAILABLE
    case 3169: // ER_SESSION_WAS_KILLED
    case 4031: // ER_CLIENT_INTERACTION_TIMEOUT
      return { code: 'source.connection_lost', remedy: RECONNECTS };
    case 1381: // ER_NO_BINARY_LOGGING
      return { code: 'source.setting', remedy: LOG_BIN_REMEDY };
    case 1373: // ER_UNKNOWN_TARGET_BINLOG
    case 1236: // ER_MASTER_FATAL_ERROR_READING_BINLOG
    case 1789: // ER_MASTER_HAS_PURGED_REQUIRED_GTIDS
    case 1945: // MariaDB: ER_GTID_POSITION_NOT_FOUND_IN_BINLOG
    case 1955: // MariaDB: ER_GTID_POSITION_NOT_FOUND_IN_BINLOG2
    case 4052: // MariaDB: ER_SLAVE_SAME_ID
      return dumpRefusal(error.message);
    default:
      return null;
  }
}

export const LOG_BIN_REMEDY =
  'Start the server with log-bin=binlog and server-id=1 in the [mysqld] section of its options (Amazon RDS: turn automatic backups on).';

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'ENOENT',
  'EACCES',
]);

const LOST =
  /Connection lost|in closed state|Query inactivity timeout|was closed|server closed the connection|has been silent/i;

/**
 * Turns whatever mysql2, a socket or the server reported into a {@link TailraceError}. The server's message is kept, without
 * the values that it may quote. The password appears in none of them. `otherwise` is the code of what is not understood.
 */
export function mysqlError(error: unknown, context: ErrorContext, otherwise: ErrorCode = 'internal'): TailraceError {
  if (error instanceof TailraceError) return error;
  const at = `cannot ${context.doing} (${context.user}@${context.address})`;
  if (isServerError(error)) {
    const meaning = meaningOf(error, context);
    const text = `${at}: ${withoutValue(error)} (error ${error.errno})`;
    return new TailraceError(meaning?.code ?? otherwise, text, {
      ...(meaning === null ? {} : { remedy: meaning.remedy }),
      cause: error,
    });
  }
  const cause = rootOf(error);
  const code = cause.code ?? '';
  const text = `${at}: ${cause.message === '' ? code : cause.message}`;
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT') {
    return new TailraceError('source.tls', `${at}: the server does not speak TLS`, {
      remedy: 'Give the server a certificate (ssl_cert, ssl_key), or set database.ssl.mode to disabled.',
      cause,
    });
  }
  if (/does not match certificate's altnames/.test(cause.message)) {
    return new TailraceError('source.tls', `${at}: the server's certificate is not for ${hostOf(context)}`, {
      remedy: 'Set database.hostname to a name that is in the certificate, or database.ssl.mode to verify_ca.',
      cause,
    });
  }
  if (/self-signed|unable to (get|verify)/i.test(cause.message)) {
    return new TailraceError('source.tls', `${at}: the server's certificate is not trusted: ${cause.message}`, {
      remedy: 'Set database.ssl.truststore to the certificate (PEM or PKCS12) of the authority that signed it.',
      cause,
    });
  }
  if (code === 'HANDSHAKE_SSL_ERROR' || /^(ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO)/.test(code)) {
    return new TailraceError('source.tls', text, {
      remedy: 'Check the keys that begin with database.ssl, and the ssl_ and tls_ settings of the server.',
      cause,
    });
  }
  if (/^AUTH_SWITCH/.test(code) || /authentication (using|plugin)|auth plugin/i.test(cause.message)) {
    return new TailraceError('source.authentication', text, {
      remedy: `Let the account log in by caching_sha2_password or mysql_native_password (ALTER USER ${quoteAccount(context.user)} ...), or encrypt the connection (database.ssl.mode).`,
      cause,
    });
  }
  if (UNREACHABLE.has(code)) {
    return new TailraceError('source.connect', text, {
      remedy: 'Check database.hostname and database.port, that the server runs, and that no firewall is between.',
      cause,
    });
  }
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'PROTOCOL_CONNECTION_LOST' || LOST.test(cause.message)) {
    return new TailraceError('source.connection_lost', text, { remedy: RECONNECTS, cause });
  }
  return new TailraceError(otherwise, text, { cause });
}

/** Data and constraint errors (classes 22 and 23) quote values: `Duplicate entry '4711' for key 'PRIMARY'`. */
function withoutValue({ sqlState, message }: ServerError): string {
  return /^2[23]/.test(sqlState) ? message.replace(/'.*'/s, '...') : message;
}

export function isServerError(error: unknown): error is ServerError {
  const candidate = error as Partial<ServerError> | null;
  return (
    typeof candidate === 'object' &&
    candidate !== null &&
    typeof candidate.message === 'string' &&
    typeof candidate.errno === 'number' &&
    candidate.errno > 0 &&
    typeof candidate.sqlState === 'string'
  );
}

/** A host with several addresses fails with an AggregateError; its first reason is as good as any. */
function rootOf(error: unknown): Error & { code?: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return rootOf(error.errors[0]);
  return error instanceof Error ? error : new Error(String(error));
}

function hostOf(context: ErrorContext): string {
  return context.address.replace(/:\d+$/, '');
}

export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** For any `sql_mode`, but NO_BACKSLASH_ESCAPES with a backslash in the text. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** An account in the SQL of a remedy: which host pattern it has is the operator's to say. */
export function quoteAccount(user: string): string {
  return `${quoteLiteral(user)}@'%'`;
}
