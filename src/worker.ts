import { ABSENT_VALUE, type Change, type Column } from '../decoders/change.ts';
import type { ConnectorConfig } from './config/connector.ts';
import { type ConnectorKind, type LagReader, loadConnectorKind } from './connector-kind.ts';
import { Backoff } from './engine/backoff.ts';
import { runSourceTask } from './engine/source-task.ts';
import { Supervisor } from './engine/supervisor.ts';
import { partitionFor } from './logs/partitioner.ts';
import { openSqliteLog, type SqliteLog } from './logs/sqlite/log.ts';
import { realLogPath } from './logs/sqlite/log-path.ts';
import { createStateReader, NO_STATE } from './logs/state-reader.ts';
import { TailraceError } from './model/errors.ts';
import type { TopicLog } from './model/log.ts';
import type { BatchEncoder, Source } from './model/plugin.ts';
import type { EncodedRecords, LogRecord } from './model/record.ts';
import type { HealthProvider, TaskStatus } from './model/status.ts';
import type { Logger } from './observe/logger.ts';
import { TaskCounters } from './observe/task-counters.ts';
import { createPipeline } from './pipeline/create-pipeline.ts';
import { decodeRecords } from './pipeline/decode-records.ts';
import type { HttpServer } from './rest/server.ts';

/** The first restart comes at once enough to be unnoticed after a failover of a second or two. */
const FIRST_RESTART_MS = 500;

export interface WorkerOptions {
  readonly logger: Logger;
  /** Stops everything; the append in flight is finished and acked. */
  readonly signal: AbortSignal;
  /** Called with the state of every task after each change of it, and about twice a second. */
  readonly onStatus?: (tasks: readonly TaskStatus[]) => void;
  /** `snapshot`: end when every snapshot is complete and the server is asked to keep what follows it. */
  readonly until?: 'stopped' | 'snapshot';
  /** Logs that are open already, by their paths. */
  readonly logs?: ReadonlyMap<string, SqliteLog>;
  /** `structured` forgoes the compiled plan: slower, and the same bytes. */
  readonly plan?: 'compiled' | 'structured';
}

interface Connector {
  readonly config: ConnectorConfig;
  readonly kind: ConnectorKind;
  readonly supervisor: Supervisor;
  readonly counters: TaskCounters;
  readonly lag: LagReader;
}

/** How often progress is shown and the end of a bootstrap is looked for. */
const STATUS_INTERVAL_MS = 500;

/**
 * Runs connectors in this process until they end or the signal aborts. The composition root: sources, logs and
 * converters meet here and nowhere else. Rejects with the error of the last connector that failed, when none is left.
 */
export async function runConnectors(configs: readonly ConnectorConfig[], options: WorkerOptions): Promise<void> {
  const { signal, onStatus } = options;
  const stopping = new AbortController();
  const stopped = AbortSignal.any([signal, stopping.signal]);
  const logs = new OpenLogs(options.logs ?? new Map());
  let http: HttpServer | null = null;
  try {
    const kinds = await Promise.all(configs.map(loadConnectorKind));
    const connectors = configs.map((config, i) => createConnector(config, kinds[i]!, logs.open(config), options));
    http = await startHttp(connectors, options);
    const statuses = () => connectors.map(({ supervisor }) => supervisor.status());
    const timer = setInterval(() => {
      onStatus?.(statuses());
      if (options.until === 'snapshot' && statuses().every(hasSnapshot)) stopping.abort();
    }, STATUS_INTERVAL_MS);
    try {
      await runAll(connectors, options.logger, stopped);
    } finally {
      clearInterval(timer);
      onStatus?.(statuses());
    }
  } finally {
    await http?.close();
    await logs.close();
  }
}

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

function hasSnapshot({ state, source }: TaskStatus): boolean {
  return state === 'STOPPED' || source?.phase === 'streaming';
}

/** One connector's end does not end the others; the process has nothing to do when all have ended. */
async function runAll(connectors: readonly Connector[], logger: Logger, signal: AbortSignal): Promise<void> {
  const outcomes = await Promise.allSettled(
    connectors.map(async ({ supervisor }) => {
      try {
        await supervisor.run(signal);
      } catch (error) {
        if (connectors.length > 1) logger.error({ connector: supervisor.connector }, describe(error));
        throw error;
      }
    }),
  );
  const failure = outcomes.findLast((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

function createConnector(
  config: ConnectorConfig,
  kind: ConnectorKind,
  log: SqliteLog,
  options: WorkerOptions,
): Connector {
  const { logger, plan = 'compiled' } = options;
  const connector = config.name;
  const child = logger.child({ connector });
  const counters = new TaskCounters();
  const createTask = (): { source: Source; encoder: BatchEncoder } => {
    const source = kind.createSource({ logger: child, state: createStateReader(log) });
    const encoder = createPipeline({
      config,
      source,
      connectorType: kind.connectorType,
      partitionsOf: (topic) => log.partitionsOf(topic),
      partitioner: partitionFor,
      plan,
    });
    return { source, encoder };
  };
  const maxMs = config['retriable.restart.connector.wait.ms'];
  const maxRetries = config['errors.max.retries'];
  const backoff = new Backoff({
    initialMs: Math.min(FIRST_RESTART_MS, maxMs),
    maxMs,
    maxAttempts: maxRetries === -1 ? Number.POSITIVE_INFINITY : maxRetries,
    random: Math.random,
  });
  const supervisor = new Supervisor({
    connector,
    log,
    createTask,
    backoff,
    retryStart: (error, attempt) => kind.retryStart(error, attempt),
    onAppended: (batch, encoded, appendMs) => counters.countBatch(batch.changes, encoded, appendMs),
    onRestart: (error, delayMs) => {
      counters.countError(Date.now());
      counters.restarts++;
      child.warn({ code: error.code, delayMs, remedy: error.remedy }, `${error.message}; restarting`);
    },
    onAside: (error) => child.warn({ code: error.code, remedy: error.remedy }, error.message),
  });
  const lag = kind.createLagReader(() => log.offsets.get(connector, { server: config['topic.prefix'] }));
  return { config, kind, supervisor, counters, lag };
}

/** The address of the first connector that has one on: one process has one server. */
async function startHttp(connectors: readonly Connector[], { logger }: WorkerOptions): Promise<HttpServer | null> {
  const listen = connectors.map(({ config }) => config['tailrace.http.listen']).find((address) => address !== null);
  if (listen === undefined || listen === null) return null;
  const health: HealthProvider = {
    startedMs: Date.now(),
    tasks: () => connectors.map(({ supervisor }) => supervisor.status()),
    lag: () => Promise.all(connectors.map(({ lag }) => lag.read())),
  };
  // Loaded only where it is wanted: a fifth of the start and of the memory at rest.
  const [{ Metrics }, { startHttpServer }] = await Promise.all([
    import('./observe/metrics.ts'),
    import('./rest/server.ts'),
  ]);
  const metrics = new Metrics(health, Date.now);
  for (const { config, kind, counters } of connectors) {
    metrics.register({ connector: config.name, server: config['topic.prefix'], plugin: kind.metricsPlugin, counters });
  }
  const server = await startHttpServer({ listen, health, metrics, clock: Date.now });
  logger.info({ url: server.url }, 'health, lag and metrics are served');
  return server;
}

/** Logs by the file that their paths lead to: connectors of one process may share one. Those that were given stay open. */
class OpenLogs {
  readonly #given: ReadonlyMap<string, SqliteLog>;
  readonly #opened = new Map<string, SqliteLog>();

  constructor(given: ReadonlyMap<string, SqliteLog>) {
    this.#given = new Map([...given].map(([path, log]) => [realLogPath(path), log]));
  }

  open(config: ConnectorConfig): SqliteLog {
    const path = realLogPath(config['tailrace.log.path']);
    let log = this.#given.get(path) ?? this.#opened.get(path);
    if (log === undefined) {
      const bytes = config['tailrace.log.retention.bytes'];
      const ms = config['tailrace.log.retention.ms'];
      log = openSqliteLog({
        path,
        partitions: config['tailrace.log.partitions'],
        retention: { ...(bytes === -1 ? {} : { bytes }), ...(ms === -1 ? {} : { ms }) },
      });
      this.#opened.set(path, log);
    }
    return log;
  }

  async close(): Promise<void> {
    for (const log of this.#opened.values()) await log.close();
  }
}

function describe(error: unknown): string {
  if (!(error instanceof TailraceError)) return String(error);
  return error.remedy === undefined ? error.message : `${error.message}. ${error.remedy}`;
}
