import { ConfigValueError, type UnsupportedKey } from './config-def.ts';
import { parseJaas } from './jaas.ts';
import { choice, flag, integer, structured, structuredOr, text } from './properties.ts';

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const;
export type SaslMechanism = (typeof MECHANISMS)[number];

const KERBEROS =
  'Kerberos needs libraries of the system that tailrace does not have; use SCRAM-SHA-512, OAUTHBEARER or a client certificate';
const REFUSED_MECHANISMS: Readonly<Record<string, string>> = {
  GSSAPI: KERBEROS,
  AWS_MSK_IAM: 'tailrace does not sign with AWS credentials; MSK takes SCRAM-SHA-512 and client certificates as well',
};

function parseMechanism(given: string): SaslMechanism {
  const name = given.trim().toUpperCase();
  const reason = REFUSED_MECHANISMS[name];
  if (reason !== undefined) throw new ConfigValueError(`is not supported: ${reason}`);
  const known = MECHANISMS.find((one) => one === name);
  if (known === undefined) throw new ConfigValueError(`is not one of ${MECHANISMS.join(', ')}`);
  return known;
}

/** Kafka's names for checking the server's name, and for not doing so. */
function parseIdentification(given: string): boolean {
  const value = given.trim().toLowerCase();
  if (value !== 'https' && value !== '') throw new ConfigValueError("is neither 'https' nor empty");
  return value === 'https';
}

const OAUTH_HANDLERS = ['OAuthBearerLoginCallbackHandler', 'JaasClientOauthLoginCallbackHandler'];

function parseLoginHandler(given: string): string {
  const name = given.trim().replace(/^.*\./, '');
  if (OAUTH_HANDLERS.includes(name)) return name;
  throw new ConfigValueError(
    'is not supported: it is a class of Java. With OAUTHBEARER tailrace fetches tokens itself, by the grant client_credentials from sasl.oauthbearer.token.endpoint.url; remove the key',
  );
}

function parseEndpoint(given: string): URL {
  const url = URL.canParse(given.trim()) ? new URL(given.trim()) : null;
  if (url === null || !['https:', 'http:', 'file:'].includes(url.protocol)) {
    throw new ConfigValueError('is not a URL that begins with https://, http:// or file://');
  }
  return url;
}

function parseRetriever(given: string): string {
  const name = given.trim().replace(/^.*\./, '');
  if (['DefaultJwtRetriever', 'ClientCredentialsJwtRetriever', 'FileJwtRetriever'].includes(name)) return name;
  throw new ConfigValueError(
    'is not supported: tokens are fetched by the grant client_credentials, or read from a file',
  );
}

/** `security.protocol`, `sasl.*` and `ssl.*`, of every client. */
export const kafkaSecurityDef = {
  'security.protocol': choice(['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'], 'PLAINTEXT', {
    importance: 'medium',
    doc: 'Whether the connection is encrypted (`SSL`) and who is connected is asked for (`SASL`). It is the listener of the brokers that decides.',
  }),
  'sasl.mechanism': structured(parseMechanism, {
    importance: 'medium',
    doc: `How to log in, where \`security.protocol\` has SASL: one of ${MECHANISMS.map((one) => `\`${one}\``).join(', ')}.`,
  }),
  'sasl.jaas.config': structured(parseJaas, {
    importance: 'medium',
    secret: true,
    doc: 'User and password, or client and secret: `org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="...";`, `...scram.ScramLoginModule required username= password=`, `...oauthbearer.OAuthBearerLoginModule required clientId= clientSecret= scope= extension_<name>=`.',
  }),
  'sasl.login.callback.handler.class': structured(parseLoginHandler, {
    doc: 'Read for its name only: Kafka’s and Strimzi’s handlers of OAUTHBEARER tokens.',
  }),
  'sasl.oauthbearer.token.endpoint.url': structured(parseEndpoint, {
    doc: 'Where OAUTHBEARER tokens are fetched by the grant client_credentials. `file:///path` reads a token from a file, anew for each connection.',
  }),
  'sasl.oauthbearer.client.credentials.client.id': text(null, {
    doc: 'Client of the grant; also `clientId` in `sasl.jaas.config`.',
  }),
  'sasl.oauthbearer.client.credentials.client.secret': text(null, {
    secret: true,
    doc: 'Its secret; also `clientSecret` in `sasl.jaas.config`.',
  }),
  'sasl.oauthbearer.scope': text(null, {
    doc: 'Scope to ask for; also `scope` in `sasl.jaas.config`.',
  }),
  'sasl.oauthbearer.header.urlencode': flag(false, {
    doc: 'Whether client and secret are URL-encoded before they go into the Authorization header, as RFC 6749 has it and few servers want.',
  }),
  'sasl.oauthbearer.jwt.retriever.class': structured(parseRetriever, {
    doc: 'Read for its name only: Kafka’s retrievers for client_credentials and for files.',
  }),
  'sasl.login.connect.timeout.ms': integer(10_000, {
    min: 1,
    doc: 'Milliseconds that connecting to the token endpoint may take.',
  }),
  'sasl.login.read.timeout.ms': integer(10_000, {
    min: 1,
    doc: 'Milliseconds that the token endpoint’s answer may take.',
  }),
  'sasl.login.retry.backoff.ms': integer(100, {
    min: 1,
    doc: 'Milliseconds before the token endpoint is asked again after a passing fault; doubled each time.',
  }),
  'sasl.login.retry.backoff.max.ms': integer(10_000, {
    min: 1,
    doc: 'Milliseconds that these waits may come to before the fetching of a token is given up.',
  }),
  'sasl.login.refresh.buffer.seconds': integer(300, {
    max: 3600,
    doc: 'Seconds before its end that a token is replaced by a fresh one, where it lasts that long.',
  }),
  'ssl.truststore.type': choice(['JKS', 'PKCS12', 'PEM', 'BCFKS'], 'JKS', {
    doc: 'Read for its name only: whether a file is PEM or PKCS12 is seen from its content.',
  }),
  'ssl.truststore.location': text(null, {
    importance: 'medium',
    doc: 'File of the certificate authorities that brokers’ certificates are verified by, PEM or PKCS12. When it is not set, those that Node knows.',
  }),
  'ssl.truststore.password': text(null, { importance: 'medium', secret: true, doc: 'Password of that file.' }),
  'ssl.truststore.certificates': text(null, {
    importance: 'medium',
    doc: 'The certificates themselves, PEM, in place of a file.',
  }),
  'ssl.keystore.type': choice(['JKS', 'PKCS12', 'PEM', 'BCFKS'], 'JKS', {
    doc: 'Read for its name only, as `ssl.truststore.type`.',
  }),
  'ssl.keystore.location': text(null, {
    importance: 'medium',
    doc: 'File of the client’s certificate and its key, PEM or PKCS12.',
  }),
  'ssl.keystore.password': text(null, { importance: 'medium', secret: true, doc: 'Password of that file.' }),
  'ssl.keystore.certificate.chain': text(null, {
    importance: 'medium',
    doc: 'The client’s certificate itself, PEM, in place of a file.',
  }),
  'ssl.keystore.key': text(null, {
    importance: 'medium',
    secret: true,
    doc: 'The key of `ssl.keystore.certificate.chain`, PEM.',
  }),
  'ssl.key.password': text(null, { importance: 'medium', secret: true, doc: 'Password of the key.' }),
  'ssl.endpoint.identification.algorithm': structuredOr('https', parseIdentification, {
    doc: '`https`: a broker’s certificate must be for its host name. Empty: the name is not looked at.',
  }),
} as const;

const NODE_TLS = 'Node decides: TLS 1.2 and 1.3 with its list of ciphers';
const REFRESH = 'a token is replaced some time before its end: sasl.login.refresh.buffer.seconds';

export const kafkaSecurityUnsupported: readonly UnsupportedKey[] = [
  { key: 'sasl.kerberos.*', effect: 'ignored', reason: 'there is no Kerberos here' },
  { key: 'sasl.client.callback.handler.class', effect: 'refused', reason: 'it is a class of Java' },
  { key: 'sasl.login.class', effect: 'refused', reason: 'it is a class of Java' },
  { key: 'sasl.login.refresh.*', effect: 'quiet', reason: REFRESH },
  {
    key: 'sasl.oauthbearer.assertion.*',
    effect: 'refused',
    reason: 'tokens are fetched by the grant client_credentials',
  },
  { key: 'sasl.oauthbearer.*', effect: 'quiet', reason: 'a token is passed on as it is; the brokers check it' },
  { key: 'ssl.engine.factory.class', effect: 'refused', reason: 'it is a class of Java' },
  { key: 'ssl.protocol', effect: 'quiet', reason: NODE_TLS },
  { key: 'ssl.enabled.protocols', effect: 'ignored', reason: NODE_TLS },
  { key: 'ssl.cipher.suites', effect: 'ignored', reason: NODE_TLS },
  { key: 'ssl.provider', effect: 'quiet', reason: 'it is a provider of Java' },
  { key: 'ssl.keymanager.algorithm', effect: 'quiet', reason: 'it is a setting of Java' },
  { key: 'ssl.trustmanager.algorithm', effect: 'quiet', reason: 'it is a setting of Java' },
  { key: 'ssl.secure.random.implementation', effect: 'quiet', reason: 'it is a setting of Java' },
  { key: 'security.providers', effect: 'quiet', reason: 'they are classes of Java' },
];
