import { statSync } from 'node:fs';
import { openSqliteLog } from '../../src/logs/sqlite/log.ts';
import { TailraceError } from '../../src/model/errors.ts';

/** Where the last durable batch left the task: what a start from here on has to continue. */
export type LogState = 'nothing yet' | 'in the snapshot' | 'inside a transaction' | 'between transactions';

/** Looks through a connection of its own, which does not stay open: a killed writer's WAL is then found by the next start. */
export async function readLogState(path: string): Promise<LogState> {
  let log: ReturnType<typeof openSqliteLog>;
  try {
    log = openSqliteLog({ path, readonly: true });
  } catch (error) {
    // Before the first start has made the file and its tables.
    if (error instanceof TailraceError && error.code === 'log.open') return 'nothing yet';
    throw error;
  }
  try {
    const [stored] = await log.offsets.list();
    if (stored === undefined) return 'nothing yet';
    const { snapshot, snapshot_completed: completed, skip } = stored.offset;
    if (snapshot !== undefined && completed !== true) return 'in the snapshot';
    return typeof skip === 'number' && skip > 0 ? 'inside a transaction' : 'between transactions';
  } finally {
    await log.close();
  }
}

/** Of the file and its WAL. */
export function logSizeBytes(path: string): number {
  const size = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return size(path) + size(`${path}-wal`);
}
