import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RawConfig } from '../../../src/config/config-def.ts';
import { type ErrorCode, TailraceError } from '../../../src/model/errors.ts';
import { runCli } from '../../cli/fake-io.ts';
import { assertNoSecret } from '../../cli/refusal.ts';
import { whyNoKafka } from '../../services/shared-kafka.ts';
import {
  allowToDescribeTopics,
  createTopic,
  jaas,
  KEY_PASSWORD,
  oauthJaas,
  openBy,
  PASSWORD,
  preflightBy,
  type SecureKafka,
  STRANGER,
  startSecureKafka,
  topicsBy,
  USER,
} from './secure-kafka.ts';

const SECRETS = [PASSWORD, KEY_PASSWORD, 'client-secret', 'wrong-secret'];

/** What the broker wants to see in a token. */
function forKafka({ payload }: { payload: object }): void {
  Object.assign(payload, { aud: 'kafka', sub: 'tailrace' });
}

describe('a broker that asks who is there', { skip: await whyNoKafka() }, () => {
  let secure: SecureKafka;
  before(async () => {
    secure = await startSecureKafka();
    await createTopic(secure.kafka.bootstrap, 'seen');
  });
  after(() => secure[Symbol.asyncDispose]());

  const at = (listener: string): RawConfig => ({ 'bootstrap.servers': secure.kafka.listeners[listener]! });
  const login = (mechanism: string, password = PASSWORD): RawConfig => ({
    ...at('LOGIN'),
    'security.protocol': 'SASL_PLAINTEXT',
    'sasl.mechanism': mechanism,
    'sasl.jaas.config': jaas(mechanism === 'PLAIN' ? 'plain.Plain' : 'scram.Scram', USER, password),
  });
  const tlsLogin = (): RawConfig => ({
    ...login('PLAIN'),
    ...at('TLSLOGIN'),
    'security.protocol': 'SASL_SSL',
    'ssl.truststore.location': secure.certificates.caFile,
  });
  const mutual = (): RawConfig => ({
    ...at('MUTUAL'),
    'security.protocol': 'SSL',
    'ssl.truststore.location': secure.certificates.caFile,
  });
  const oauth = (options: Readonly<Record<string, string>> = {}): RawConfig => ({
    ...at('OAUTH'),
    'security.protocol': 'SASL_PLAINTEXT',
    'sasl.mechanism': 'OAUTHBEARER',
    'sasl.oauthbearer.token.endpoint.url': secure.tokenUrl,
    'sasl.jaas.config': oauthJaas({ clientId: 'tailrace', clientSecret: 'client-secret', scope: 'kafka', ...options }),
  });

  async function assertSeen(keys: RawConfig): Promise<void> {
    assert.deepEqual(await topicsBy(keys), ['seen']);
  }

  /** One line that says what is wrong, one that names the key to change, and no secret in either. Null: any code. */
  async function assertRefused(
    keys: RawConfig,
    code: ErrorCode | null,
    message: RegExp,
    remedy: RegExp,
  ): Promise<void> {
    await assert.rejects(topicsBy(keys), (error) => {
      assert.ok(error instanceof TailraceError, String(error));
      if (code !== null) assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.match(error.remedy ?? '', remedy);
      assert.doesNotMatch(`${error.message}${error.remedy}`, /\n/);
      for (const secret of SECRETS) assert.ok(!`${error.message}${error.remedy}`.includes(secret));
      return true;
    });
  }

  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    test(`${mechanism} logs in by sasl.jaas.config`, () => assertSeen(login(mechanism)));

    test(`a wrong password for ${mechanism} ends in one line that names sasl.jaas.config`, () =>
      assertRefused(
        login(mechanism, 'wrong-secret'),
        'log.authentication',
        /^Kafka at 127\.0\.0\.1:\d+ refused/,
        /sasl\.jaas\.config/,
      ));
  }

  test('a mechanism that the listener does not have ends in one line that names sasl.mechanism', () =>
    assertRefused(
      {
        ...login('SCRAM-SHA-512'),
        ...tlsLogin(),
        'sasl.mechanism': 'SCRAM-SHA-512',
        'sasl.jaas.config': jaas('scram.Scram', USER, PASSWORD),
      },
      'log.authentication',
      /mechanism/,
      /sasl\.mechanism/,
    ));

  test('SASL over TLS, the brokers’ certificate verified', () => assertSeen(tlsLogin()));

  test('a truststore in PKCS12, and one that stands in the configuration, are the same', async () => {
    const file = join(secure.dir, 'trust.p12');
    execFileSync('openssl', [
      ...['pkcs12', '-export', '-nokeys', '-in', secure.certificates.caFile, '-out', file],
      ...['-passout', `pass:${KEY_PASSWORD}`],
    ]);
    const { 'ssl.truststore.location': _, ...rest } = tlsLogin();
    const p12 = { ...rest, 'ssl.truststore.type': 'PKCS12', 'ssl.truststore.location': file };
    await assertSeen({ ...p12, 'ssl.truststore.password': KEY_PASSWORD });
    // As it comes out of a properties file whose lines were joined.
    const pem = readFileSync(secure.certificates.caFile, 'utf8').replaceAll('\n', ' ');
    await assertSeen({ ...rest, 'ssl.truststore.type': 'PEM', 'ssl.truststore.certificates': pem });
    await assertRefused(
      { ...p12, 'ssl.truststore.password': 'wrong-secret' },
      'log.tls',
      /trust\.p12 cannot be opened as a PKCS12 store/,
      /ssl\.truststore\.password/,
    );
  });

  test('a certificate that nobody trusted signed, and one for another name, are refused', async () => {
    const other = { ...tlsLogin(), 'ssl.truststore.location': secure.certificates.otherCaFile };
    await assertRefused(other, 'log.tls', /signed by nobody that is trusted/, /ssl\.truststore\.location/);
    const { 'ssl.truststore.location': _, ...unknown } = tlsLogin();
    await assertRefused(unknown, 'log.tls', /signed by nobody that is trusted/, /ssl\.truststore\.location/);
    const named = {
      ...tlsLogin(),
      'bootstrap.servers': secure.kafka.listeners.TLSLOGIN!.replace('127.0.0.1', 'localhost'),
    };
    await assertRefused(named, 'log.tls', /for another host name/, /ssl\.endpoint\.identification\.algorithm/);
    await assertSeen({ ...named, 'ssl.endpoint.identification.algorithm': '' });
  });

  test('a client certificate logs in, from PEM, PKCS12, an encrypted key, or the configuration itself', async () => {
    const { clientCertFile, clientKeyFile } = secure.certificates;
    const [cert, key] = [clientCertFile, clientKeyFile].map((file) => readFileSync(file, 'utf8'));
    const [pem, p12, locked] = ['client.pem', 'client.p12', 'locked.key'].map((name) => join(secure.dir, name));
    writeFileSync(pem!, `${key}${cert}`);
    execFileSync('openssl', [
      ...['pkcs12', '-export', '-in', clientCertFile, '-inkey', clientKeyFile, '-out', p12!],
      ...['-passout', `pass:${KEY_PASSWORD}`],
    ]);
    execFileSync('openssl', [
      ...['pkcs8', '-topk8', '-in', clientKeyFile, '-out', locked!, '-passout', `pass:${KEY_PASSWORD}`],
    ]);
    await assertSeen({ ...mutual(), 'ssl.keystore.location': pem! });
    await assertSeen({ ...mutual(), 'ssl.keystore.location': p12!, 'ssl.keystore.password': KEY_PASSWORD });
    const inline = { ...mutual(), 'ssl.keystore.type': 'PEM', 'ssl.keystore.certificate.chain': cert! };
    await assertSeen({ ...inline, 'ssl.keystore.key': key! });
    const lockedKey = { ...inline, 'ssl.keystore.key': readFileSync(locked!, 'utf8') };
    await assertSeen({ ...lockedKey, 'ssl.key.password': KEY_PASSWORD });
    await assertRefused(
      { ...lockedKey, 'ssl.key.password': 'wrong-secret' },
      'log.tls',
      /the private key in ssl\.keystore\.key cannot be opened/,
      /ssl\.key\.password/,
    );
    await assertRefused(mutual(), 'log.tls', /client certificate/, /ssl\.keystore\.location/);
  });

  test('a Java keystore is told how to convert', async () => {
    const file = join(secure.dir, 'client.jks');
    writeFileSync(file, Buffer.from('feedfeed00000002', 'hex'));
    await assertRefused(
      { ...mutual(), 'ssl.keystore.location': file },
      'log.tls',
      /is a Java keystore \(JKS\)/,
      /keytool -importkeystore .* then set ssl\.keystore\.location/,
    );
  });

  test('TLS to a port without it, and none to one with it, name security.protocol', async () => {
    await assertRefused({ ...mutual(), ...at('LOGIN') }, 'log.tls', /TLS/, /security\.protocol/);
    // The broker hangs up, at once or at the first request.
    const hangsUp = /^Kafka at 127\.0\.0\.1:\d+ (?:closed the connection|cannot be reached: Closed connection)/;
    await assertRefused({ ...login('PLAIN'), ...at('TLSLOGIN') }, null, hangsUp, /security\.protocol/);
    await assertRefused(at('LOGIN'), null, hangsUp, /security\.protocol/);
  });

  test('a token of the grant client_credentials logs in', async () => {
    const asked: Record<string, unknown>[] = [];
    secure.oauth.service.once('beforeTokenSigning', forKafka);
    secure.oauth.service.once('beforeResponse', (_answer, request) => {
      asked.push({ ...request.body, authorization: request.headers.authorization });
    });
    await assertSeen(oauth({ extension_logicalCluster: 'lkc1' }));
    const basic = Buffer.from('tailrace:client-secret').toString('base64');
    assert.deepEqual(asked, [{ grant_type: 'client_credentials', scope: 'kafka', authorization: `Basic ${basic}` }]);
  });

  test('a connection outlives its token: it logs in again with a fresh one', async () => {
    // kafkajs logs in again 10 s before a session ends.
    const lifeSeconds = 14;
    let tokens = 0;
    const sign = (token: { payload: { iat: number; exp: number } }): void => {
      forKafka(token);
      token.payload.exp = token.payload.iat + lifeSeconds;
      tokens++;
    };
    secure.oauth.service.on('beforeTokenSigning', sign);
    const log = await openBy(oauth());
    try {
      const end = Date.now() + (lifeSeconds + 2) * 1000;
      while (Date.now() < end) {
        assert.ok((await log.topics()).length > 0);
        await new Promise((wake) => setTimeout(wake, 250));
      }
    } finally {
      await log.close();
      secure.oauth.service.off('beforeTokenSigning', sign);
    }
    assert.ok(tokens > 1);
  });

  test('a token in a file logs in', async () => {
    const file = join(secure.dir, 'token');
    const token = await secure.oauth.issuer.buildToken({
      scopesOrTransform: (_header, payload) => forKafka({ payload }),
    });
    writeFileSync(file, `${token}\n`);
    const keys = { ...oauth(), 'sasl.oauthbearer.token.endpoint.url': `file://${file}` };
    await assertSeen({ ...keys, 'sasl.jaas.config': oauthJaas({}) });
    writeFileSync(file, '');
    await assertRefused(keys, 'log.authentication', /does not hold one token/, /token\.endpoint\.url/);
  });

  test('a token that the broker does not take names what to look at', async () => {
    // Without an audience.
    await assertRefused(
      oauth(),
      'log.authentication',
      /the token is not accepted \(invalid_token\)/,
      /sasl\.jaas\.config/,
    );
  });

  test('a token server that refuses, is away, or is none, is named with the key', async () => {
    secure.oauth.service.once('beforeResponse', (answer) => {
      answer.statusCode = 401;
      answer.body = { error: 'invalid_client', error_description: 'client-secret is wrong' };
    });
    await assertRefused(
      oauth(),
      'log.authentication',
      /the token endpoint http:\/\/localhost:\d+\/token refused client tailrace: invalid_client \(401\)/,
      /clientId and clientSecret in sasl\.jaas\.config/,
    );
    secure.oauth.service.once('beforeResponse', (answer) => {
      answer.statusCode = 400;
      answer.body = { error: 'invalid_scope' };
    });
    await assertRefused(oauth(), 'log.authentication', /invalid_scope/, /scope in sasl\.jaas\.config/);
    const away = { ...oauth(), 'sasl.login.retry.backoff.max.ms': '50' };
    await assertRefused(
      { ...away, 'sasl.oauthbearer.token.endpoint.url': 'http://127.0.0.1:1/token' },
      'log.connect',
      /the token endpoint http:\/\/127\.0\.0\.1:1\/token cannot be reached/,
      /sasl\.oauthbearer\.token\.endpoint\.url/,
    );
    const elsewhere = { 'sasl.oauthbearer.token.endpoint.url': `${secure.tokenUrl}s` };
    await assertRefused({ ...oauth(), ...elsewhere }, 'log.setting', /answered 404/, /token\.endpoint\.url/);
  });

  const stranger = (): RawConfig => ({
    ...login('PLAIN'),
    'sasl.jaas.config': jaas('plain.Plain', STRANGER, PASSWORD),
  });

  test('validate names the rights that a user lacks, before a run', async () => {
    const connector = {
      'topic.creation.default.partitions': '1',
      'topic.creation.default.replication.factor': '1',
      'exactly.once.support': 'required',
    };
    const allowed = await preflightBy(login('PLAIN'), connector);
    assert.deepEqual(
      allowed.map((line) => line.split(':')[0]),
      ['ok log', 'ok log offsets', 'ok log topics', 'ok log transactions'],
    );
    const denied = await preflightBy(stranger(), connector);
    assert.match(denied[0]!, /^ok log: /);
    assert.match(denied[1]!, /^error log offsets: .* does not allow .*connect-offsets.* --operation Create/);
    assert.match(denied[2]!, /^error log topics: .* does not allow .*shop\.tailrace-validate.* --operation Create/);
    assert.match(
      denied[3]!,
      /^error log transactions: .* transactional id tailrace-shop-0 .*--transactional-id tailrace-shop-0/,
    );
    assert.equal(denied.length, 4);
  });

  test('validate names what is missing for a topic that there is', async () => {
    await createTopic(secure.kafka.bootstrap, 'shop.public.orders');
    await createTopic(secure.kafka.bootstrap, 'connect-offsets');
    await allowToDescribeTopics(secure.kafka.bootstrap, STRANGER);
    const lines = await preflightBy(stranger());
    assert.match(
      lines[1]!,
      /^error log offsets: .* to read and write topic connect-offsets .*--operation Read --operation Write/,
    );
    assert.match(
      lines[2]!,
      /^error log topics: .* to write topic shop\.public\.orders .*--operation Write --topic shop/,
    );
  });

  test('a command tells nothing secret, whatever goes wrong and however much it is to say', async () => {
    const tokens: string[] = [];
    secure.oauth.service.once('beforeTokenSigning', forKafka);
    secure.oauth.service.once('beforeResponse', (answer) => {
      tokens.push((answer.body as { access_token: string }).access_token);
    });
    const worker = join(secure.dir, 'worker.properties');
    for (const [keys, exitCode] of [
      [login('PLAIN', 'wrong-secret'), 4],
      [login('SCRAM-SHA-256', 'wrong-secret'), 4],
      [oauth(), 0],
      [oauth(), 4],
    ] as const) {
      writeFileSync(
        worker,
        Object.entries(keys)
          .map(([key, value]) => `${key}=${value}\n`)
          .join(''),
      );
      const outcome = await runCli(['topics', 'list', '--worker', worker, '--log-level', 'trace']);
      assert.equal(outcome.exitCode, exitCode, outcome.stderr);
      assert.match(outcome.stderr, /kafkajs/);
      assertNoSecret(`${outcome.stdout}${outcome.stderr}`, [...SECRETS, ...tokens]);
    }
    assert.equal(tokens.length, 1);
  });
});
