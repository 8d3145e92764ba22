import type { KafkaAccess, KafkaTlsConfig, StoreConfig } from '../../config/kafka-access.ts';
import type { KafkaLogConfig } from '../../config/kafka-log.ts';
import { TailraceError } from '../../model/errors.ts';
import { openKey, readStore, type Store, splitPem } from '../../tls/store.ts';
import { OAuthTokens } from './oauth-token.ts';
import type { KafkaLogSettings, KafkaSaslSettings, KafkaTlsSettings } from './settings.ts';

/** A log's settings, with the files read that its configuration names. Throws `log.tls` that names the key. */
export async function loadKafkaSettings(config: KafkaLogConfig): Promise<KafkaLogSettings> {
  const { access, ...client } = config.client;
  return { ...config, client: { ...client, tls: await loadTls(access.tls), sasl: await loadSasl(access.sasl) } };
}

async function loadTls(tls: KafkaTlsConfig | null): Promise<KafkaTlsSettings | null> {
  if (tls === null) return null;
  const { checkHostname } = tls;
  const ca = tls.trust === null ? null : await certificatesOf(tls.trust);
  const identity = tls.identity === null ? { cert: null, key: null } : await identityOf(tls.identity, tls.keyPassword);
  return { ca, ...identity, passphrase: null, checkHostname };
}

async function certificatesOf(store: StoreConfig): Promise<string> {
  const { certificates } = await open(store);
  // OpenSSL passes over what is no certificate, and would then trust nobody.
  if (certificates === '') {
    throw new TailraceError('log.tls', `${nameOf(store)} holds no certificate`, {
      remedy: `Set ${store.key} to the certificate of the authority that signed the brokers', PEM or PKCS12.`,
    });
  }
  return certificates;
}

async function identityOf(
  store: StoreConfig,
  keyPassword: string | null,
): Promise<{ readonly cert: string; readonly key: string }> {
  const { certificates: cert, keys: key } = await open(store);
  if (cert === '' || key === '') {
    throw new TailraceError('log.tls', `${nameOf(store)} holds no ${cert === '' ? 'certificate' : 'private key'}`, {
      remedy:
        store.kind === 'file'
          ? `Set ${store.key} to a PEM or PKCS12 file with both the certificate and its key.`
          : 'Set ssl.keystore.certificate.chain to the certificate, and ssl.keystore.key to its key, PEM both.',
    });
  }
  if (!key.includes('ENCRYPTED')) return { cert, key };
  const password = keyPassword ?? (store.kind === 'file' ? store.password : null) ?? '';
  const from = store.kind === 'file' ? store.file : 'ssl.keystore.key';
  return { cert, key: openKey(key, { from, password, passwordKey: 'ssl.key.password', code: 'log.tls' }) };
}

function open(store: StoreConfig): Promise<Store> {
  if (store.kind === 'text') return Promise.resolve(splitPem(store.pem));
  const { key, file, password } = store;
  return readStore({ key, file, password, passwordKey: key.replace('.location', '.password'), code: 'log.tls' });
}

function nameOf(store: StoreConfig): string {
  return store.kind === 'file' ? store.file : store.key;
}

async function loadSasl(sasl: KafkaAccess['sasl']): Promise<KafkaSaslSettings | null> {
  if (sasl === null || sasl.mechanism !== 'oauthbearer') return sasl;
  const { oauth } = sasl;
  const tokens = new OAuthTokens(oauth, oauth.trust === null ? null : await certificatesOf(oauth.trust));
  return { mechanism: 'oauthbearer', token: () => tokens.token(), extensions: oauth.extensions };
}
