import { existsSync, statSync } from 'node:fs';
import type { ConnectorConfig } from '../config/connector.ts';
import { TailraceError } from '../model/errors.ts';
import type { SourceOffset } from '../model/log.ts';
import type { PreflightCheck } from '../model/preflight.ts';

export interface LogCheck {
  readonly check: PreflightCheck;
  /** Where a run would go on; null: at the beginning. */
  readonly stored: SourceOffset | null;
}

const name = 'log';

/** Whether the file can be the log of this connector, and where it stands. Changes nothing. */
export async function checkLog(config: ConnectorConfig): Promise<LogCheck> {
  const path = config['tailrace.log.path'];
  try {
    const { checkWritable } = await import('../logs/sqlite/open.ts');
    checkWritable(path);
    if (!existsSync(path) || statSync(path).size === 0) return sound(`${path} will be made at the start`, null);
    const { openSqliteLog } = await import('../logs/sqlite/log.ts');
    const log = openSqliteLog({ path, readonly: true });
    try {
      const stored = await log.offsets.get(config.name, { server: config['topic.prefix'] });
      return sound(
        `${path} ${stored === null ? 'holds no position of this connector yet' : 'holds a position'}`,
        stored,
      );
    } finally {
      await log.close();
    }
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    const { message, remedy = null } = error;
    return { check: { name, status: 'error', message, remedy }, stored: null };
  }
}

function sound(message: string, stored: SourceOffset | null): LogCheck {
  return { check: { name, status: 'ok', message, remedy: null }, stored };
}
