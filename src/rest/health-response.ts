import type { SnapshotProgress } from '../model/plugin.ts';
import type { HealthProvider, LagReport, TaskStatus } from '../model/status.ts';

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
  const slots = reports.map((report) => {
    const crossed = crossedThresholds(report);
    const { slot } = report;
    return {
      connector: report.connector,
      slot: report.slotName,
      status: lagStatus(report, crossed),
      error: report.error,
      active: slot?.active ?? null,
      retainedBytes: slot?.retainedBytes ?? null,
      unconfirmedBytes: slot?.unconfirmedBytes ?? null,
      lagMs: report.lagMs,
      walStatus: slot?.walStatus ?? null,
      safeWalBytes: slot?.safeWalBytes ?? null,
      invalidationReason: slot?.invalidationReason ?? null,
      restartLsn: slot?.restartLsn ?? null,
      confirmedFlushLsn: slot?.confirmedFlushLsn ?? null,
      thresholds: report.thresholds,
      crossed,
    };
  });
  const red = slots.find((slot) => slot.status !== 'ok');
  return { status: red === undefined ? 200 : 503, body: { status: red?.status ?? 'ok', slots } };
}

/** `unknown`: the server cannot be asked; `missing`: it has no such slot. */
function lagStatus(report: LagReport, crossed: readonly string[]): 'ok' | 'crossed' | 'missing' | 'unknown' {
  if (report.error !== null) return 'unknown';
  if (report.slot === null) return 'missing';
  return crossed.length > 0 ? 'crossed' : 'ok';
}

/** Names of what is above its limit; a lost slot is always one. */
export function crossedThresholds({ slot, lagMs, thresholds }: LagReport): readonly string[] {
  const above = (name: string, value: number | null | undefined, limit: number | null): readonly string[] =>
    typeof value === 'number' && limit !== null && value > limit ? [name] : [];
  return [
    ...above('retainedBytes', slot?.retainedBytes, thresholds.retainedBytes),
    ...above('unconfirmedBytes', slot?.unconfirmedBytes, thresholds.unconfirmedBytes),
    ...above('lagMs', lagMs, thresholds.lagMs),
    ...(slot?.walStatus === 'lost' || (slot !== null && slot.invalidationReason !== null) ? ['invalidated'] : []),
  ];
}
