import type { ConfigOf, Issue, RawConfig } from './config-def.ts';
import type { JaasEntry } from './jaas.ts';
import type { kafkaSecurityDef } from './kafka-security.ts';

/** A keystore or truststore: a file, or PEM text that stands in the configuration. */
export type StoreConfig =
  | { readonly kind: 'file'; readonly key: string; readonly file: string; readonly password: string | null }
  | { readonly kind: 'text'; readonly key: string; readonly pem: string };

export interface KafkaTlsConfig {
  readonly trust: StoreConfig | null;
  readonly identity: StoreConfig | null;
  readonly keyPassword: string | null;
  readonly checkHostname: boolean;
}

export interface OAuthConfig {
  readonly endpoint: URL;
  /** Null where the endpoint is a file. */
  readonly client: { readonly id: string; readonly secret: string } | null;
  readonly scope: string | null;
  readonly extensions: Readonly<Record<string, string>>;
  readonly urlEncodesHeader: boolean;
  /** Who signed the endpoint's certificate: `ssl.truststore.*` options of `sasl.jaas.config`. */
  readonly trust: StoreConfig | null;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
  readonly refreshBufferMs: number;
}

export type KafkaSaslConfig =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      readonly password: string;
    }
  | { readonly mechanism: 'oauthbearer'; readonly oauth: OAuthConfig };

/** How a client is let in, its keys taken together. Files are not read yet. */
export interface KafkaAccess {
  readonly tls: KafkaTlsConfig | null;
  readonly sasl: KafkaSaslConfig | null;
}

export interface AccessCheck {
  /** Null when there are errors. */
  readonly access: KafkaAccess | null;
  readonly errors: readonly Issue[];
  readonly warnings: readonly Issue[];
}

type SecurityConfig = ConfigOf<typeof kafkaSecurityDef>;

/** What must never be shown of a parsed `sasl.jaas.config`, beside its whole text. */
export function secretsOfJaas(jaas: JaasEntry | null): readonly string[] {
  return Object.entries(jaas?.options ?? {}).flatMap(([name, value]) => (/password|secret/i.test(name) ? [value] : []));
}

/** Checks what keys of security say together. `raw` tells which of them are set. */
export function judgeAccess(config: SecurityConfig, raw: RawConfig): AccessCheck {
  const protocol = config['security.protocol'];
  const warnings: Issue[] = [];
  const errors: Issue[] = [];
  const hasTls = protocol === 'SSL' || protocol === 'SASL_SSL';
  const hasSasl = protocol.startsWith('SASL');
  for (const key of ['ssl.truststore.location', 'ssl.truststore.certificates', 'ssl.keystore.location']) {
    if (!hasTls && isSet(raw, key)) {
      warnings.push({ key, message: `has no effect: security.protocol is ${protocol}, without SSL` });
    }
  }
  for (const key of ['sasl.mechanism', 'sasl.jaas.config']) {
    if (!hasSasl && isSet(raw, key)) {
      warnings.push({ key, message: `has no effect: security.protocol is ${protocol}, without SASL` });
    }
  }
  const tls = hasTls ? tlsOf(config, errors) : null;
  const sasl = hasSasl ? saslOf(config, errors) : null;
  return { access: errors.length > 0 ? null : { tls, sasl }, errors, warnings };
}

function isSet(raw: RawConfig, key: string): boolean {
  return (raw[key] ?? '').trim() !== '';
}

function tlsOf(config: SecurityConfig, errors: Issue[]): KafkaTlsConfig {
  const chain = config['ssl.keystore.certificate.chain'];
  const key = config['ssl.keystore.key'];
  const trusted = config['ssl.truststore.certificates'];
  const file = config['ssl.keystore.location'];
  if (chain !== null && key === null) {
    errors.push({ key: 'ssl.keystore.key', message: 'is not set, but ssl.keystore.certificate.chain is' });
  }
  if (file === null && chain === null && key !== null) {
    errors.push({ key: 'ssl.keystore.certificate.chain', message: 'is not set, but ssl.keystore.key is' });
  }
  const identity: StoreConfig | null =
    chain !== null
      ? { kind: 'text', key: 'ssl.keystore.certificate.chain', pem: `${chain}\n${key}` }
      : storeFile('ssl.keystore.location', file, config['ssl.keystore.password']);
  const trust: StoreConfig | null =
    trusted !== null
      ? { kind: 'text', key: 'ssl.truststore.certificates', pem: trusted }
      : storeFile('ssl.truststore.location', config['ssl.truststore.location'], config['ssl.truststore.password']);
  return {
    trust,
    identity,
    keyPassword: config['ssl.key.password'],
    checkHostname: config['ssl.endpoint.identification.algorithm'],
  };
}

function storeFile(key: string, file: string | null, password: string | null): StoreConfig | null {
  return file === null || file === '' ? null : { kind: 'file', key, file, password };
}

const MODULES: Readonly<Record<string, readonly string[]>> = {
  PLAIN: ['PlainLoginModule'],
  'SCRAM-SHA-256': ['ScramLoginModule'],
  'SCRAM-SHA-512': ['ScramLoginModule'],
  OAUTHBEARER: ['OAuthBearerLoginModule'],
};

function saslOf(config: SecurityConfig, errors: Issue[]): KafkaSaslConfig | null {
  const mechanism = config['sasl.mechanism'];
  const jaas = config['sasl.jaas.config'];
  if (mechanism === null) {
    errors.push({
      key: 'sasl.mechanism',
      message: `is not set, and security.protocol is ${config['security.protocol']}; Kafka’s default is GSSAPI (Kerberos), which is not supported: set PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER`,
    });
    return null;
  }
  const modules = MODULES[mechanism]!;
  if (jaas !== null && !modules.includes(jaas.module)) {
    errors.push({
      key: 'sasl.jaas.config',
      message: `names ${jaas.module}, which is not for sasl.mechanism ${mechanism}; that takes ${modules.join(' or ')}`,
    });
    return null;
  }
  if (mechanism === 'OAUTHBEARER') {
    const oauth = oauthOf(config, jaas, errors);
    return oauth === null ? null : { mechanism: 'oauthbearer', oauth };
  }
  if (jaas === null) {
    errors.push({
      key: 'sasl.jaas.config',
      message: `is not set, and sasl.mechanism is ${mechanism}: it holds the user and the password`,
    });
    return null;
  }
  if (jaas.options.tokenauth === 'true') {
    errors.push({
      key: 'sasl.jaas.config',
      message: 'asks for a delegation token (tokenauth), which is not supported',
    });
  }
  const { username, password } = jaas.options;
  for (const [name, value] of Object.entries({ username, password })) {
    if (value === undefined || value === '') {
      errors.push({ key: 'sasl.jaas.config', message: `has no option ${name}="...", which ${mechanism} needs` });
    }
  }
  if (username === undefined || password === undefined) return null;
  return { mechanism: mechanism.toLowerCase() as 'plain' | 'scram-sha-256' | 'scram-sha-512', username, password };
}

/** Strimzi's names of the options, which its handler reads from the login module. */
const STRIMZI = {
  endpoint: 'oauth.token.endpoint.uri',
  id: 'oauth.client.id',
  secret: 'oauth.client.secret',
  scope: 'oauth.scope',
} as const;

function oauthOf(config: SecurityConfig, jaas: JaasEntry | null, errors: Issue[]): OAuthConfig | null {
  const options = jaas?.options ?? {};
  const key = 'sasl.jaas.config';
  if (Object.keys(options).some((name) => name.startsWith('unsecuredLogin'))) {
    errors.push({ key, message: 'asks for an unsecured token, which is not supported: tokens come from a server' });
    return null;
  }
  const endpoint = config['sasl.oauthbearer.token.endpoint.url'] ?? endpointOf(options[STRIMZI.endpoint]);
  if (endpoint === null) {
    errors.push({
      key: 'sasl.oauthbearer.token.endpoint.url',
      message: 'is not set, and sasl.mechanism is OAUTHBEARER: it is where tokens are fetched',
    });
    return null;
  }
  const id = config['sasl.oauthbearer.client.credentials.client.id'] ?? options.clientId ?? options[STRIMZI.id];
  const secret =
    config['sasl.oauthbearer.client.credentials.client.secret'] ?? options.clientSecret ?? options[STRIMZI.secret];
  if (endpoint.protocol !== 'file:' && (id === undefined || secret === undefined)) {
    const missing = [...(id === undefined ? ['clientId'] : []), ...(secret === undefined ? ['clientSecret'] : [])];
    errors.push({
      key,
      message: `has no option ${missing.map((name) => `${name}="..."`).join(' and no ')}, which OAUTHBEARER needs to fetch a token`,
    });
    return null;
  }
  const extensions = Object.entries(options).flatMap(([name, value]): [string, string][] =>
    name.startsWith('extension_') ? [[name.slice('extension_'.length), value]] : [],
  );
  return {
    endpoint,
    client: id === undefined || secret === undefined ? null : { id, secret },
    scope: config['sasl.oauthbearer.scope'] ?? options.scope ?? options[STRIMZI.scope] ?? null,
    extensions: Object.fromEntries(extensions),
    urlEncodesHeader: config['sasl.oauthbearer.header.urlencode'],
    trust: storeFile(
      'sasl.jaas.config (ssl.truststore.location)',
      options['ssl.truststore.location'] ?? options['oauth.ssl.truststore.location'] ?? null,
      options['ssl.truststore.password'] ?? options['oauth.ssl.truststore.password'] ?? null,
    ),
    connectTimeoutMs: config['sasl.login.connect.timeout.ms'],
    readTimeoutMs: config['sasl.login.read.timeout.ms'],
    retryBackoffMs: config['sasl.login.retry.backoff.ms'],
    retryBackoffMaxMs: config['sasl.login.retry.backoff.max.ms'],
    refreshBufferMs: config['sasl.login.refresh.buffer.seconds'] * 1000,
  };
}

function endpointOf(text: string | undefined): URL | null {
  return text !== undefined && URL.canParse(text) ? new URL(text) : null;
}
