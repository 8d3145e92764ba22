import { statSync } from 'node:fs';
import { openSqliteLog } from '../../src/logs/sqlite/log.ts';
import { TailraceError } from '../../src/model/errors.ts';
import type { SourceOffset } from '../../src/model/log.ts';

/** Where the last durable batch left the task: what a start from here on has to continue. */
export type LogState = 'nothing yet' | 'in the snapshot' | 'inside a transaction' | 'between transactions';

export interface LogPosition {
  readonly state: LogState;
  /** The stored source offset as text: another text is progress. */
  readonly offset: string;
  readonly stored: SourceOffset | null;
}

/** Looks through a connection of its own, which does not stay open: a killed writer's WAL is then found by the next start. */
export async function readLogPosition(path: string): Promise<LogPosition> {
  let log: ReturnType<typeof openSqliteLog>;
  try {
    log = openSqliteLog({ path, readonly: true });
  } catch (error) {
    // Before the first start has made the file and its tables.
    if (error instanceof TailraceError && error.code === 'log.open') return NOTHING;
    throw error;
  }
  try {
    const [stored] = await log.offsets.list();
    if (stored === undefined) return NOTHING;
    return { state: stateOf(stored.offset), offset: JSON.stringify(stored.offset), stored: stored.offset };
  } finally {
    await log.close();
  }
}

const NOTHING: LogPosition = { state: 'nothing yet', offset: '', stored: null };

/** Postgres counts the changes that were delivered of an open transaction, MySQL its events and rows. */
const PROGRESS_KEYS = ['skip', 'event', 'row', 'xa_event'] as const;

function stateOf(offset: SourceOffset): LogState {
  if (offset.snapshot !== undefined && offset.snapshot_completed !== true) return 'in the snapshot';
  const isInside = PROGRESS_KEYS.some((key) => typeof offset[key] === 'number' && offset[key] > 0);
  return isInside ? 'inside a transaction' : 'between transactions';
}

/** Of the file and its WAL. */
export function logSizeBytes(path: string): number {
  const size = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return size(path) + size(`${path}-wal`);
}
