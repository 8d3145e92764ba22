import { join } from 'node:path';
import type { PostgresServer } from '../../src/cli/demo/postgres-server.ts';
import { ensureDebianPackages } from '../services/debian.ts';
import { type ProgramTimes, timeProgram } from './time-program.ts';

/** Debian's client programs, which work with newer servers; the embedded package has none. */
const BIN_DIR = '/usr/lib/postgresql/15/bin';

/** @throws Unavailable where they cannot be had. */
export function ensurePostgresPrograms(): void {
  ensureDebianPackages(['postgresql-client-15'], join(BIN_DIR, 'pg_recvlogical'));
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

function time(
  server: PostgresServer,
  database: string,
  program: string,
  args: readonly string[],
): Promise<ProgramTimes> {
  const { host, port, user, password } = server;
  const connection = ['-h', host, '-p', String(port), '-U', user, '-d', database];
  return timeProgram([program, ...connection, ...args], { PGPASSWORD: password });
}
