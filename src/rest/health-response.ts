import type { SnapshotProgress } from '../model/plugin.ts';
import type { BinlogLagReport, HealthProvider, LagReport, SlotLagReport, TaskStatus } from '../model/status.ts';

/**
 * The body of `/health` and the status that it goes with: 503 from a task's failure until it reads again, be it for good or
 * through its attempts to restart. A first start is no failure: it may wait long for a slot, and ends the process if it fails.
 */
export function healthResponse(
  health: HealthProvider,
  nowMs: number,
): { readonly status: 200 | 503; readonly body: object } {
  const tasks = health.tasks();
  const has = (state: TaskStatus['state']): boolean => tasks.some((task) => task.state === state);
  const status = has('FAILED')
    ? 'failed'
    : has('RESTARTING')
      ? 'restarting'
      : has('UNASSIGNED')
        ? 'starting'
        : 'healthy';
  return {
    status: status === 'failed' || status === 'restarting' ? 503 : 200,
    body: {
      status,
      uptimeMs: nowMs - health.startedMs,
      tasks: tasks.map((task) => taskBody(task, nowMs)),
    },
  };
}

function taskBody({ connector, task, state, error, failedAttempts, source }: TaskStatus, nowMs: number): object {
  return {
    connector,
    task,
    state,
    phase: source?.phase ?? null,
    error,
    failedAttempts,
    snapshot: source === null || source.snapshot === null ? null : snapshotBody(source.snapshot, nowMs),
  };
}

function snapshotBody({ tables, startedMs, finishedMs }: SnapshotProgress, nowMs: number): object {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const seconds = Math.max(0.001, ((finishedMs ?? nowMs) - startedMs) / 1000);
  return {
    finished: finishedMs !== null,
    startedMs,
    finishedMs,
    rows,
    rowsPerSecond: Math.round(rows / seconds),
    tablesDone: tables.filter((table) => table.state === 'done').length,
    tables,
  };
}

/** The body of `/lag` and the status that it goes with. */
export function lagResponse(reports: readonly LagReport[]): { readonly status: 200 | 503; readonly body: object } {
  const slots = reports.flatMap((report) => (report.kind === 'slot' ? slotBody(report) : []));
  const binlogs = reports.flatMap((report) => (report.kind === 'binlog' ? binlogBody(report) : []));
  const red = [...slots, ...binlogs].find(({ status }) => status !== 'ok');
  return {
    status: red === undefined ? 200 : 503,
    body: {
      status: red?.status ?? 'ok',
      ...(slots.length > 0 || binlogs.length === 0 ? { slots } : {}),
      ...(binlogs.length > 0 ? { binlogs } : {}),
    },
  };
}

/** `unknown`: the server cannot be asked; `missing`: it has no such slot. */
type LagStatus = 'ok' | 'crossed' | 'missing' | 'unknown';

function slotBody(report: SlotLagReport) {
  const { connector, slotName, slot, error, lagMs, thresholds } = report;
  const crossed = crossedThresholds(report);
  return {
    connector,
    slot: slotName,
    status: statusOf(report, crossed, slot === null),
    error,
    active: slot?.active ?? null,
    retainedBytes: slot?.retainedBytes ?? null,
    unconfirmedBytes: slot?.unconfirmedBytes ?? null,
    lagMs,
    walStatus: slot?.walStatus ?? null,
    safeWalBytes: slot?.safeWalBytes ?? null,
    invalidationReason: slot?.invalidationReason ?? null,
    restartLsn: slot?.restartLsn ?? null,
    confirmedFlushLsn: slot?.confirmedFlushLsn ?? null,
    thresholds,
    crossed,
  };
}

function binlogBody(report: BinlogLagReport) {
  const { connector, binlog, error, lagMs, thresholds } = report;
  const crossed = crossedThresholds(report);
  return {
    connector,
    status: statusOf(report, crossed, false),
    error,
    file: binlog?.file ?? null,
    position: binlog?.position ?? null,
    serverFile: binlog?.serverFile ?? null,
    serverPosition: binlog?.serverPosition ?? null,
    unconfirmedBytes: binlog?.unconfirmedBytes ?? null,
    lagMs,
    missingTransactions: binlog?.missingTransactions ?? null,
    missingGtids: binlog?.missingGtids ?? null,
    retentionMs: binlog?.retentionMs ?? null,
    retentionLeftMs: binlog?.retentionLeftMs ?? null,
    purged: binlog?.purged ?? null,
    thresholds,
    crossed,
  };
}

function statusOf({ error }: LagReport, crossed: readonly string[], isMissing: boolean): LagStatus {
  if (error !== null) return 'unknown';
  if (isMissing) return 'missing';
  return crossed.length > 0 ? 'crossed' : 'ok';
}

/** Names of what is beyond its limit; a lost slot, or binlog that is gone, is always one. */
export function crossedThresholds(report: LagReport): readonly string[] {
  const above = (name: string, value: number | null | undefined, limit: number | null): readonly string[] =>
    typeof value === 'number' && limit !== null && value > limit ? [name] : [];
  const { lagMs } = report;
  if (report.kind === 'slot') {
    const { slot, thresholds } = report;
    return [
      ...above('retainedBytes', slot?.retainedBytes, thresholds.retainedBytes),
      ...above('unconfirmedBytes', slot?.unconfirmedBytes, thresholds.unconfirmedBytes),
      ...above('lagMs', lagMs, thresholds.lagMs),
      ...(slot?.walStatus === 'lost' || (slot !== null && slot.invalidationReason !== null) ? ['invalidated'] : []),
    ];
  }
  const { binlog, thresholds } = report;
  const left = binlog?.retentionLeftMs ?? null;
  const least = thresholds.retentionLeftMs;
  return [
    ...above('unconfirmedBytes', binlog?.unconfirmedBytes, thresholds.unconfirmedBytes),
    ...above('lagMs', lagMs, thresholds.lagMs),
    ...(left !== null && least !== null && left < least ? ['retentionLeftMs'] : []),
    ...(binlog?.purged === true ? ['purged'] : []),
  ];
}
