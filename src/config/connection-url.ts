import { userInfo } from 'node:os';
import { TailraceError } from '../model/errors.ts';
import type { RawConfig } from './config-def.ts';
import type { Environment } from './config-providers.ts';
import { MARIADB_CONNECTOR, MYSQL_CONNECTOR } from './mysql.ts';
import { POSTGRES_CONNECTOR } from './postgres.ts';

/** How the URLs of one kind of database become keys. */
interface UrlForm {
  /** What to write. */
  readonly form: string;
  /** Parameter -> key. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Parameters that change nothing about which data is read. */
  readonly harmless: readonly string[];
  keys(url: UrlParts, env: Environment): RawConfig;
}

/** Decoded; absent parts are empty. */
interface UrlParts {
  readonly host: string;
  readonly port: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

const SSL_KEYS = ['sslmode', 'sslcert', 'sslkey', 'sslpassword', 'sslrootcert'];

/** Absent parts are taken from PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE as psql does. */
const POSTGRES: UrlForm = {
  form: 'postgres://<user>:<password>@<host>:<port>/<database>?sslmode=require',
  parameters: { host: 'database.hostname', ...Object.fromEntries(SSL_KEYS.map((key) => [key, `database.${key}`])) },
  // Of libpq.
  harmless: ['application_name', 'connect_timeout', 'client_encoding', 'keepalives', 'options'],
  keys: ({ host, port, user, password, database }, env) => {
    const name = user || env.PGUSER || userInfo().username;
    return {
      'connector.class': POSTGRES_CONNECTOR,
      'database.hostname': host || env.PGHOST || 'localhost',
      'database.port': port || env.PGPORT || '5432',
      'database.user': name,
      'database.dbname': database || env.PGDATABASE || name,
      'database.sslmode': env.PGSSLMODE ?? 'prefer',
      ...secret(password || env.PGPASSWORD),
    };
  },
};

/** Absent parts are taken from MYSQL_HOST, MYSQL_TCP_PORT and MYSQL_PWD as mysql does; without a database all are read. */
function mysqlForm(connectorClass: string): UrlForm {
  return {
    form: 'mysql://<user>:<password>@<host>:<port>/<database>?ssl-mode=REQUIRED',
    parameters: {
      'ssl-mode': 'database.ssl.mode',
      'ssl-ca': 'database.ssl.truststore',
      'ssl-cert': 'database.ssl.keystore',
    },
    harmless: ['charset', 'connectTimeout', 'connect-timeout'],
    keys: ({ host, port, user, password, database }, env) => ({
      'connector.class': connectorClass,
      'database.hostname': host || env.MYSQL_HOST || 'localhost',
      'database.port': port || env.MYSQL_TCP_PORT || '3306',
      'database.user': user || userInfo().username,
      ...secret(password || env.MYSQL_PWD),
      ...(database === '' ? {} : { 'database.include.list': database.replace(/[.*+?^${}()|[\]\\,]/g, '\\$&') }),
    }),
  };
}

const FORMS: Readonly<Record<string, UrlForm>> = {
  postgres: POSTGRES,
  postgresql: POSTGRES,
  mysql: mysqlForm(MYSQL_CONNECTOR),
  mariadb: mysqlForm(MARIADB_CONNECTOR),
};

/** What a user calls the parts that {@link parseConnectionUrl} makes keys of. */
export const URL_PARTS: Readonly<Record<string, string>> = {
  'database.hostname': "the URL's host",
  'database.port': "the URL's port",
  'database.user': "the URL's user",
  'database.password': "the URL's password",
  'database.dbname': "the URL's database",
  'database.include.list': "the URL's database",
  ...Object.fromEntries(SSL_KEYS.map((key) => [`database.${key}`, `the URL's ${key}`])),
  ...Object.fromEntries(
    Object.entries(FORMS.mysql!.parameters).map(([parameter, key]) => [key, `the URL's ${parameter}`]),
  ),
};

export function isConnectionUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

export function isMysqlUrl(text: string): boolean {
  return /^(?:mysql|mariadb):\/\//i.test(text);
}

/**
 * The `connector.class` and `database.*` keys of a `postgres://`, `mysql://` or `mariadb://` URL. Throws `config.invalid`;
 * the message never holds the URL.
 */
export function parseConnectionUrl(text: string, env: Environment): RawConfig {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  const form = scheme === undefined ? undefined : FORMS[scheme];
  const fail = (message: string): never => {
    throw new TailraceError('config.invalid', `the connection URL ${message}`, {
      remedy: `Write ${(form ?? POSTGRES).form}`,
    });
  };
  if (form === undefined) {
    return fail(
      scheme === undefined
        ? 'has no scheme'
        : `has the scheme '${scheme}'; this version reads postgres://, mysql:// and mariadb://`,
    );
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return fail("cannot be read; characters such as '@', '/', '#' in a password are written as %40, %2F, %23");
  }
  const decode = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      return fail("holds a '%' that is not followed by two hexadecimal digits");
    }
  };
  const parameters: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    const key = form.parameters[name];
    if (key !== undefined) parameters[key] = value;
    else if (!form.harmless.includes(name)) {
      const known = Object.keys(form.parameters).filter((one) => one !== 'host');
      fail(`has the parameter '${name}', which is not known; ${known.join(', ')} are`);
    }
  }
  const parts: UrlParts = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    user: decode(url.username),
    password: decode(url.password),
    database: decode(url.pathname.slice(1)),
  };
  return { ...form.keys(parts, env), ...parameters };
}

function secret(password: string | undefined): RawConfig {
  return password === undefined || password === '' ? {} : { 'database.password': password };
}
