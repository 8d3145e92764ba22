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

/** What a program took from its start to its end. */
export interface ProgramTimes {
  readonly seconds: number;
  /** User and system time. */
  readonly cpuSeconds: number;
}

/** What pg_recvlogical takes to read a slot to `endLsn` into /dev/null. */
export function timePgRecvlogical(
  server: PostgresServer,
  options: { database: string; slot: string; publication: string; endLsn: string },
): Promise<ProgramTimes> {
  const { database, slot, publication, endLsn } = options;
  return time(server, database, join(BIN_DIR, 'pg_recvlogical'), [
    ...['--slot', slot, '--start', '--no-loop', '--endpos', endLsn, '--file', '/dev/null'],
    ...['-o', 'proto_version=1', '-o', `publication_names=${publication}`],
  ]);
}

/** What psql takes to COPY a query's rows to /dev/null. */
export function timePsqlCopy(
  server: PostgresServer,
  options: { database: string; query: string },
): Promise<ProgramTimes> {
  const { database, query } = options;
  return time(server, database, join(BIN_DIR, 'psql'), ['-X', '-q', '-c', `COPY (${query}) TO STDOUT`]);
}

/** The shell that waits for the program tells its CPU time on the last line. */
const TIMED = 'TIMEFORMAT="%U %S"; time "$0" "$@"';

function time(
  server: PostgresServer,
  database: string,
  program: string,
  args: readonly string[],
): Promise<ProgramTimes> {
  const startedMs = performance.now();
  const { host, port, user, password } = server;
  const connection = ['-h', host, '-p', String(port), '-U', user, '-d', database];
  const child = spawn('bash', ['-c', TIMED, program, ...connection, ...args], {
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
      const times = /(\d+\.\d+) (\d+\.\d+)\n$/.exec(errors);
      if (code !== 0 || times === null) reject(new Error(`${program} ended with ${code}: ${errors.trim()}`));
      else {
        const seconds = (performance.now() - startedMs) / 1000;
        resolve({ seconds, cpuSeconds: Number(times[1]) + Number(times[2]) });
      }
    });
  });
}
