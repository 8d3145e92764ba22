import type { SnapshotProgress } from '../model/plugin.ts';
import type { BinlogLag, LagReport, SlotLagReport, TaskStatus } from '../model/status.ts';
import type { PhaseCounts, TaskCounters } from './task-counters.ts';

/** A task at the moment of a scrape. */
export interface ObservedTask {
  readonly connector: string;
  readonly server: string;
  readonly plugin: string;
  readonly counters: TaskCounters;
  readonly status: TaskStatus;
  readonly nowMs: number;
}

export interface Sample {
  readonly labels: Record<string, string>;
  /** Null: there is nothing to tell, the sample is left out. */
  readonly value: number | null;
}

export interface Metric<T> {
  readonly name: string;
  readonly help: string;
  readonly labels: string[];
  read(subject: T): readonly Sample[];
}

type Context = 'snapshot' | 'streaming';

/** `debezium_metrics_<Attribute>`, as the rules for the JMX exporter in Debezium's monitoring example name its MBeans. */
function attribute(
  name: string,
  help: string,
  contexts: readonly Context[],
  value: (task: ObservedTask, context: Context) => number | null,
): Metric<ObservedTask> {
  return {
    name: `debezium_metrics_${name}`,
    help,
    labels: ['context', 'name', 'plugin'],
    read: (task) =>
      contexts.map((context) => ({
        labels: { context, name: task.server, plugin: task.plugin },
        value: value(task, context),
      })),
  };
}

const BOTH: readonly Context[] = ['snapshot', 'streaming'];
const STREAMING: readonly Context[] = ['streaming'];
const SNAPSHOT: readonly Context[] = ['snapshot'];

const counts = ({ counters }: ObservedTask, context: Context): PhaseCounts => counters[context];
const progress = ({ status }: ObservedTask): SnapshotProgress | null => status.source?.snapshot ?? null;
const isRunning = ({ status }: ObservedTask): boolean => status.state === 'RUNNING';
/** Debezium's way to say that there was none. */
const NEVER = -1;

/** Attributes of Debezium's snapshot and streaming MBeans. */
export const debeziumMetrics: readonly Metric<ObservedTask>[] = [
  attribute('TotalNumberOfEventsSeen', 'Changes that became durable.', BOTH, (task, at) => counts(task, at).total),
  attribute('TotalNumberOfCreateEventsSeen', 'Inserts.', STREAMING, (task, at) => counts(task, at).creates),
  attribute('TotalNumberOfUpdateEventsSeen', 'Updates.', STREAMING, (task, at) => counts(task, at).updates),
  attribute('TotalNumberOfDeleteEventsSeen', 'Deletes.', STREAMING, (task, at) => counts(task, at).deletes),
  attribute(
    'MilliSecondsSinceLastEvent',
    'Milliseconds since the last change became durable; -1 when there was none.',
    BOTH,
    (task, at) => {
      const { lastEventMs } = counts(task, at);
      return lastEventMs === null ? NEVER : Math.max(0, task.nowMs - lastEventMs);
    },
  ),
  attribute('NumberOfErroneousEvents', 'Failures of the task.', STREAMING, ({ counters }) => counters.errors),
  attribute(
    'NumberOfCommittedTransactions',
    'Transactions whose changes became durable.',
    STREAMING,
    ({ counters }) => counters.transactions,
  ),
  attribute(
    'MilliSecondsBehindSource',
    'Milliseconds between the commit of the last change and its append; -1 when there was none.',
    STREAMING,
    ({ counters }) => counters.behindMs ?? NEVER,
  ),
  attribute('Connected', '1 while the task reads the database.', STREAMING, (task) =>
    isRunning(task) && task.status.source?.phase === 'streaming' ? 1 : 0,
  ),
  attribute('SnapshotRunning', '1 while a snapshot runs.', SNAPSHOT, (task) =>
    isRunning(task) && task.status.source?.phase === 'snapshot' ? 1 : 0,
  ),
  attribute('SnapshotCompleted', '1 after a snapshot in this process.', SNAPSHOT, (task) =>
    progress(task)?.finishedMs ? 1 : 0,
  ),
  attribute('SnapshotAborted', '1 when a snapshot was cut off.', SNAPSHOT, (task) => {
    const snapshot = progress(task);
    return snapshot !== null && snapshot.finishedMs === null && task.status.state === 'FAILED' ? 1 : 0;
  }),
  attribute('SnapshotDurationInSeconds', 'How long the snapshot took, or has taken so far.', SNAPSHOT, (task) => {
    const snapshot = progress(task);
    return snapshot === null ? 0 : ((snapshot.finishedMs ?? task.nowMs) - snapshot.startedMs) / 1000;
  }),
  attribute('TotalTableCount', 'Tables of the snapshot.', SNAPSHOT, (task) => progress(task)?.tables.length ?? 0),
  attribute('RemainingTableCount', 'Tables that the snapshot has not finished.', SNAPSHOT, (task) => {
    const tables = progress(task)?.tables ?? [];
    return tables.filter((table) => table.state !== 'done').length;
  }),
  {
    name: 'debezium_metrics_RowsScanned',
    help: 'Rows that the snapshot has read of each table.',
    labels: ['context', 'name', 'plugin', 'table'],
    read: (task) =>
      (progress(task)?.tables ?? []).map(({ table, rows }) => ({
        labels: { context: 'snapshot', name: task.server, plugin: task.plugin, table },
        value: rows,
      })),
  },
];

/** `kafka_connect_<group>_<metric>`, as the usual rules for the JMX exporter name Connect's metrics. */
function connect(
  group: string,
  name: string,
  help: string,
  value: (task: ObservedTask) => number | null,
): Metric<ObservedTask> {
  return {
    name: `kafka_connect_${group}_${name}`,
    help,
    labels: ['connector', 'task'],
    read: (task) => [{ labels: { connector: task.connector, task: String(task.status.task) }, value: value(task) }],
  };
}

export const connectMetrics: readonly Metric<ObservedTask>[] = [
  connect(
    'source_task_metrics',
    'source_record_poll_total',
    'Changes read from the database.',
    ({ counters }) => counters.snapshot.total + counters.streaming.total,
  ),
  connect(
    'source_task_metrics',
    'source_record_write_total',
    'Records written to the log.',
    ({ counters }) => counters.recordsWritten,
  ),
  connect(
    'connector_task_metrics',
    'offset_commit_avg_time_ms',
    'Mean time of an append, which stores records and offset.',
    ({ counters }) => (counters.batches === 0 ? 0 : counters.batchSumMs / counters.batches),
  ),
  connect(
    'connector_task_metrics',
    'offset_commit_max_time_ms',
    'Longest time of an append.',
    ({ counters }) => counters.batchMaxMs,
  ),
  connect('connector_task_metrics', 'batch_size_avg', 'Mean records of an append.', ({ counters }) =>
    counters.batches === 0 ? 0 : counters.recordsWritten / counters.batches,
  ),
  connect(
    'connector_task_metrics',
    'batch_size_max',
    'Most records of an append.',
    (task) => task.counters.batchMaxRecords,
  ),
  connect('task_error_metrics', 'total_record_failures', 'Failures of the task.', ({ counters }) => counters.errors),
  connect('task_error_metrics', 'total_retries', 'Restarts of the task.', ({ counters }) => counters.restarts),
  connect(
    'task_error_metrics',
    'last_error_timestamp',
    'When the task last failed, milliseconds since 1970; 0: never.',
    ({ counters }) => counters.lastErrorMs ?? 0,
  ),
  {
    name: 'kafka_connect_connector_task_metrics_status',
    help: 'The state of the task: 1 under its label.',
    labels: ['connector', 'task', 'status'],
    read: ({ connector, status }) => [
      { labels: { connector, task: String(status.task), status: status.state.toLowerCase() }, value: 1 },
    ],
  },
  connect(
    'source_task_metrics',
    'source_record_write_bytes_total',
    'Bytes of keys and values written to the log.',
    (task) => task.counters.bytesWritten,
  ),
];

function slotMetric(name: string, help: string, value: (report: SlotLagReport) => number | null): Metric<LagReport> {
  return {
    name: `tailrace_${name}`,
    help,
    labels: ['connector', 'slot'],
    read: (report) =>
      report.kind === 'slot'
        ? [{ labels: { connector: report.connector, slot: report.slotName }, value: value(report) }]
        : [],
  };
}

function binlogMetric(name: string, help: string, value: (lag: BinlogLag) => number | null): Metric<LagReport> {
  return {
    name: `tailrace_binlog_${name}`,
    help,
    labels: ['connector'],
    read: (report) =>
      report.kind === 'binlog' && report.binlog !== null
        ? [{ labels: { connector: report.connector }, value: value(report.binlog) }]
        : [],
  };
}

export const lagMetrics: readonly Metric<LagReport>[] = [
  slotMetric(
    'slot_retained_bytes',
    'WAL that the server keeps for the slot.',
    ({ slot }) => slot?.retainedBytes ?? null,
  ),
  slotMetric(
    'slot_unconfirmed_bytes',
    'WAL that the slot has not confirmed.',
    ({ slot }) => slot?.unconfirmedBytes ?? null,
  ),
  slotMetric(
    'slot_safe_wal_bytes',
    'WAL that may be written before the slot is in danger.',
    ({ slot }) => slot?.safeWalBytes ?? null,
  ),
  slotMetric('slot_active', '1 while a process reads the slot.', ({ slot }) =>
    slot === null ? null : slot.active ? 1 : 0,
  ),
  slotMetric('slot_lost', '1 when the server has invalidated the slot.', ({ slot }) =>
    slot === null ? null : slot.walStatus === 'lost' || slot.invalidationReason !== null ? 1 : 0,
  ),
  slotMetric('slot_reachable', '1 when the server told about the slot at this scrape.', ({ slot }) =>
    slot === null ? 0 : 1,
  ),
  binlogMetric('unconfirmed_bytes', 'Binlog that is not delivered yet.', (binlog) => binlog.unconfirmedBytes),
  binlogMetric(
    'missing_transactions',
    'Transactions that the server has executed and that are not delivered yet.',
    (binlog) => binlog.missingTransactions,
  ),
  binlogMetric(
    'retention_left_ms',
    'Milliseconds until the server may remove the first binlog file that is still needed.',
    (binlog) => binlog.retentionLeftMs,
  ),
  binlogMetric('purged', '1 when the server has removed binlog that is still needed.', ({ purged }) =>
    purged ? 1 : 0,
  ),
  {
    name: 'tailrace_binlog_reachable',
    help: '1 when the server told about its binlog at this scrape.',
    labels: ['connector'],
    read: (report) =>
      report.kind === 'binlog'
        ? [{ labels: { connector: report.connector }, value: report.binlog === null ? 0 : 1 }]
        : [],
  },
  {
    name: 'tailrace_lag_ms',
    help: 'Milliseconds that delivery is behind the database.',
    labels: ['connector', 'slot'],
    read: (report) => [
      {
        labels: { connector: report.connector, ...(report.kind === 'slot' ? { slot: report.slotName } : {}) },
        value: report.lagMs,
      },
    ],
  },
];
