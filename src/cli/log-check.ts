import { existsSync, statSync } from 'node:fs';
import type { ConnectorConfig } from '../config/connector.ts';
import type { KafkaLogConfig } from '../config/kafka-log.ts';
import type { LoadedConnector } from '../config/load.ts';
import { TailraceError } from '../model/errors.ts';
import type { SourceOffset } from '../model/log.ts';
import type { PreflightCheck } from '../model/preflight.ts';
import type { Logger } from '../observe/logger.ts';

export interface LogCheck {
  readonly checks: readonly PreflightCheck[];
  /** Where a run would go on; null: at the beginning. */
  readonly stored: SourceOffset | null;
}

const name = 'log';

/** Whether a check is about the log, and not about the database. */
export function isLogCheck(check: PreflightCheck): boolean {
  return check.name === name || check.name.startsWith(`${name} `);
}

/** Whether the log can be that of this connector, and where it stands. Changes nothing. */
export async function checkLog({ config, kafka }: LoadedConnector, logger: Logger): Promise<LogCheck> {
  try {
    return await (kafka === null ? checkEmbeddedLog(config) : checkKafka(config, kafka, logger));
  } catch (error) {
    if (!(error instanceof TailraceError)) throw error;
    const { message, remedy = null } = error;
    return { checks: [{ name, status: 'error', message, remedy }], stored: null };
  }
}

async function checkKafka(config: ConnectorConfig, kafka: KafkaLogConfig, logger: Logger): Promise<LogCheck> {
  const [{ loadKafkaSettings }, { preflightKafka }] = await Promise.all([
    import('../logs/kafka/load-settings.ts'),
    import('../logs/kafka/preflight.ts'),
  ]);
  const topicPrefix = config['topic.prefix'];
  const partition = { server: topicPrefix };
  return preflightKafka(await loadKafkaSettings(kafka), { logger, topicPrefix, partition });
}

/** Throws when it is none. */
export async function checkEmbeddedLog(config: ConnectorConfig): Promise<LogCheck> {
  const path = config['tailrace.log.path'];
  const { checkWritable } = await import('../logs/sqlite/open.ts');
  checkWritable(path);
  if (!existsSync(path) || statSync(path).size === 0) return sound(`${path} will be made at the start`, null);
  const { openSqliteLog } = await import('../logs/sqlite/log.ts');
  const log = openSqliteLog({ path, readonly: true });
  try {
    const stored = await log.offsets.get(config.name, { server: config['topic.prefix'] });
    return sound(`${path} ${stored === null ? 'holds no position of this connector yet' : 'holds a position'}`, stored);
  } finally {
    await log.close();
  }
}

function sound(message: string, stored: SourceOffset | null): LogCheck {
  return { checks: [{ name, status: 'ok', message, remedy: null }], stored };
}
