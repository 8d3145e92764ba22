import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { startTlsPostgres, type TlsPostgres } from '../services/postgres.ts';
import { sharedPostgres } from '../services/shared.ts';
import { assertRefused, type Refusal } from './refusal.ts';
import { storedIds } from './stored.ts';
import { type ConnectorKeys, tailrace, temporaryFolder, writeConnector } from './tailrace-process.ts';

const folder = temporaryFolder();
let server: TlsPostgres;
let plainUrl: string;

before(async () => {
  [server, plainUrl] = await Promise.all([startTlsPostgres(), sharedPostgres()]);
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query('CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)');
  await client.end();
});
after(() => server?.[Symbol.asyncDispose]());

function connector(name: string, keys: ConnectorKeys, url = server.url): string {
  return writeConnector(folder, url, { name, ...keys });
}

const byPassword = (): ConnectorKeys => ({
  'database.hostname': 'localhost',
  'database.user': server.tlsUser,
  'database.password': server.tlsPassword,
});
const byCertificate = (): ConnectorKeys => ({
  'database.hostname': 'localhost',
  'database.user': server.certUser,
  'database.password': null,
  'database.sslcert': server.clientCertFile,
  'database.sslkey': server.clientKeyFile,
});

test('every sslmode that the server allows reads it, with a password and with a client certificate', {
  concurrency: 3,
}, async (t) => {
  const ca = { 'database.sslrootcert': server.caFile };
  const cases: Readonly<Record<string, ConnectorKeys>> = {
    disable: { 'database.sslmode': 'disable' },
    // The server has no rule without TLS for this user: allow finds out and tries again.
    allow: { ...byPassword(), 'database.sslmode': 'allow' },
    prefer: { ...byPassword(), 'database.sslmode': 'prefer' },
    require: { ...byPassword(), 'database.sslmode': 'require' },
    // The certificate is for localhost, which verify-ca does not look at.
    verify_ca: { ...byPassword(), ...ca, 'database.hostname': '127.0.0.1', 'database.sslmode': 'verify-ca' },
    verify_full: { ...byPassword(), ...ca, 'database.sslmode': 'verify-full' },
    certificate: { ...byCertificate(), ...ca, 'database.sslmode': 'verify-full' },
  };
  await Promise.all(
    Object.entries(cases).map(([name, keys]) =>
      t.test(name, async () => {
        const { exitCode, stderr } = await tailrace(['bootstrap', connector(name, keys), '--then', 'exit']);
        assert.equal(exitCode, 0, stderr);
        assert.deepEqual(await storedIds(join(folder, name, 'log.tailrace.db'), 'p.public.items'), [1]);
      }),
    ),
  );
});

test('what TLS refuses is one line with the key to change', { concurrency: 3 }, async (t) => {
  const full = { ...byPassword(), 'database.sslmode': 'verify-full' };
  const { 'database.sslcert': _, 'database.sslkey': __, ...noCertificate } = byCertificate();
  const cases: readonly (readonly [name: string, path: string, error: RegExp, fix: RegExp])[] = [
    [
      'a server without TLS',
      connector('no_tls', { 'database.sslmode': 'require' }, plainUrl),
      /does not speak TLS/,
      /database\.sslmode=disable/,
    ],
    [
      'another authority',
      connector('other_ca', { ...full, 'database.sslrootcert': server.otherCaFile }),
      /certificate is not trusted/,
      /database\.sslrootcert/,
    ],
    [
      'another host name',
      connector('other_name', { ...full, 'database.sslrootcert': server.caFile, 'database.hostname': '127.0.0.1' }),
      /certificate is not for 127\.0\.0\.1/,
      /database\.hostname.*verify-ca/,
    ],
    ['no authority', connector('no_ca', full), /verify-full needs a root certificate/, /database\.sslrootcert/],
    [
      'an authority that cannot be read',
      connector('no_ca_file', { ...full, 'database.sslrootcert': '/nowhere/ca.pem' }),
      /cannot read \/nowhere\/ca\.pem/,
      /database\.sslrootcert/,
    ],
    [
      'a file without a certificate',
      connector('no_pem', { ...full, 'database.sslrootcert': 'package.json' }),
      /package\.json holds no certificate/,
      /database\.sslrootcert/,
    ],
    [
      'no client certificate',
      connector('no_cert', { ...noCertificate, 'database.sslmode': 'require' }),
      /valid client certificate/,
      /database\.sslcert and database\.sslkey/,
    ],
    [
      'plain text',
      connector('plain', { ...byPassword(), 'database.sslmode': 'disable' }),
      /pg_hba\.conf rejects connection/,
      /database\.sslmode/,
    ],
  ];
  const secrets = [server.tlsPassword, server.password, new URL(plainUrl).password];
  await Promise.all(
    cases.map(([name, path, error, fix]) =>
      t.test(name, async () => {
        const refusal: Refusal = { exitCode: 3, error, fix };
        // Without a ~/.postgresql of the developer's.
        assertRefused(await tailrace(['run', path], { env: { HOME: folder } }), refusal, secrets);
      }),
    ),
  );
});
