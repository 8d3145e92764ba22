import { ABSENT_VALUE, type Change, type Column } from '../decoders/change.ts';
import type { ConnectorConfig } from './config/connector.ts';
import { loadConnectorKind } from './connector-kind.ts';
import { runSourceTask } from './engine/source-task.ts';
import { partitionFor } from './logs/partitioner.ts';
import { NO_STATE } from './logs/state-reader.ts';
import type { TopicLog } from './model/log.ts';
import type { BatchEncoder } from './model/plugin.ts';
import type { EncodedRecords, LogRecord } from './model/record.ts';
import type { Logger } from './observe/logger.ts';
import { createPipeline } from './pipeline/create-pipeline.ts';
import { decodeRecords } from './pipeline/decode-records.ts';

export interface TailRecord extends LogRecord {
  /** Columns of the old row, where the database sent no more than its key: the envelope has stand-ins for the others. Null: all. */
  readonly oldColumns: ReadonlySet<string> | null;
}

export interface TailOptions {
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Records in the order of their commits. */
  readonly onRecords: (records: readonly TailRecord[]) => void | Promise<void>;
}

/** Hands the changes of a database over as they come, kept nowhere; `temporary`: the server keeps nothing for it either. */
export async function tailDatabase(
  config: ConnectorConfig,
  options: TailOptions & { readonly temporary: boolean },
): Promise<void> {
  const { logger, signal, onRecords, temporary } = options;
  const kind = await loadConnectorKind(config);
  const source = kind.createSource({ logger, state: NO_STATE, temporary });
  const encoder = createPipeline({
    config,
    source,
    connectorType: kind.connectorType,
    partitionsOf: () => 1,
    partitioner: partitionFor,
  });
  const oldColumns = new WeakMap<EncodedRecords, ReadonlySet<string>>();
  // A change at a time: a batch would come out by topic, not in the order of the commits.
  const inOrder: BatchEncoder = {
    resume: (from) => encoder.resume(from),
    prepare: (batch, signal) => encoder.prepare(batch, signal),
    encode: (batch) => {
      const records = batch.changes.flatMap((change) => {
        const encoded = encoder.encode({ ...batch, changes: [change], state: [] });
        const columns = oldColumnsOf(change);
        if (columns !== null) for (const part of encoded.records) oldColumns.set(part, columns);
        return encoded.records;
      });
      return { records, offset: batch.offset, timestampMs: Date.now() };
    },
    release: (encoded) => encoder.release(encoded),
  };
  let count = 0;
  const log: Pick<TopicLog, 'append'> = {
    async append({ records, timestampMs }) {
      for (const part of records) {
        const columns = oldColumns.get(part) ?? null;
        await onRecords(decodeRecords(part, count, timestampMs).map((record) => ({ ...record, oldColumns: columns })));
        count += part.count;
      }
    },
  };
  const task = { connector: config.name, epoch: 1, source, encoder: inOrder, log, from: null, onAppended: () => {} };
  try {
    await runSourceTask(task, signal);
  } finally {
    await source.close();
  }
}

function oldColumnsOf(change: Change): ReadonlySet<string> | null {
  if (change.kind !== 'row' || change.before === null || change.before.image === 'full') return null;
  const { table, before } = change;
  const isThere =
    before.image === 'key'
      ? ({ identity }: Column): boolean => identity
      : (_: Column, index: number): boolean => before.spans[before.base + 2 * index] !== ABSENT_VALUE;
  return new Set(table.columns.filter(isThere).map(({ name }) => name));
}
