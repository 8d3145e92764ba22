import { type ErrorCode, TailraceError } from '../../model/errors.ts';

/** The fields of a server's ErrorResponse that we read; pg's DatabaseError and our own parser give them. */
export interface ServerError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | null | undefined;
}

/** Where an error happened, for its text. `doing` completes "cannot ...". */
export interface ErrorContext {
  readonly doing: string;
  readonly user: string;
  readonly database: string;
  /** host:port. */
  readonly address: string;
}

export const WAL_LEVEL_REMEDY =
  "ALTER SYSTEM SET wal_level = 'logical'; then restart the server (Amazon RDS: rds.logical_replication = 1).";

interface Meaning {
  readonly code: ErrorCode;
  readonly remedy: string;
  /** What happened, where the server's own words do not tell. */
  readonly what?: string;
}

/**
 * elog texts of RelidByRelfilenumber (relfilenumbermap.c) and ReorderBufferProcessTXN (reorderbuffer.c), "node" until
 * Postgres 15: the catalog as of a change, as the server rebuilds it, does not tell which table the change belongs to.
 */
const UNDECODABLE = /unexpected duplicate for tablespace \d+, relfile(node|number)|could not map file(node|number) /;

/**
 * What an SQLSTATE means for us (Postgres manual, appendix A). Codes that carry several meanings are told apart by the
 * server's English words; where lc_messages is another language the general meaning stands.
 */
function meaningOf(error: ServerError, context: ErrorContext): Meaning | null {
  const { code, message } = error;
  const role = quoteIdentifier(context.user);
  switch (code) {
    case '28P01':
      return { code: 'source.authentication', remedy: 'Check database.user and database.password.' };
    case '28000':
      if (/client certificate|certificate authentication/i.test(message)) {
        return {
          code: 'source.authentication',
          remedy: 'Set database.sslcert and database.sslkey to the client certificate that the server asks for.',
        };
      }
      return {
        code: 'source.authentication',
        remedy: `Check database.user, and that pg_hba.conf lets it in from this machine with database.sslmode as it is.`,
      };
    case '3D000':
      return { code: 'source.database_missing', remedy: 'Check database.dbname.' };
    case '53300':
      if (/max_wal_senders/.test(message)) {
        return {
          code: 'source.setting',
          remedy: 'ALTER SYSTEM SET max_wal_senders = 20; then restart the server.',
        };
      }
      return { code: 'source.connect', remedy: 'Raise max_connections, or free connections; tailrace keeps trying.' };
    case '53400':
      return {
        code: 'source.setting',
        remedy:
          'Drop a slot that nobody uses ("tailrace slots list" shows them), or ALTER SYSTEM SET max_replication_slots = 20; and restart the server.',
      };
    case '57P03':
    case '57P01':
    case '57P02':
    case '57P05':
    case '08006':
    case '08P01':
      return { code: 'source.connection_lost', remedy: 'tailrace reconnects and goes on from its checkpoint.' };
    case '42501':
      if (/replication|WAL sender|walsender/i.test(message)) {
        return {
          code: 'source.privilege',
          remedy: `ALTER ROLE ${role} REPLICATION; (on Amazon RDS: GRANT rds_replication TO ${role};)`,
        };
      }
      return { code: 'source.privilege', remedy: `Grant ${role} what the server asks for, or use another role.` };
    case '55006':
      return {
        code: 'source.slot_in_use',
        remedy: 'Stop the other reader, or choose another slot.name.',
      };
    case '55000':
      if (/wal_level/.test(message)) {
        return {
          code: 'source.setting',
          remedy: WAL_LEVEL_REMEDY,
        };
      }
      if (/replication slot/i.test(message)) {
        return {
          code: 'source.slot_invalidated',
          remedy:
            'The changes that it kept are gone. Drop it (tailrace slots drop) and start with snapshot.mode=when_needed.',
        };
      }
      return null;
    case '42704':
      if (/replication slot/.test(message)) {
        return {
          code: 'source.slot_missing',
          remedy: 'Start with snapshot.mode=when_needed to read the tables again, or with "tailrace offsets reset".',
        };
      }
      if (/publication/.test(message)) {
        return {
          code: 'source.publication',
          remedy:
            'It was dropped, or made after the position that the slot is at: make it, then drop the slot and start anew.',
        };
      }
      return null;
    case '58P01':
      if (/WAL segment/.test(message)) {
        return {
          code: 'source.slot_invalidated',
          remedy: 'WAL that the slot needs was removed. Drop the slot and start with snapshot.mode=when_needed.',
        };
      }
      return null;
    case '55P03':
      return {
        code: 'source.publication',
        remedy: 'Another session holds a lock on the table: try again when it is done.',
      };
    case '57014':
      return {
        code: 'source.connection_lost',
        remedy: 'The statement was cancelled or timed out: try it again, or raise database.query.timeout.ms.',
      };
    case 'XX000':
      if (!UNDECODABLE.test(message)) return null;
      // The same WAL fails the same way at each attempt, for every reader: to try again would only fill the server's disk.
      return {
        code: 'source.decode',
        what: 'the server itself cannot decode the WAL that follows',
        remedy:
          'Nothing was skipped. Upgrade the server to the newest minor release of its version and start again; if it says the same, drop the slot (tailrace slots drop) and start with snapshot.mode=when_needed, which reads the tables again.',
      };
    default:
      // Connection exception, insufficient resources, operator intervention, system error: they pass.
      return /^(08|53|57|58)/.test(code) ? { code: 'source.connection_lost', remedy: 'tailrace reconnects.' } : null;
  }
}

const TLS_CODE = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/;
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

/**
 * Turns whatever pg, a socket or the server reported into a {@link TailraceError}. The server's message is kept; its
 * detail is not, because it may quote row values. The password appears in none of them.
 * `otherwise` is the code of what is not understood.
 */
export function postgresError(error: unknown, context: ErrorContext, otherwise: ErrorCode = 'internal'): TailraceError {
  if (error instanceof TailraceError) return error;
  const where = `${context.user}@${context.address}/${context.database}`;
  const at = `cannot ${context.doing} (${where})`;
  if (isServerError(error)) {
    const meaning = meaningOf(error, context);
    const what = meaning?.what === undefined ? '' : `${meaning.what}: `;
    const text = `${at}: ${what}${withoutValue(error)} (SQLSTATE ${error.code})`;
    const remedy = meaning?.remedy ?? error.hint ?? null;
    const details = remedy === null ? { cause: error } : { remedy, cause: error };
    return new TailraceError(meaning?.code ?? otherwise, text, details);
  }
  const cause = rootOf(error);
  const code = cause.code ?? '';
  const text = `${at}: ${cause.message === '' ? code : cause.message}`;
  if (/does not support SSL/.test(cause.message)) {
    return new TailraceError('source.tls', `${at}: the server does not speak TLS`, {
      remedy: 'Turn ssl on in postgresql.conf, or use database.sslmode=disable or prefer.',
      cause,
    });
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const host = context.address.replace(/:\d+$/, '');
    return new TailraceError('source.tls', `${at}: the server's certificate is not for ${host}`, {
      remedy: 'Set database.hostname to a name that is in the certificate, or use database.sslmode=verify-ca.',
      cause,
    });
  }
  if (/self-signed|unable to (get|verify)/i.test(cause.message)) {
    return new TailraceError('source.tls', `${at}: the server's certificate is not trusted: ${cause.message}`, {
      remedy: 'Set database.sslrootcert to the certificate (PEM) of the authority that signed it.',
      cause,
    });
  }
  if (TLS_CODE.test(code) || /establishing an SSL connection/.test(cause.message)) {
    return new TailraceError('source.tls', text, {
      remedy:
        'Check database.sslmode, database.sslrootcert, database.sslcert and database.sslkey, and the ssl_ settings of the server.',
      cause,
    });
  }
  if (/SASL|password must be a string/.test(cause.message)) {
    return new TailraceError('source.authentication', text, { remedy: 'Check database.password.', cause });
  }
  if (UNREACHABLE.has(code) || /timeout expired/.test(cause.message)) {
    return new TailraceError('source.connect', text, {
      remedy: 'Check database.hostname and database.port, that the server runs, and that no firewall is between.',
      cause,
    });
  }
  if (
    code === 'ECONNRESET' ||
    code === 'EPIPE' ||
    /Connection terminated|not queryable|was closed|Query read timeout/i.test(cause.message)
  ) {
    return new TailraceError('source.connection_lost', text, {
      remedy: 'tailrace reconnects and goes on from its checkpoint.',
      cause,
    });
  }
  return new TailraceError(otherwise, text, { cause });
}

/** Data exceptions (class 22) quote the value at their end: `invalid input syntax for type integer: "x"`. */
function withoutValue({ code, message }: ServerError): string {
  return code.startsWith('22') ? message.replace(/".*"/s, '...') : message;
}

export function isServerError(error: unknown): error is ServerError {
  const candidate = error as Partial<ServerError> | null;
  return (
    typeof candidate === 'object' &&
    candidate !== null &&
    typeof candidate.message === 'string' &&
    typeof candidate.code === 'string' &&
    /^[0-9A-Z]{5}$/.test(candidate.code) &&
    'severity' in candidate
  );
}

/** A host with several addresses fails with an AggregateError; its first reason is as good as any. */
function rootOf(error: unknown): Error & { code?: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return rootOf(error.errors[0]);
  return error instanceof Error ? error : new Error(String(error));
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteLiteral(text: string): string {
  const quoted = text.replaceAll("'", "''");
  return text.includes('\\') ? ` E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}
