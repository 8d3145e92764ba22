import type { TopicLog } from '../model/log.ts';
import type { CommandIo } from './command-io.ts';
import { commandLogger, type LogOptions } from './command-logger.ts';
import { type LogLocation, type LogPlace, locateLog } from './log-location.ts';

/** `create`: for changing it, and it is made where it is named and missing; `change`: it must be there. */
export type LogUse = 'read' | 'change' | 'create';

/** Works on the log that the options of a command name, and closes it. */
export async function withLog<T>(
  location: LogLocation & LogOptions,
  use: LogUse,
  io: CommandIo,
  work: (log: TopicLog) => Promise<T>,
): Promise<T> {
  const log = await openLog(locateLog(location, io), use, location, io);
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}

async function openLog(place: LogPlace, use: LogUse, options: LogOptions, io: CommandIo): Promise<TopicLog> {
  if (place.kind === 'kafka') {
    const [{ loadKafkaSettings }, { createKafkaLog }] = await Promise.all([
      import('../logs/kafka/load-settings.ts'),
      import('../logs/kafka/log.ts'),
    ]);
    const settings = await loadKafkaSettings(place.config);
    return createKafkaLog(settings, { logger: commandLogger(options, io), clock: io.clock });
  }
  const { path, isNamed } = place;
  const { openSqliteLog } = await import('../logs/sqlite/log.ts');
  // A first look for reading only: opening for writing would make a log where there is none.
  if (use === 'change' || (use === 'create' && !isNamed)) await openSqliteLog({ path, readonly: true }).close();
  return openSqliteLog({ path, readonly: use === 'read' });
}
