import type { ConverterConfig } from '../../config/converters.ts';
import { openKey, readStore, splitPem } from '../../tls/store.ts';
import type { RegistrySettings, RegistryTls, SubjectNaming } from './settings.ts';

/** What a connector's configuration says of the registry of its keys or values. */
export function registrySettings(config: ConverterConfig, side: 'key' | 'value'): RegistrySettings {
  const urls = config[`${side}.converter.schema.registry.url`] ?? [];
  const strategy =
    side === 'key'
      ? config['key.converter.key.subject.name.strategy']
      : config['value.converter.value.subject.name.strategy'];
  return {
    urls: urls.map(withoutCredentials),
    authorization: authorization(config, side, urls),
    autoRegister: config[`${side}.converter.auto.register.schemas`],
    useLatestVersion: config[`${side}.converter.use.latest.version`],
    normalize: config[`${side}.converter.normalize.schemas`],
    subjects: SUBJECTS[strategy.slice(strategy.lastIndexOf('.') + 1)]!,
  };
}

const SUBJECTS: Readonly<Record<string, SubjectNaming>> = {
  TopicNameStrategy: 'topic',
  RecordNameStrategy: 'record',
  TopicRecordNameStrategy: 'topic-record',
};

function authorization(config: ConverterConfig, side: 'key' | 'value', urls: readonly string[]): string | null {
  if (config[`${side}.converter.bearer.auth.credentials.source`] === 'STATIC_TOKEN') {
    return `Bearer ${config[`${side}.converter.bearer.auth.token`]}`;
  }
  const info =
    config[`${side}.converter.basic.auth.credentials.source`] === 'USER_INFO'
      ? config[`${side}.converter.basic.auth.user.info`]
      : userInfoOf(urls);
  return info === null ? null : `Basic ${Buffer.from(info).toString('base64')}`;
}

/** Of the first URL that has any: one account serves all of them. */
function userInfoOf(urls: readonly string[]): string | null {
  const url = urls.map((text) => new URL(text)).find(({ username }) => username !== '');
  return url === undefined ? null : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
}

function withoutCredentials(url: string): string {
  const parsed = new URL(url);
  parsed.username = parsed.password = '';
  return parsed.href;
}

/** Reads the stores when the first connection is made; null where no key asks for any. */
export function registryTls(config: ConverterConfig, side: 'key' | 'value'): (() => Promise<RegistryTls>) | null {
  const prefix = `${side}.converter.schema.registry.ssl.` as const;
  const checkHostname = config[`${prefix}endpoint.identification.algorithm`] !== '';
  const trusted = {
    location: config[`${prefix}truststore.location`],
    password: config[`${prefix}truststore.password`],
    pem: config[`${prefix}truststore.certificates`],
  };
  const own = {
    location: config[`${prefix}keystore.location`],
    password: config[`${prefix}keystore.password`],
    pem: [config[`${prefix}keystore.certificate.chain`], config[`${prefix}keystore.key`]].filter(
      (text) => text !== null,
    ),
    keyPassword: config[`${prefix}key.password`],
  };
  if (checkHostname && [trusted.location, trusted.pem, own.location, ...own.pem].every((text) => text == null))
    return null;
  const read = (store: 'truststore' | 'keystore', file: string, password: string | null) =>
    readStore({
      file,
      password,
      key: `${prefix}${store}.location`,
      passwordKey: `${prefix}${store}.password`,
      code: 'log.tls',
    });
  return async () => {
    const ca =
      trusted.location !== null
        ? await read('truststore', trusted.location, trusted.password)
        : trusted.pem !== null
          ? splitPem(trusted.pem)
          : null;
    const identity =
      own.location !== null
        ? await read('keystore', own.location, own.password)
        : own.pem.length > 0
          ? splitPem(own.pem.join('\n'))
          : null;
    const opened =
      identity === null || identity.keys === '' || own.keyPassword === null
        ? (identity?.keys ?? null)
        : openKey(identity.keys, {
            from: own.location ?? `${prefix}keystore.key`,
            password: own.keyPassword,
            passwordKey: `${prefix}key.password`,
            code: 'log.tls',
          });
    return { ca: ca?.certificates ?? null, cert: identity?.certificates ?? null, key: opened || null, checkHostname };
  };
}
