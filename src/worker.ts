import type { ConnectorConfig } from './config/connector.ts';
import { type ConnectorKind, type LagReader, loadConnectorKind } from './connector-kind.ts';
import { Backoff } from './engine/backoff.ts';
import { Supervisor } from './engine/supervisor.ts';
import type { KafkaLogSettings } from './logs/kafka/settings.ts';
import { partitionFor } from './logs/partitioner.ts';
import type { SqliteLog } from './logs/sqlite/log.ts';
import { OpenLogs } from './logs/sqlite/open-logs.ts';
import { createStateReader } from './logs/state-reader.ts';
import { TailraceError } from './model/errors.ts';
import type { TopicLog } from './model/log.ts';
import type { BatchEncoder, Source } from './model/plugin.ts';
import type { HealthProvider, TaskStatus } from './model/status.ts';
import type { Logger } from './observe/logger.ts';
import { TaskCounters } from './observe/task-counters.ts';
import { createPipeline } from './pipeline/create-pipeline.ts';
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
  /** How connectors write to Kafka, by their names; the others have the embedded log. */
  readonly kafka?: ReadonlyMap<string, KafkaLogSettings>;
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
  const kafkaLogs: TopicLog[] = [];
  const openLog = async (config: ConnectorConfig): Promise<TopicLog> => {
    const settings = options.kafka?.get(config.name);
    if (settings === undefined) return logs.open(config);
    const { createKafkaLog } = await import('./logs/kafka/log.ts');
    const logger = options.logger.child({ connector: config.name });
    const log = createKafkaLog(settings, { logger, clock: Date.now, stopping: signal });
    kafkaLogs.push(log);
    return log;
  };
  let http: HttpServer | null = null;
  try {
    const kinds = await Promise.all(configs.map(loadConnectorKind));
    const connectors: Connector[] = [];
    for (const [i, config] of configs.entries()) {
      connectors.push(createConnector(config, kinds[i]!, await openLog(config), options));
    }
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
    for (const log of kafkaLogs) await log.close();
    await logs.close();
  }
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
  log: TopicLog,
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
      child.warn({ code: error.code, delayMs, remedy: error.remedy }, `${clause(error.message)}; restarting`);
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

function describe(error: unknown): string {
  if (!(error instanceof TailraceError)) return String(error);
  return error.remedy === undefined ? error.message : `${clause(error.message)}. ${error.remedy}`;
}

/** A message that more of the sentence, or another one, is to follow. */
function clause(message: string): string {
  return message.replace(/\.$/, '');
}
