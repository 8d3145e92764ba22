import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type AclEntry, type Admin, Kafka, logLevel } from 'kafkajs';
import { OAuth2Server } from 'oauth2-mock-server';
import type { RawConfig } from '../../../src/config/config-def.ts';
import { type KafkaLogConfig, parseKafkaLog } from '../../../src/config/kafka-log.ts';
import { readWorker } from '../../../src/config/worker-file.ts';
import { loadKafkaSettings } from '../../../src/logs/kafka/load-settings.ts';
import { createKafkaLog } from '../../../src/logs/kafka/log.ts';
import { preflightKafka } from '../../../src/logs/kafka/preflight.ts';
import type { TopicLog } from '../../../src/model/log.ts';
import { createLogger } from '../../../src/observe/logger.ts';
import { Scrubber } from '../../../src/observe/scrubber.ts';
import { startKafka, type TestKafka } from '../../services/kafka.ts';
import { type Certificates, createCertificates } from '../../services/tls.ts';

export const USER = 'alice';
export const PASSWORD = 'alice-secret';
/** May log in as {@link USER} does, and may do nothing. */
export const STRANGER = 'mallory';
export const KEY_PASSWORD = 'key-secret';

/** One broker with a listener for each way to log in, and a token server. */
export interface SecureKafka extends AsyncDisposable {
  readonly kafka: TestKafka;
  readonly oauth: OAuth2Server;
  readonly tokenUrl: string;
  readonly certificates: Certificates;
  /** For files of tests. */
  readonly dir: string;
}

const LOGIN = 'org.apache.kafka.common.security';

export function jaas(module: 'plain.Plain' | 'scram.Scram', username: string, password: string): string {
  return `${LOGIN}.${module}LoginModule required username="${username}" password="${password}";`;
}

export function oauthJaas(options: Readonly<Record<string, string>>): string {
  const text = Object.entries(options).map(([name, value]) => ` ${name}="${value}"`);
  return `${LOGIN}.oauthbearer.OAuthBearerLoginModule required${text.join('')};`;
}

/** Listeners: LOGIN (PLAIN and SCRAM), TLSLOGIN (PLAIN over TLS), MUTUAL (client certificates), OAUTH. */
export async function startSecureKafka(): Promise<SecureKafka> {
  await using started = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-secure-'));
  started.defer(() => rmSync(dir, { recursive: true, force: true }));
  const certificates = createCertificates(dir, '127.0.0.1', USER);
  const keystore = join(dir, 'server.pem');
  writeFileSync(
    keystore,
    readFileSync(certificates.serverKeyFile, 'utf8') + readFileSync(certificates.serverCertFile, 'utf8'),
  );
  const oauth = new OAuth2Server();
  await oauth.issuer.keys.generate('RS256');
  await oauth.start(0, '127.0.0.1');
  started.defer(() => oauth.stop());
  const issuer = oauth.issuer.url!;
  // Kafka fetches keys of no address that it was not told at the start of its JVM.
  process.env.JAVA_TOOL_OPTIONS = `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${issuer}/jwks`;
  const tls = {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keystore,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': certificates.caFile,
  };
  const login = `${LOGIN}.plain.PlainLoginModule required user_${USER}="${PASSWORD}" user_${STRANGER}="${PASSWORD}";`;
  const kafka = started.use(
    await startKafka({
      listeners: { LOGIN: 'SASL_PLAINTEXT', TLSLOGIN: 'SASL_SSL', MUTUAL: 'SSL', OAUTH: 'SASL_PLAINTEXT' },
      settings: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        // The broker itself, and each listener's way to be known.
        'super.users': `User:ANONYMOUS;User:${USER};User:CN=${USER};User:tailrace`,
        ...of('login', {
          'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
          'plain.sasl.jaas.config': login,
          'scram-sha-256.sasl.jaas.config': `${LOGIN}.scram.ScramLoginModule required;`,
          'scram-sha-512.sasl.jaas.config': `${LOGIN}.scram.ScramLoginModule required;`,
        }),
        ...of('tlslogin', { 'sasl.enabled.mechanisms': 'PLAIN', 'plain.sasl.jaas.config': login, ...tls }),
        ...of('mutual', { 'ssl.client.auth': 'required', ...tls }),
        ...of('oauth', {
          'sasl.enabled.mechanisms': 'OAUTHBEARER',
          'oauthbearer.sasl.jaas.config': oauthJaas({}),
          'oauthbearer.sasl.server.callback.handler.class': `${LOGIN}.oauthbearer.OAuthBearerValidatorCallbackHandler`,
          'oauthbearer.sasl.oauthbearer.jwks.endpoint.url': `${issuer}/jwks`,
          'oauthbearer.sasl.oauthbearer.expected.audience': 'kafka',
          'oauthbearer.sasl.oauthbearer.expected.issuer': issuer,
        }),
      },
    }),
  );
  // Kafka alters a user once in a request.
  await Promise.all(
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((mechanism) =>
      kafka.tool(
        ...(['kafka.admin.ConfigCommand', '--bootstrap-server', kafka.bootstrap, '--alter'] as const),
        ...['--add-config', `${mechanism}=[password=${PASSWORD}]`, '--entity-type', 'users', '--entity-name', USER],
      ),
    ),
  );
  const owned = started.move();
  return {
    kafka,
    oauth,
    tokenUrl: `${issuer}/token`,
    certificates,
    dir,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/** By a client that is not ours. */
export async function createTopic(broker: string, topic: string): Promise<void> {
  await asAdmin(broker, async (admin) => {
    await admin.createTopics({ topics: [{ topic }], waitForLeaders: false });
    while (!(await admin.listTopics()).includes(topic)) await sleep(20);
  });
}

export async function allowToDescribeTopics(broker: string, user: string): Promise<void> {
  const entry: AclEntry = {
    principal: `User:${user}`,
    host: '*',
    resourceType: AclResourceTypes.TOPIC,
    resourceName: '*',
    resourcePatternType: ResourcePatternTypes.LITERAL,
    operation: AclOperationTypes.DESCRIBE,
    permissionType: AclPermissionTypes.ALLOW,
  };
  await asAdmin(broker, (admin) => admin.createAcls({ acl: [entry] }));
}

async function asAdmin(broker: string, work: (admin: Admin) => Promise<unknown>): Promise<void> {
  const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}

function of(listener: string, settings: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`listener.name.${listener}.${key}`, value]),
  );
}

export async function openBy(keys: RawConfig): Promise<TopicLog> {
  return createKafkaLog(await loadKafkaSettings(configOf(keys)), { logger: silent, clock: Date.now });
}

/** The names of the topics that a log by these keys of a worker's file sees. */
export async function topicsBy(keys: RawConfig): Promise<readonly string[]> {
  const log = await openBy(keys);
  try {
    return (await log.topics()).map(({ topic }) => topic);
  } finally {
    await log.close();
  }
}

/** What `validate` says of Kafka by these keys, a line each: status, name, message, remedy. */
export async function preflightBy(keys: RawConfig, connector: RawConfig = {}): Promise<readonly string[]> {
  const parts = { logger: silent, topicPrefix: 'shop', partition: { server: 'shop' } };
  const { checks } = await preflightKafka(await loadKafkaSettings(configOf(keys, connector)), parts);
  return checks.map(({ status, name, message, remedy }) => `${status} ${name}: ${message} ${remedy ?? ''}`);
}

function configOf(keys: RawConfig, connector: RawConfig = {}): KafkaLogConfig {
  const file = { path: 'worker.properties', raw: keys, lineOf: () => null };
  const { config, errors } = parseKafkaLog(
    'shop',
    { raw: connector, placeOf: () => ({ path: '', line: null }) },
    readWorker(file, {}),
  );
  if (config === null) throw new Error(errors.map(({ key, message }) => `${key} ${message}`).join('\n'));
  return config;
}

const silent = createLogger({
  level: 'silent',
  target: { isTTY: false, write: () => {} },
  scrubber: new Scrubber(),
  color: false,
});
