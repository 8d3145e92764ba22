import type { TopicLog } from '../model/log.ts';
import type { StateReader } from '../model/plugin.ts';

/** What sources keep for themselves, as a log has it. */
export function createStateReader(log: Pick<TopicLog, 'topics' | 'read'>): StateReader {
  return {
    async *read(topic) {
      const topics = await log.topics();
      if (!topics.some((info) => info.topic === topic)) return;
      for await (const { key, value } of log.read({ topic, partition: 0, from: 0 })) yield { key, value };
    },
  };
}

/** For a source whose batches are kept nowhere. */
export const NO_STATE: StateReader = {
  async *read() {},
};
