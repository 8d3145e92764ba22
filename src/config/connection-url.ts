import { userInfo } from 'node:os';
import { TailraceError } from '../model/errors.ts';
import type { RawConfig } from './config-def.ts';
import type { Environment } from './config-providers.ts';

const FORM = 'Write postgres://<user>:<password>@<host>:<port>/<database>?sslmode=require';
const SSL_KEYS = ['sslmode', 'sslcert', 'sslkey', 'sslpassword', 'sslrootcert'];
/** What a user calls the parts that {@link parseConnectionUrl} makes keys of. */
export const URL_PARTS: Readonly<Record<string, string>> = {
  'database.hostname': "the URL's host",
  'database.port': "the URL's port",
  'database.user': "the URL's user",
  'database.password': "the URL's password",
  'database.dbname': "the URL's database",
  ...Object.fromEntries(SSL_KEYS.map((key) => [`database.${key}`, `the URL's ${key}`])),
};
/** Parameters of libpq that change nothing about which data is read. */
const HARMLESS = new Set(['application_name', 'connect_timeout', 'client_encoding', 'keepalives', 'options']);

export function isConnectionUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/**
 * The `database.*` keys of a `postgres://` or `postgresql://` URL, absent parts being taken from PGHOST, PGPORT, PGUSER,
 * PGPASSWORD, PGDATABASE, PGSSLMODE as psql does. Throws `config.invalid`; the message never holds the URL.
 */
export function parseConnectionUrl(text: string, env: Environment): RawConfig {
  const fail = (message: string): never => {
    throw new TailraceError('config.invalid', `the connection URL ${message}`, { remedy: FORM });
  };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== 'postgres' && scheme !== 'postgresql') {
    fail(scheme === undefined ? 'has no scheme' : `has the scheme '${scheme}'; this version reads Postgres`);
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
  const user = decode(url.username) || env.PGUSER || userInfo().username;
  const raw: Record<string, string> = {
    'database.hostname':
      url.searchParams.get('host') ?? (url.hostname.replace(/^\[|\]$/g, '') || env.PGHOST || 'localhost'),
    'database.port': url.port || env.PGPORT || '5432',
    'database.user': user,
    'database.dbname': decode(url.pathname.slice(1)) || env.PGDATABASE || user,
    'database.sslmode': env.PGSSLMODE ?? 'prefer',
  };
  const password = decode(url.password) || env.PGPASSWORD;
  if (password !== undefined) raw['database.password'] = password;
  for (const [key, value] of url.searchParams) {
    if (SSL_KEYS.includes(key)) raw[`database.${key}`] = value;
    else if (key !== 'host' && !HARMLESS.has(key)) {
      fail(`has the parameter '${key}', which is not known; ${SSL_KEYS.join(', ')} are`);
    }
  }
  return raw;
}
