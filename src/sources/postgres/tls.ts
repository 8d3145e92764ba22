import { createPrivateKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { extname, join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { TailraceError } from '../../model/errors.ts';

export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

export interface TlsConfig {
  readonly 'database.sslmode': SslMode;
  readonly 'database.sslcert': string | null;
  readonly 'database.sslkey': string | null;
  readonly 'database.sslpassword': string | null;
  readonly 'database.sslrootcert': string | null;
}

/** One way to try a connection: without TLS, or with it. */
export type TlsAttempt = false | ConnectionOptions;

/**
 * The attempts that libpq makes for a mode, in its order (libpq manual, "SSL Support"): `allow` prefers plain text and
 * `prefer` prefers TLS, both without looking at the certificate; `require` looks at it only when a root certificate is
 * there; `verify-ca` checks the chain and `verify-full` the host name too. Throws `source.tls` for unusable files.
 */
export function tlsAttempts(config: TlsConfig): readonly TlsAttempt[] {
  const mode = config['database.sslmode'];
  if (mode === 'disable') return [false];
  const tls = tlsOptions(config, mode);
  switch (mode) {
    case 'allow':
      return [false, tls];
    case 'prefer':
      return [tls, false];
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      return [tls];
    default:
      throw new TailraceError('config.invalid', `database.sslmode "${String(mode satisfies never)}" is not known`);
  }
}

function tlsOptions(config: TlsConfig, mode: Exclude<SslMode, 'disable'>): ConnectionOptions {
  const root = config['database.sslrootcert'] ?? defaultFile('root.crt');
  const verifies = mode === 'verify-ca' || mode === 'verify-full' || (mode === 'require' && root !== null);
  return { ...verification(mode, verifies, root), ...clientCertificate(config) };
}

function verification(mode: SslMode, verifies: boolean, root: string | null): ConnectionOptions {
  if (!verifies) return { rejectUnauthorized: false };
  if (root === null) {
    throw new TailraceError('source.tls', `sslmode=${mode} needs a root certificate, and there is none`, {
      remedy:
        'Set database.sslrootcert to the CA file (PEM), or to "system" for the CAs of this machine, or use database.sslmode=require.',
    });
  }
  if (root === 'system') {
    // As libpq: certificates of public CAs say nothing without the host name.
    if (mode !== 'verify-full') {
      throw new TailraceError('source.tls', `sslrootcert=system is too weak with sslmode=${mode}`, {
        remedy: 'Use database.sslmode=verify-full with the CAs of this machine.',
      });
    }
    return { rejectUnauthorized: true };
  }
  const ca = readTlsFile('database.sslrootcert', root);
  // OpenSSL passes over what is no certificate, and would then trust nobody.
  if (!/-----BEGIN ([A-Z0-9]+ )?CERTIFICATE-----/.test(ca.toString('latin1'))) {
    throw new TailraceError('source.tls', `${root} holds no certificate`, {
      remedy: 'Set database.sslrootcert to a PEM file of the authority that signed the server certificate.',
    });
  }
  if (mode === 'verify-full') return { rejectUnauthorized: true, ca };
  return { rejectUnauthorized: true, ca, checkServerIdentity: () => undefined };
}

function clientCertificate(config: TlsConfig): ConnectionOptions {
  const certFile = config['database.sslcert'] ?? defaultFile('postgresql.crt');
  const keyFile = config['database.sslkey'] ?? defaultFile('postgresql.key');
  const passphrase = config['database.sslpassword'] ?? undefined;
  const unlock = passphrase === undefined ? {} : { passphrase };
  if (keyFile !== null && isPkcs12(keyFile)) return { pfx: readTlsFile('database.sslkey', keyFile), ...unlock };
  if (certFile === null) return {};
  if (keyFile === null) {
    throw new TailraceError('source.tls', `the client certificate ${certFile} has no key`, {
      remedy: 'Set database.sslkey to the private key of database.sslcert.',
    });
  }
  return {
    cert: readTlsFile('database.sslcert', certFile),
    key: readKey(keyFile, passphrase),
  };
}

function isPkcs12(file: string): boolean {
  return ['.p12', '.pfx'].includes(extname(file).toLowerCase());
}

/** PEM, or PKCS-8 in DER as the Java driver asks for (.pk8, .der); an encrypted key is opened with `passphrase`. */
function readKey(file: string, passphrase: string | undefined): string {
  const bytes = readTlsFile('database.sslkey', file);
  const unlock = passphrase === undefined ? {} : { passphrase };
  try {
    const key = bytes.includes('-----BEGIN')
      ? createPrivateKey({ key: bytes, format: 'pem', ...unlock })
      : createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8', ...unlock });
    return key.export({ type: 'pkcs8', format: 'pem' }) as string;
  } catch (cause) {
    throw new TailraceError('source.tls', `the private key ${file} cannot be used`, {
      remedy: 'Check that database.sslkey is a PEM or PKCS-8 key and that database.sslpassword opens it.',
      cause,
    });
  }
}

function readTlsFile(key: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new TailraceError('source.tls', `cannot read ${file} (${(cause as NodeJS.ErrnoException).code})`, {
      remedy: `Check the path and the permissions of ${key}.`,
      cause,
    });
  }
}

/** libpq looks into ~/.postgresql when a file is not named. */
function defaultFile(name: string): string | null {
  const file = join(homedir(), '.postgresql', name);
  return existsSync(file) ? file : null;
}
