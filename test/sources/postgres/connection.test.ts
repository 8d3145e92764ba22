import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { PostgresConfig } from '../../../src/config/postgres.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import { connect } from '../../../src/sources/postgres/connection.ts';
import { startTlsPostgres, type TlsPostgres } from '../../services/postgres.ts';
import { useDatabase } from '../../services/shared.ts';
import { configFor } from './source-run.ts';

let server: TlsPostgres;
before(async () => {
  server = await startTlsPostgres();
});
after(() => server.stop());

const SECRET = 'correct-horse-battery';

/** The code and remedy of the failure to connect. */
async function failure(config: PostgresConfig): Promise<TailraceError> {
  try {
    await (await connect(config)).end();
  } catch (error) {
    assert.ok(error instanceof TailraceError, String(error));
    assert.ok(!`${error.message}${error.remedy}`.includes(SECRET), 'the password is in the error');
    return error;
  }
  assert.fail('the connection was made');
}

/** Whether the session is encrypted. */
async function encrypted(config: PostgresConfig): Promise<boolean> {
  const client = await connect(config);
  const { rows } = await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
  await client.end();
  return rows[0].ssl;
}

function tls(keys: Record<string, string>): PostgresConfig {
  return configFor(server.url, {
    'database.hostname': 'localhost',
    'database.user': server.tlsUser,
    'database.password': server.tlsPassword,
    ...keys,
  });
}

test('each way to fail has one code, and none of them shows the password', async (t) => {
  const { url, name } = await useDatabase(t);
  const code = async (keys: Record<string, string>): Promise<string> => (await failure(configFor(url, keys))).code;
  assert.equal(await code({ 'database.password': SECRET }), 'source.authentication');
  assert.equal(await code({ 'database.user': 'nobody_here', 'database.password': SECRET }), 'source.authentication');
  assert.equal(await code({ 'database.dbname': `${name}_not` }), 'source.database_missing');
  assert.equal(await code({ 'database.port': '1', 'database.password': SECRET }), 'source.connect');
  assert.equal(await code({ 'database.hostname': 'no-such-host.invalid' }), 'source.connect');
  assert.equal(await code({ 'database.sslmode': 'require' }), 'source.tls');
});

test('a server that hangs up during the handshake is a lost connection', async (t) => {
  const rude = createServer((socket) => socket.end());
  await new Promise<void>((ready) => rude.listen(0, '127.0.0.1', ready));
  t.after(() => rude.close());
  const { port } = rude.address() as { port: number };
  const error = await failure(
    configFor(`postgresql://u:${SECRET}@127.0.0.1:${port}/db`, { 'database.sslmode': 'disable' }),
  );
  assert.equal(error.policy.action, 'restart');
});

test('sslmode decides whether the session is encrypted', async () => {
  assert.equal(await encrypted(tls({ 'database.sslmode': 'prefer' })), true);
  assert.equal(await encrypted(tls({ 'database.sslmode': 'require' })), true);
  // The server has no rule without TLS for this user: allow finds out and tries again.
  assert.equal(await encrypted(tls({ 'database.sslmode': 'allow' })), true);
  assert.equal((await failure(tls({ 'database.sslmode': 'disable' }))).code, 'source.authentication');
  const plain = configFor(server.url, { 'database.sslmode': 'allow' });
  assert.equal(await encrypted(plain), false);
});

test('verify-ca checks the chain, verify-full also the host name', async () => {
  const ca = { 'database.sslrootcert': server.caFile };
  const other = { 'database.sslrootcert': server.otherCaFile };
  const byAddress = { 'database.hostname': '127.0.0.1' };
  assert.equal(await encrypted(tls({ 'database.sslmode': 'verify-ca', ...ca })), true);
  assert.equal(await encrypted(tls({ 'database.sslmode': 'verify-full', ...ca })), true);
  assert.equal(await encrypted(tls({ 'database.sslmode': 'verify-ca', ...ca, ...byAddress })), true);
  assert.equal((await failure(tls({ 'database.sslmode': 'verify-full', ...ca, ...byAddress }))).code, 'source.tls');
  assert.equal((await failure(tls({ 'database.sslmode': 'verify-ca', ...other }))).code, 'source.tls');
  assert.equal((await failure(tls({ 'database.sslmode': 'require', ...other }))).code, 'source.tls');
  assert.equal((await failure(tls({ 'database.sslmode': 'verify-ca' }))).code, 'source.tls');
  assert.equal(
    (await failure(tls({ 'database.sslmode': 'verify-ca', 'database.sslrootcert': 'system' }))).code,
    'source.tls',
  );
});

test('a client certificate logs in, with a plain key and with one that needs its passphrase', async () => {
  const keys = {
    'database.user': server.certUser,
    'database.sslmode': 'verify-full',
    'database.sslrootcert': server.caFile,
    'database.sslcert': server.clientCertFile,
    'database.sslkey': server.clientKeyFile,
  };
  assert.equal(await encrypted(tls(keys)), true);
  const { createPrivateKey } = await import('node:crypto');
  const { readFileSync } = await import('node:fs');
  const locked = join(dirname(server.clientKeyFile), 'locked.key');
  const pem = createPrivateKey(readFileSync(server.clientKeyFile)).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: SECRET,
  });
  writeFileSync(locked, pem);
  assert.equal(await encrypted(tls({ ...keys, 'database.sslkey': locked, 'database.sslpassword': SECRET })), true);
  const der = join(dirname(server.clientKeyFile), 'client.pk8');
  writeFileSync(der, createPrivateKey(readFileSync(server.clientKeyFile)).export({ type: 'pkcs8', format: 'der' }));
  assert.equal(await encrypted(tls({ ...keys, 'database.sslkey': der })), true);
  assert.equal((await failure(tls({ ...keys, 'database.sslkey': locked }))).code, 'source.tls');
  assert.equal((await failure(tls({ ...keys, 'database.sslkey': '/nowhere/key' }))).code, 'source.tls');
  const { 'database.sslcert': _, 'database.sslkey': __, ...without } = keys;
  assert.equal((await failure(tls(without))).code, 'source.authentication');
});
