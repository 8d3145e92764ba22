import type { BinlogTx } from '../../../decoders/binlog/binlog-tx.ts';
import type { PreparedTransaction } from '../../../decoders/binlog/prepared-transaction.ts';
import type { SchemaChange } from '../../../decoders/change.ts';
import type { MysqlConfig } from '../../config/mysql.ts';
import type { SourceOffset } from '../../model/log.ts';
import type { Batch, SnapshotProgress, StateRecord } from '../../model/plugin.ts';
import type { Logger } from '../../observe/logger.ts';
import { type SnapshotBatch, SnapshotReader } from '../../snapshot/snapshot-reader.ts';
import { errorContext } from './connection.ts';
import { explainDecoding } from './explain.ts';
import { findPrepared } from './prepared-search.ts';
import { formatHistoryRecord } from './schema/history-record.ts';
import type { SchemaModel } from './schema/schema-model.ts';
import { planSnapshot, type SnapshotPlan } from './snapshot-plan.ts';
import type { SnapshotPoint } from './snapshot-point.ts';
import { chooseTables, listTables } from './snapshot-tables.ts';
import { type SnapshotView, takeView } from './snapshot-view.ts';
import { type SelectedTable, TableSelect } from './table-select.ts';

export interface SnapshotRun {
  readonly config: MysqlConfig;
  /** Becomes what the snapshot sees. Its options say whose server it is. */
  readonly model: SchemaModel;
  /** Whether rows are read, not the schema alone. */
  readonly withRows: boolean;
  /** Takes up the XA transactions that are prepared at the snapshot's point; what it returns travels with the first batch. */
  readonly onPrepared?: (found: ReadonlyMap<string, PreparedTransaction>) => readonly StateRecord[];
  /** The offset of a batch whose rows were read at that time; `completed`: of the last one. */
  readonly offsetAt: (point: SnapshotPoint, readTimeMicros: number, completed: boolean) => SourceOffset;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly onProgress: (progress: SnapshotProgress) => void;
  readonly signal: AbortSignal;
}

type TableReader = SnapshotReader<SelectedTable, BinlogTx>;

/**
 * The batches of a snapshot. The first, without changes, withdraws what an interrupted one left in the log; the second
 * tells the schema before its first rows; the last carries the position at which the stream goes on, so that the snapshot
 * counts as read exactly when all of it is durable. Returns that position, or null when the signal cut it short.
 */
export async function* readSnapshot(run: SnapshotRun): AsyncGenerator<Batch, SnapshotPoint | null> {
  const { clock, logger, onProgress, signal } = run;
  const startedMs = clock();
  const view = await openView(run);
  if (view === null) return null;
  const { sessions, catalog, point } = view;
  const { plan, aheadMs } = view.read;
  let reader: TableReader | null = null;
  try {
    const state = await preparedState(run, view);
    if (state === null) return null;
    reader = createReader(run, { plan, point, aheadMs });
    const { progress } = reader;
    onProgress({ tables: progress, startedMs, finishedMs: null });
    const { file, position, gtids } = point;
    logger.info({ tables: plan.tables.length, sessions: sessions.length, file, position, gtids }, 'snapshot started');
    warnOfNone(run, plan);
    warnOfOthers(run, plan);
    const stop = reader.stop.bind(reader);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    yield {
      changes: [],
      offset: run.offsetAt(point, (startedMs + aheadMs) * 1000, false),
      bytes: 0,
      ...(state.length === 0 ? {} : { state }),
      snapshot: 'begin',
    };
    reader.start(sessions.map((session) => new TableSelect(session, catalog)));
    let isFirst = true;
    for (let batch = await reader.next(); batch !== null; batch = await reader.next()) {
      if (batch.isLast) {
        await view.unlock();
        const finishedMs = clock();
        onProgress({ tables: progress, startedMs, finishedMs });
        const rows = progress.reduce((sum, table) => sum + table.rows, 0);
        logger.info({ tables: plan.tables.length, rows, durationMs: finishedMs - startedMs }, 'snapshot read');
      }
      yield toBatch(run, batch, isFirst ? schemaOf(run, { plan, point, aheadMs }, batch) : NO_SCHEMA, point);
      isFirst = false;
    }
    return signal.aborted ? null : point;
  } finally {
    await reader?.close();
    await view.close();
  }
}

/** Null: the signal cut it short. */
async function preparedState(
  { config, model, onPrepared, logger, signal }: SnapshotRun,
  { catalog, prepared, point }: SnapshotView<unknown>,
): Promise<readonly StateRecord[] | null> {
  if (onPrepared === undefined) return [];
  const { family } = model.options;
  try {
    return onPrepared(await findPrepared({ config, family, catalog, listed: prepared, point, logger, signal }));
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

interface Planned {
  readonly plan: SnapshotPlan;
  readonly point: SnapshotPoint;
  /** What the server's clock is ahead of ours. */
  readonly aheadMs: number;
}

async function openView(run: SnapshotRun) {
  const { config, model, withRows, clock, logger, signal } = run;
  try {
    return await takeView({
      config,
      family: model.options.family,
      sessions: withRows ? config['snapshot.max.threads'] : 1,
      listTables: async (catalog) => chooseTables(await listTables(catalog, config), config),
      whileLocked: async (catalog, point) => {
        const aheadMs = point.serverTimeMs - clock();
        return { plan: await planSnapshot(catalog, { config, model, withRows }), aheadMs };
      },
      logger,
      signal,
    });
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

function createReader(run: SnapshotRun, { plan, point, aheadMs }: Planned): TableReader {
  const { config, clock } = run;
  return new SnapshotReader({
    tables: plan.tables,
    batchBytes: config['tailrace.batch.bytes'],
    at: 0,
    // Debezium asks the server, whose time stamps are whole seconds, as are those of its binlog's events.
    newTx: () => txOf(point, Math.floor((clock() + aheadMs) / 1000) * 1_000_000),
    explain: (error, table) =>
      explainDecoding(error, errorContext(config, `read ${table} for the snapshot`), 'source.snapshot'),
  });
}

/** Rows of no transaction. */
function txOf({ file, position }: SnapshotPoint, commitTimeMicros: number): BinlogTx {
  return {
    commitTimeMicros,
    serverId: 0,
    gtid: null,
    file,
    position,
    threadId: null,
    query: null,
    transactionId: `file=${file},pos=${position}`,
  };
}

interface SchemaPart {
  readonly changes: readonly SchemaChange<BinlogTx>[];
  readonly state: readonly StateRecord[];
}

const NO_SCHEMA: SchemaPart = { changes: [], state: [] };

/** What the schema-change topic and the schema history are told. The very last change of a snapshot is marked, also one of these. */
function schemaOf(
  { config, clock, offsetAt }: SnapshotRun,
  { plan, point, aheadMs }: Planned,
  batch: SnapshotBatch<BinlogTx>,
): SchemaPart {
  const timestampMs = clock();
  const readTimeMicros = (timestampMs + aheadMs) * 1000;
  const tx = txOf(point, readTimeMicros);
  // Also where the stream goes on at a position that it has come to: what is read is what the tables are there.
  const position = { ...offsetAt(point, readTimeMicros, false), snapshot: config['snapshot.mode'].toUpperCase() };
  const topic = config['schema.history.internal.kafka.topic'];
  const isLast = (index: number): boolean =>
    batch.isLast && batch.changes.length === 0 && index === plan.statements.length - 1;
  return {
    changes: plan.statements.map(({ database, ddl, changes }, ordinal) => ({
      kind: 'schema',
      tx,
      ordinal,
      at: 0,
      database,
      ddl,
      tables: changes,
      subjects: changes.length === 0 ? null : changes.map(({ name }) => name),
      snapshot: isLast(ordinal) ? 'last' : 'true',
    })),
    state: plan.statements.map(({ database, ddl, changes }) => ({
      topic,
      key: null,
      value: formatHistoryRecord({
        source: { server: config['topic.prefix'] },
        position,
        timestampMs,
        database,
        ddl,
        changes,
      }),
    })),
  };
}

function toBatch(
  { offsetAt }: SnapshotRun,
  { changes, bytes, readTimeMicros, isLast }: SnapshotBatch<BinlogTx>,
  schema: SchemaPart,
  point: SnapshotPoint,
): Batch {
  return {
    changes: schema.changes.length === 0 ? changes : [...schema.changes, ...changes],
    offset: offsetAt(point, readTimeMicros, isLast),
    bytes,
    ...(schema.state.length === 0 ? {} : { state: schema.state }),
    ...(isLast ? { snapshot: 'end' as const } : {}),
  };
}

/** MyISAM and the like have no view: what is written while they are read may be read and streamed. */
function warnOfNone({ withRows, logger }: SnapshotRun, { tables }: SnapshotPlan): void {
  if (!withRows || tables.length > 0) return;
  logger.warn('there is no table to read: the account may see none that the database and table lists choose');
}

function warnOfOthers({ config, logger }: SnapshotRun, { tables }: SnapshotPlan): void {
  const others = tables.filter(({ hasView }) => !hasView).map(({ id }) => id);
  if (others.length === 0 || config['snapshot.locking.mode'] === 'extended') return;
  logger.warn(
    { tables: others },
    'tables of other engines than InnoDB are read as they are, and changes made meanwhile are streamed again; snapshot.locking.mode=extended keeps them from being written',
  );
}
