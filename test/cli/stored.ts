import { openSqliteLog } from '../../src/logs/sqlite/log.ts';
import { TailraceError } from '../../src/model/errors.ts';
import type { SourceOffset } from '../../src/model/log.ts';

/** Ids of `{"after":{"id":...}}` in a topic, in the order of the log; none while there is no such topic. */
export async function storedIds(logPath: string, topic: string): Promise<readonly number[]> {
  return withLog(logPath, async (log) => {
    const ids: number[] = [];
    try {
      for await (const { value } of log.read({ topic, partition: 0, from: 0 })) {
        ids.push((JSON.parse(value!.toString('utf8')) as { after: { id: number } }).after.id);
      }
    } catch (error) {
      if (!(error instanceof TailraceError) || error.code !== 'log.topic_missing') throw error;
    }
    return ids;
  });
}

export function storedOffset(logPath: string, connector: string): Promise<SourceOffset | null> {
  return withLog(logPath, (log) => log.offsets.get(connector, { server: 'p' }));
}

/** Waits until the topic holds so many records. */
export async function storedCount(logPath: string, topic: string, count: number): Promise<readonly number[]> {
  for (;;) {
    const ids = await storedIds(logPath, topic);
    if (ids.length >= count) return ids;
    await new Promise((wake) => setTimeout(wake, 100));
  }
}

async function withLog<T>(path: string, work: (log: ReturnType<typeof openSqliteLog>) => Promise<T>): Promise<T> {
  const log = openSqliteLog({ path, readonly: true });
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}
