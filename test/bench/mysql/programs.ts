import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestMysqld } from '../../services/mysqld.ts';
import { type ProgramTimes, timeProgram } from '../time-program.ts';
import type { BinlogEnd } from './scene.ts';

const ZONGJI_READER = fileURLToPath(new URL('zongji-reader.ts', import.meta.url));

function connection({ host, port, user }: TestMysqld): readonly string[] {
  return ['--no-defaults', `--host=${host}`, `--port=${port}`, `--user=${user}`];
}

/** What mysqlbinlog takes to fetch the files from `from` to the end, as they are, into a folder. */
export async function timeMysqlbinlog(server: TestMysqld, from: BinlogEnd): Promise<ProgramTimes> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-binlog-'));
  const program = server.tree.command(
    'usr/bin/mysqlbinlog',
    ...connection(server),
    ...['--read-from-remote-server', '--raw', '--to-last-log', `--start-position=${from.position}`],
    ...[`--result-file=${folder}/`, from.file],
  );
  try {
    return await timeProgram(program, { MYSQL_PWD: server.password });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What zongji takes to decode as many rows from `from` on, doing nothing with them. */
export function timeZongji(server: TestMysqld, from: BinlogEnd, rows: number): Promise<ProgramTimes> {
  const options = JSON.stringify({ host: server.host, port: server.port, user: server.user, ...from, rows });
  return timeProgram([process.execPath, ZONGJI_READER, options], { MYSQL_PWD: server.password });
}

/** What `mysql --quick` takes to read a query's rows. */
export function timeMysqlQuick(server: TestMysqld, query: string): Promise<ProgramTimes> {
  const program = server.tree.command('usr/bin/mysql', ...connection(server), '--quick', `--execute=${query}`);
  return timeProgram(program, { MYSQL_PWD: server.password });
}
