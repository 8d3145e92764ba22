import type { MysqlConfig } from '../../config/mysql.ts';
import { TailraceError } from '../../model/errors.ts';
import { openKey, readStore, type Store } from '../../tls/store.ts';

export type TlsConfig = Pick<
  MysqlConfig,
  | 'database.ssl.mode'
  | 'database.ssl.truststore'
  | 'database.ssl.truststore.password'
  | 'database.ssl.keystore'
  | 'database.ssl.keystore.password'
>;

/** What mysql2 takes as `ssl`. */
export interface TlsOptions {
  rejectUnauthorized: boolean;
  verifyIdentity: boolean;
  ca?: string;
  cert?: string;
  key?: string;
}

/** One way to try a connection: without TLS, or with it. */
export type TlsAttempt = false | TlsOptions;

/**
 * The attempts for a mode, in their order: `preferred` tries TLS and then goes without, `required` encrypts and looks at no
 * certificate, `verify_ca` checks the chain and `verify_identity` the host name, too, by the CAs that Node knows where no
 * truststore is named. Throws `source.tls` for unusable files.
 */
export async function tlsAttempts(config: TlsConfig): Promise<readonly TlsAttempt[]> {
  const mode = config['database.ssl.mode'];
  switch (mode) {
    case 'disabled':
      return [false];
    case 'preferred':
      return [await tlsOptions(config, 'none'), false];
    case 'required':
      return [await tlsOptions(config, 'none')];
    case 'verify_ca':
      return [await tlsOptions(config, 'chain')];
    case 'verify_identity':
      return [await tlsOptions(config, 'identity')];
    default:
      throw new TailraceError('config.invalid', `database.ssl.mode "${String(mode satisfies never)}" is not known`);
  }
}

async function tlsOptions(config: TlsConfig, verifies: 'none' | 'chain' | 'identity'): Promise<TlsOptions> {
  const options: TlsOptions = {
    rejectUnauthorized: verifies !== 'none',
    verifyIdentity: verifies === 'identity',
    ...(await clientCertificate(config)),
  };
  const ca = verifies === 'none' ? null : await trustedCertificates(config);
  if (ca !== null) options.ca = ca;
  return options;
}

async function trustedCertificates(config: TlsConfig): Promise<string | null> {
  const key = 'database.ssl.truststore';
  const file = config[key];
  if (file === null) return null;
  const { certificates } = await storeOf(key, file, config['database.ssl.truststore.password']);
  // OpenSSL passes over what is no certificate, and would then trust nobody.
  if (certificates === '') {
    throw new TailraceError('source.tls', `${file} holds no certificate`, {
      remedy: `Set ${key} to a file with the certificate of the authority that signed the server's.`,
    });
  }
  return certificates;
}

async function clientCertificate(config: TlsConfig): Promise<Pick<TlsOptions, 'cert' | 'key'>> {
  const name = 'database.ssl.keystore';
  const file = config[name];
  const password = config['database.ssl.keystore.password'];
  if (file === null) return {};
  const { certificates: cert, keys: key } = await storeOf(name, file, password);
  if (cert === '' || key === '') {
    throw new TailraceError('source.tls', `${file} holds no ${cert === '' ? 'certificate' : 'private key'}`, {
      remedy: `Set ${name} to a PEM or PKCS12 file with both the certificate and its key.`,
    });
  }
  if (!key.includes('ENCRYPTED')) return { cert, key };
  const passwordKey = `${name}.password`;
  return { cert, key: openKey(key, { from: file, password: password ?? '', passwordKey, code: 'source.tls' }) };
}

function storeOf(key: string, file: string, password: string | null): Promise<Store> {
  return readStore({ file, password, key, passwordKey: `${key}.password`, code: 'source.tls' });
}
