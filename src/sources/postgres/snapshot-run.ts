import type { PgTx } from '../../../decoders/pgoutput/tx.ts';
import type { PostgresConfig } from '../../config/postgres.ts';
import type { Batch, SnapshotProgress } from '../../model/plugin.ts';
import type { Logger } from '../../observe/logger.ts';
import { SnapshotReader } from '../../snapshot/snapshot-reader.ts';
import type { CatalogSession } from './catalog-session.ts';
import { errorContext } from './connection.ts';
import { explainDecoding } from './explain.ts';
import { formatSnapshotOffset, type SnapshotOffset } from './offset.ts';
import type { SeenTransactions } from './seen-transactions.ts';
import { openSnapshotSessions, planSnapshot, type SnapshotPoint, withoutLocks } from './snapshot.ts';
import type { Start } from './start.ts';
import { type CopiedTable, TableCopy } from './table-copy.ts';

export interface SnapshotRun {
  readonly config: PostgresConfig;
  readonly session: CatalogSession;
  readonly start: Start;
  readonly clock: () => number;
  readonly logger: Pick<Logger, 'info'>;
  readonly onProgress: (progress: SnapshotProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * The batches of a snapshot. The first, without changes, withdraws what an interrupted one left in the log; the last
 * carries the position at which the stream goes on, so that the snapshot counts as read exactly when all of it is durable.
 * Returns which transactions the stream that follows must leave out because the snapshot has seen them.
 */
export async function* readSnapshot(run: SnapshotRun): AsyncGenerator<Batch, SeenTransactions | null> {
  const { config, session, start, clock, logger, onProgress, signal } = run;
  const exported = start.created;
  const { clients, point } = await openSnapshotSessions(config, exported, start.tables.length);
  const startedMs = clock();
  let reader: SnapshotReader<CopiedTable, PgTx> | null = null;
  try {
    const { tables, catalog } = await withoutLocks(clients[0]!, (client) =>
      planSnapshot(client, config, start.serverVersion),
    );
    await session.learnTypes();
    for (const { table } of tables) session.map(table, catalog.get(table.id) ?? null);
    reader = new SnapshotReader({
      tables,
      batchBytes: config['tailrace.batch.bytes'],
      at: point.lsn,
      newTx: () => txOf(point, clock() * 1000),
      explain: (error, table) =>
        explainDecoding(error, errorContext(config, `read ${table} for the snapshot`), 'source.snapshot'),
    });
    const { progress } = reader;
    onProgress({ tables: progress, startedMs, finishedMs: null });
    logger.info({ tables: tables.length, sessions: clients.length }, 'snapshot started');
    const stop = reader.stop.bind(reader);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const offsetAt = (readTimeMicros: number, completed: boolean) =>
      formatSnapshotOffset(snapshotOffset(run, point, readTimeMicros, completed));
    yield { changes: [], offset: offsetAt(startedMs * 1000, false), bytes: 0, snapshot: 'begin' };
    reader.start(clients.map((client) => new TableCopy(client)));
    for (let batch = await reader.next(); batch !== null; batch = await reader.next()) {
      const { changes, bytes, isLast } = batch;
      const offset = offsetAt(batch.readTimeMicros, isLast);
      if (isLast) {
        const finishedMs = clock();
        onProgress({ tables: progress, startedMs, finishedMs });
        const rows = progress.reduce((sum, table) => sum + table.rows, 0);
        logger.info({ tables: tables.length, rows, durationMs: finishedMs - startedMs }, 'snapshot read');
      }
      yield { changes, offset, bytes, ...(isLast ? { snapshot: 'end' as const } : {}) };
    }
    return seenBefore(start, point);
  } finally {
    await reader?.close();
    await Promise.all(clients.map((client) => client.end().catch(() => {})));
  }
}

function txOf(point: SnapshotPoint, commitTimeMicros: number): PgTx {
  const { xid, lsn } = point;
  return { commitTimeMicros, xid, commitLsn: lsn, previousEndLsn: null, origin: null, originLsn: null };
}

/** Debezium's names of the modes as the offset has them. */
const SNAPSHOT_TYPES: Readonly<Record<PostgresConfig['snapshot.mode'], string>> = {
  initial: 'INITIAL',
  initial_only: 'INITIAL_ONLY',
  always: 'ALWAYS',
  when_needed: 'WHEN_NEEDED',
  no_data: 'NO_DATA',
};

function snapshotOffset(
  { config, start }: SnapshotRun,
  point: SnapshotPoint,
  readTimeMicros: number,
  completed: boolean,
): SnapshotOffset {
  const { plan, from, server } = start;
  const seen = seenBefore(start, point);
  const isKnown = completed || plan.from !== null;
  return {
    type: SNAPSHOT_TYPES[config['snapshot.mode']],
    completed,
    lsn: point.lsn,
    xid: point.xid,
    readTimeMicros,
    endLsn: isKnown ? (from?.endLsn ?? null) : null,
    skip: isKnown ? (from?.skip ?? null) : null,
    messageLsn: from?.messageLsn ?? null,
    previousEndLsn: from?.previousEndLsn ?? null,
    seen: completed || plan.from !== null ? seen : null,
    server: { systemId: server.systemId, timeline: server.timeline },
  };
}

/** A stream that goes on from a stored position replays what the snapshot has seen: the topics had it coming. */
function seenBefore({ plan }: Start, point: SnapshotPoint): SeenTransactions | null {
  return plan.from === null ? point.seen : plan.from.seen;
}
