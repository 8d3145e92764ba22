import { TailraceError } from '../model/errors.ts';
import type { TopicLog } from '../model/log.ts';
import type { StateReader } from '../model/plugin.ts';

/** What sources keep for themselves, as a log has it. */
export function createStateReader(log: Pick<TopicLog, 'readBatches'>): StateReader {
  return {
    async *read(topic) {
      try {
        for await (const records of log.readBatches({ topic, partition: 0, from: 0 })) yield* records;
      } catch (error) {
        // Asked for, and not looked for before in a list of all topics, of which there may be thousands.
        if (!(error instanceof TailraceError) || error.code !== 'log.topic_missing') throw error;
      }
    },
  };
}

/** For a source whose batches are kept nowhere. */
export const NO_STATE: StateReader = {
  async *read() {},
};
