import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import mysql, { type RowDataPacket } from 'mysql2/promise';
import type { MysqlConfig } from '../../../src/config/mysql.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import {
  connect,
  disconnect,
  familyOf,
  splitStatements,
  withConnection,
} from '../../../src/sources/mysql/connection.ts';
import { createSession } from '../../../src/sources/mysql/session.ts';
import { startMariadb } from '../../services/mariadb.ts';
import { startMysql } from '../../services/mysql.ts';
import { type MysqlFamily, useSchema, whyNoMysql } from '../../services/shared-mysql.ts';
import { createCertificates } from '../../services/tls.ts';
import { FreezingProxy } from '../postgres/freezing-proxy.ts';
import { mysqlConfigFor } from './mysql-config.ts';

const SECRET = 'correct-horse-battery';
/** What would wait for ever fails instead. */
const ends = { timeout: 60_000 };
const families: readonly MysqlFamily[] = ['mysql', 'mariadb'];

/** The failure to connect. */
async function failure(config: MysqlConfig): Promise<TailraceError> {
  try {
    await disconnect(await connect(config));
  } catch (error) {
    assert.ok(error instanceof TailraceError, String(error));
    assert.ok(!`${error.message}${error.remedy}`.includes(SECRET), 'the password is in the error');
    return error;
  }
  assert.fail('the connection was made');
}

/** Whether the session is encrypted. */
async function encrypted(config: MysqlConfig): Promise<boolean> {
  return withConnection(config, 'ask', async (client) => {
    const [[row]] = await client.query<RowDataPacket[]>("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
    return row!.Value !== '';
  });
}

for (const family of families) {
  const skip = await whyNoMysql(family);
  const startServer = family === 'mysql' ? startMysql : startMariadb;

  test(`${family}: each way to fail has one code, and none of them shows the password`, { skip }, async (t) => {
    const { client, name, url } = await useSchema(family, t);
    await client.query(`CREATE USER ${name}@'%' IDENTIFIED BY 'x'`);
    t.after(() => client.query(`DROP USER IF EXISTS ${name}@'%'`).catch(() => {}));
    const code = async (keys: Record<string, string>) => (await failure(mysqlConfigFor(family, url, keys))).code;
    assert.equal(await code({ 'database.password': SECRET }), 'source.authentication');
    assert.equal(await code({ 'database.user': 'nobody_here', 'database.password': SECRET }), 'source.authentication');
    assert.equal(await code({ 'database.port': '1', 'database.password': SECRET }), 'source.connect');
    assert.equal(await code({ 'database.hostname': 'no-such-host.invalid' }), 'source.connect');
    await client.query(`ALTER USER ${name}@'%' ACCOUNT LOCK`);
    assert.equal(await code({ 'database.user': name, 'database.password': 'x' }), 'source.authentication');
    await client.query(`DROP USER ${name}@'%'`);
  });

  test(`${family}: a session has what the configuration asks for, and quotes and times mean one thing in it`, {
    skip,
  }, async () => {
    await using server = await startServer({
      settings: { 'sql-mode': 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES', 'default-time-zone': '+02:00' },
    });
    const config = mysqlConfigFor(family, server.url, {
      'database.initial.statements': "SET @a = 'x;;y'; SET @b = 2;",
    });
    await withConnection(config, 'ask', async (client) => {
      const [[row]] = await client.query<RowDataPacket[]>(
        'SELECT @a AS a, @b AS b, @@sql_mode AS mode, @@time_zone AS zone, "it\'s" AS q',
      );
      assert.deepEqual(row, { a: 'x;y', b: 2, mode: '', zone: '+00:00', q: "it's" });
      assert.equal(familyOf(client), family);
    });
  });

  test(`${family}: a server that has fallen silent does not keep us from leaving`, { skip, ...ends }, async (t) => {
    const { url } = await useSchema(family, t);
    await using proxy = await FreezingProxy.to(url);
    const idle = await connect(mysqlConfigFor(family, proxy.url));
    const busy = await connect(mysqlConfigFor(family, proxy.url));
    proxy.freeze();
    const asked = busy.query('SELECT 1');
    asked.catch(() => {});
    await disconnect(idle);
    await disconnect(idle);
    await disconnect(busy);
    await assert.rejects(asked);
  });

  test(`${family}: a query that a silent server leaves without an answer is a lost connection`, {
    skip,
    ...ends,
  }, async (t) => {
    const { url } = await useSchema(family, t);
    await using proxy = await FreezingProxy.to(url);
    const asked = withConnection(
      mysqlConfigFor(family, proxy.url),
      'ask',
      (client) => {
        proxy.freeze();
        return client.query('SELECT 1');
      },
      100,
    );
    await assert.rejects(asked, ({ code }: TailraceError) => code === 'source.connection_lost');
  });

  test(`${family}: a session asks once more over a new connection when the old one has died or fallen silent`, {
    skip,
    ...ends,
  }, async (t) => {
    const { client, url } = await useSchema(family, t);
    await using proxy = await FreezingProxy.to(url);
    const session = createSession({ config: mysqlConfigFor(family, proxy.url), queryTimeoutMs: 1_000 });
    const id = (): Promise<number> =>
      session.run('ask', async (own) => {
        const [[row]] = await own.query<RowDataPacket[]>('SELECT connection_id() AS id');
        return row!.id;
      });
    const first = await id();
    await client.query(`KILL ${first}`);
    const second = await id();
    assert.notEqual(second, first);
    proxy.freeze();
    assert.notEqual(await id(), second);
    const columns = ['a', 'b', 'c', 'd'].map((alias) => `information_schema.columns ${alias}`).join(' JOIN ');
    const slow = session.run('count', (own) => own.query(`SELECT count(*) FROM ${columns}`));
    await assert.rejects(slow, ({ code }: TailraceError) => code === 'source.connection_lost');
    await session.close();
    await assert.rejects(id(), ({ code }: TailraceError) => code === 'source.connection_lost');
  });

  test(`${family}: database.ssl.mode decides whether the session is encrypted and what is verified`, {
    skip,
    ...ends,
  }, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'tailrace-my-tls-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const certificates = createCertificates(dir, 'localhost', 'client');
    await using server = await startServer({
      settings: {
        'ssl-ca': certificates.caFile,
        'ssl-cert': certificates.serverCertFile,
        'ssl-key': certificates.serverKeyFile,
      },
    });
    const root = await mysql.createConnection(server.url);
    await root.query(`CREATE USER tls@'%' IDENTIFIED BY '${SECRET}' REQUIRE SSL`);
    await root.query(`CREATE USER cert@'%' IDENTIFIED BY '${SECRET}' REQUIRE X509`);
    await root.query(`CREATE USER plain@'%' IDENTIFIED BY '${SECRET}'`);
    await root.end();
    const config = (mode: string, keys: Record<string, string> = {}): MysqlConfig =>
      mysqlConfigFor(family, server.url, {
        'database.hostname': 'localhost',
        'database.user': 'tls',
        'database.password': SECRET,
        'database.ssl.mode': mode,
        ...keys,
      });
    const ca = { 'database.ssl.truststore': certificates.caFile };
    const other = { 'database.ssl.truststore': certificates.otherCaFile };
    const byAddress = { 'database.hostname': '127.0.0.1' };
    const asPlain = { 'database.user': 'plain' };
    assert.equal(await encrypted(config('preferred')), true);
    assert.equal(await encrypted(config('required')), true);
    assert.equal(await encrypted(config('trust', other)), true);
    // Before any other login of this account: the server then knows no password of it and asks for the whole of it.
    assert.equal(await encrypted(config('disabled', asPlain)), false);
    assert.equal((await failure(config('disabled'))).code, 'source.authentication');
    assert.equal(await encrypted(config('verify_ca', { ...ca, ...byAddress })), true);
    assert.equal(await encrypted(config('verify-full', ca)), true);
    assert.equal((await failure(config('verify_ca', other))).code, 'source.tls');
    assert.equal((await failure(config('verify_ca'))).code, 'source.tls');
    const misnamed = await failure(config('verify_identity', { ...ca, ...byAddress }));
    assert.deepEqual([misnamed.code, /not for 127\.0\.0\.1/.test(misnamed.message)], ['source.tls', true]);

    // A client certificate, from PEM and from PKCS12, with a truststore that holds no key.
    const key = createPrivateKey(readFileSync(certificates.clientKeyFile));
    const cert = readFileSync(certificates.clientCertFile, 'utf8');
    const path = (name: string): string => join(dir, name);
    writeFileSync(path('both.pem'), `${cert}${key.export({ type: 'pkcs8', format: 'pem' })}`);
    const locked = key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: SECRET });
    writeFileSync(path('locked.pem'), `${cert}${locked}`);
    const openssl = (...args: string[]) => execFileSync('openssl', ['pkcs12', '-export', ...args]);
    const { clientCertFile, clientKeyFile, caFile } = certificates;
    openssl('-in', clientCertFile, '-inkey', clientKeyFile, '-passout', `pass:${SECRET}`, '-out', path('client.p12'));
    openssl('-nokeys', '-in', caFile, '-passout', 'pass:trust', '-out', path('ca.p12'));
    writeFileSync(path('java.jks'), Buffer.from('feedfeed00000002', 'hex'));
    const asCert = { 'database.user': 'cert', ...ca };
    const store = (name: string, password = SECRET) => ({
      'database.ssl.keystore': path(name),
      'database.ssl.keystore.password': password,
    });
    assert.equal((await failure(config('verify_ca', asCert))).code, 'source.authentication');
    assert.equal(await encrypted(config('verify_identity', { ...asCert, ...store('both.pem') })), true);
    assert.equal(await encrypted(config('verify_identity', { ...asCert, ...store('locked.pem') })), true);
    const truststore = { 'database.ssl.truststore': path('ca.p12'), 'database.ssl.truststore.password': 'trust' };
    assert.equal(
      await encrypted(config('verify_identity', { ...asCert, ...store('client.p12'), ...truststore })),
      true,
    );
    for (const [name, password, words] of [
      ['locked.pem', 'wrong', /database\.ssl\.keystore\.password/],
      ['client.p12', 'wrong', /database\.ssl\.keystore\.password/],
      ['nowhere.pem', SECRET, /path and the permissions/],
      ['ca.p12', 'trust', /certificate and its key/],
      ['java.jks', SECRET, /keytool -importkeystore/],
    ] as const) {
      const { code, remedy } = await failure(config('required', { ...asCert, ...store(name, password) }));
      assert.deepEqual([code, words.test(remedy ?? '')], ['source.tls', true], `${name}: ${remedy}`);
    }
  });
}

test('a server without TLS is reached without it only where the mode says so', {
  skip: await whyNoMysql('mariadb'),
}, async (t) => {
  const { url } = await useSchema('mariadb', t);
  assert.equal(await encrypted(mysqlConfigFor('mariadb', url, { 'database.ssl.mode': 'preferred' })), false);
  const error = await failure(mysqlConfigFor('mariadb', url, { 'database.ssl.mode': 'required' }));
  assert.deepEqual([error.code, /does not speak TLS/.test(error.message)], ['source.tls', true]);
});

test('a server that hangs up, or says nothing, during the handshake is one to try again', ends, async () => {
  const sockets = new Set<{ destroy(): void }>();
  for (const rude of [
    createServer((socket) => socket.end()),
    createServer((socket) => {
      sockets.add(socket);
    }),
  ]) {
    await new Promise<void>((ready) => rude.listen(0, '127.0.0.1', ready));
    after(() => rude.close());
    const { port } = rude.address() as { port: number };
    const error = await failure(
      mysqlConfigFor('mysql', `mysql://u:${SECRET}@127.0.0.1:${port}/`, { 'connect.timeout.ms': '200' }),
    );
    assert.equal(error.policy.action, 'restart', `${error.code}: ${error.message}`);
  }
  for (const socket of sockets) socket.destroy();
});

test('a doubled semicolon of database.initial.statements stands for one in a statement', () => {
  assert.deepEqual(splitStatements("SET a = ';;'; ;SET b = 1;"), ["SET a = ';'", 'SET b = 1']);
});
