import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { PostgresServer } from '../../src/cli/demo/postgres-server.ts';
import { ensureDebianPackages } from '../services/debian.ts';

/** Debian's client programs, which work with newer servers; the embedded package has none. */
const BIN_DIR = '/usr/lib/postgresql/15/bin';

/** @throws Unavailable where they cannot be had. */
export function ensurePostgresPrograms(): void {
  ensureDebianPackages(['postgresql-client-15'], join(BIN_DIR, 'pg_recvlogical'));
}

/** Seconds that pg_recvlogical takes to read a slot to `endLsn` into /dev/null, from its start to its end. */
export function timePgRecvlogical(
  server: PostgresServer,
  options: { database: string; slot: string; publication: string; endLsn: string },
): Promise<number> {
  const { database, slot, publication, endLsn } = options;
  return time(server, database, join(BIN_DIR, 'pg_recvlogical'), [
    ...['--slot', slot, '--start', '--no-loop', '--endpos', endLsn, '--file', '/dev/null'],
    ...['-o', 'proto_version=1', '-o', `publication_names=${publication}`],
  ]);
}

/** Seconds that psql takes to COPY a query's rows to /dev/null. */
export function timePsqlCopy(server: PostgresServer, options: { database: string; query: string }): Promise<number> {
  const { database, query } = options;
  return time(server, database, join(BIN_DIR, 'psql'), ['-X', '-q', '-c', `COPY (${query}) TO STDOUT`]);
}

function time(server: PostgresServer, database: string, program: string, args: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  const { host, port, user, password } = server;
  const child = spawn(program, ['-h', host, '-p', String(port), '-U', user, '-d', database, ...args], {
    env: { ...process.env, PGPASSWORD: password },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve((performance.now() - startedMs) / 1000);
      else reject(new Error(`${program} ended with ${code}: ${errors.trim()}`));
    });
  });
}
