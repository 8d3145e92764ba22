import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  BinlogLagReport,
  HealthProvider,
  LagReport,
  SlotLag,
  SlotLagReport,
  TaskStatus,
} from '../../src/model/status.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { startHttpServer } from '../../src/rest/server.ts';

const SLOT: SlotLag = {
  slot: 'debezium',
  plugin: 'pgoutput',
  database: 'shop',
  temporary: false,
  active: true,
  activePid: 7,
  restartLsn: '0/1000',
  confirmedFlushLsn: '0/2000',
  serverLsn: '0/3000',
  retainedBytes: 8192,
  unconfirmedBytes: 4096,
  walStatus: 'reserved',
  safeWalBytes: 1_000_000,
  invalidationReason: null,
};
const REPORT: SlotLagReport = {
  kind: 'slot',
  connector: 'shop',
  slotName: 'debezium',
  slot: SLOT,
  lagMs: 40,
  thresholds: { retainedBytes: null, unconfirmedBytes: null, lagMs: null },
  error: null,
};
const TASK: TaskStatus = {
  connector: 'shop',
  task: 0,
  state: 'RUNNING',
  error: null,
  failedAttempts: 0,
  source: { phase: 'streaming', snapshot: null },
};

async function get(path: string, tasks: readonly TaskStatus[], reports: readonly LagReport[]) {
  const health: HealthProvider = { startedMs: 1000, tasks: () => tasks, lag: async () => reports };
  const clock = () => 4000;
  const metrics = new Metrics(health, clock);
  const server = await startHttpServer({ listen: { host: '127.0.0.1', port: 0 }, health, metrics, clock });
  try {
    const response = await fetch(`${server.url}${path}`);
    const text = await response.text();
    return { status: response.status, type: response.headers.get('content-type'), text };
  } finally {
    await server.close();
  }
}

test('/health tells the state of each task and how far its snapshot is', async () => {
  const snapshot = {
    startedMs: 2000,
    finishedMs: null,
    tables: [
      { table: 'public.a', rows: 600, estimatedRows: 600, state: 'done' },
      { table: 'public.b', rows: 400, estimatedRows: null, state: 'reading' },
    ],
  } as const;
  const { status, text } = await get('/health', [{ ...TASK, source: { phase: 'snapshot', snapshot } }], []);
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(text), {
    status: 'healthy',
    uptimeMs: 3000,
    tasks: [
      {
        connector: 'shop',
        task: 0,
        state: 'RUNNING',
        phase: 'snapshot',
        error: null,
        failedAttempts: 0,
        snapshot: { finished: false, rows: 1000, rowsPerSecond: 500, tablesDone: 1, ...snapshot },
      },
    ],
  });
});

test('/health is 503 with the reason once a task has failed', async () => {
  const error = { code: 'source.slot_missing', message: 'the slot is gone', remedy: 'make it' } as const;
  const { status, text } = await get('/health', [TASK, { ...TASK, connector: 'b', state: 'FAILED', error }], []);
  assert.equal(status, 503);
  const body = JSON.parse(text);
  assert.equal(body.status, 'failed');
  assert.deepEqual(body.tasks[1].error, error);
});

test('/health is 503 while a task restarts, with its last error and its attempts; a first start is no failure', async () => {
  const error = { code: 'source.connect', message: 'the server is away', remedy: null } as const;
  const source = { phase: 'starting', snapshot: null } as const;
  const restarting = await get('/health', [{ ...TASK, state: 'RESTARTING', error, failedAttempts: 7, source }], []);
  assert.equal(restarting.status, 503);
  const body = JSON.parse(restarting.text);
  assert.deepEqual([body.status, body.tasks[0].error, body.tasks[0].failedAttempts], ['restarting', error, 7]);
  const starting = await get('/health', [TASK, { ...TASK, state: 'UNASSIGNED', source }], []);
  assert.deepEqual([starting.status, JSON.parse(starting.text).status], [200, 'starting']);
});

test('/lag tells what each slot holds back', async () => {
  const { status, text } = await get('/lag', [], [REPORT]);
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(text), {
    status: 'ok',
    slots: [
      {
        connector: 'shop',
        slot: 'debezium',
        status: 'ok',
        error: null,
        active: true,
        retainedBytes: 8192,
        unconfirmedBytes: 4096,
        lagMs: 40,
        walStatus: 'reserved',
        safeWalBytes: 1_000_000,
        invalidationReason: null,
        restartLsn: '0/1000',
        confirmedFlushLsn: '0/2000',
        thresholds: { retainedBytes: null, unconfirmedBytes: null, lagMs: null },
        crossed: [],
      },
    ],
  });
});

test('/lag is 503 above a threshold (not at it), without the slot, for a lost one, and while the server is away', async () => {
  const limits = (retainedBytes: number, unconfirmedBytes: number, lagMs: number): SlotLagReport => ({
    ...REPORT,
    thresholds: { retainedBytes, unconfirmedBytes, lagMs },
  });
  const cases: readonly (readonly [LagReport, number, string, readonly string[]])[] = [
    [limits(8192, 4096, 40), 200, 'ok', []],
    [limits(8191, 4096, 40), 503, 'crossed', ['retainedBytes']],
    [limits(8192, 4095, 39), 503, 'crossed', ['unconfirmedBytes', 'lagMs']],
    [{ ...REPORT, slot: null, lagMs: null }, 503, 'missing', []],
    [{ ...REPORT, slot: { ...SLOT, walStatus: 'lost' } }, 503, 'crossed', ['invalidated']],
    [{ ...REPORT, slot: { ...SLOT, invalidationReason: 'idle_timeout' } }, 503, 'crossed', ['invalidated']],
    [{ ...REPORT, slot: null, lagMs: null, error: 'away' }, 503, 'unknown', []],
  ];
  for (const [report, status, word, crossed] of cases) {
    const answer = await get('/lag', [], [report]);
    const body = JSON.parse(answer.text);
    assert.deepEqual([answer.status, body.slots[0].status, body.slots[0].crossed], [status, word, crossed]);
  }
});

const BINLOG: BinlogLagReport = {
  kind: 'binlog',
  connector: 'orders',
  binlog: {
    file: 'binlog.000002',
    position: 400,
    serverFile: 'binlog.000003',
    serverPosition: 900,
    unconfirmedBytes: 1200,
    missingGtids: 'c6b9a1d0-0000-0000-0000-000000000001:8-9',
    missingTransactions: 2,
    retentionMs: 3_600_000,
    retentionLeftMs: 60_000,
    purged: false,
  },
  lagMs: 30,
  thresholds: { unconfirmedBytes: null, lagMs: null, retentionLeftMs: null },
  error: null,
};

test('/lag tells how far a connector is behind its binlog, beside the slots', async () => {
  const { status, text } = await get('/lag', [], [BINLOG]);
  assert.equal(status, 200);
  const { error, binlog, lagMs, thresholds } = BINLOG;
  const own = { connector: 'orders', status: 'ok', error, ...binlog, lagMs, thresholds, crossed: [] };
  assert.deepEqual(JSON.parse(text), { status: 'ok', binlogs: [own] });
  const both = JSON.parse((await get('/lag', [], [BINLOG, REPORT])).text);
  assert.deepEqual([both.slots.length, both.binlogs.length], [1, 1]);
});

test('/lag is 503 beyond a threshold of a binlog (not at it), when binlog is gone, and while the server is away', async () => {
  const limits = (unconfirmedBytes: number, lagMs: number, retentionLeftMs: number): BinlogLagReport => ({
    ...BINLOG,
    thresholds: { unconfirmedBytes, lagMs, retentionLeftMs },
  });
  const cases: readonly (readonly [BinlogLagReport, number, string, readonly string[]])[] = [
    [limits(1200, 30, 60_000), 200, 'ok', []],
    [limits(1199, 29, 60_000), 503, 'crossed', ['unconfirmedBytes', 'lagMs']],
    [limits(1200, 30, 60_001), 503, 'crossed', ['retentionLeftMs']],
    [{ ...BINLOG, binlog: { ...BINLOG.binlog!, purged: true } }, 503, 'crossed', ['purged']],
    [{ ...BINLOG, binlog: null, lagMs: null, error: 'away' }, 503, 'unknown', []],
  ];
  for (const [report, status, word, crossed] of cases) {
    const answer = await get('/lag', [], [REPORT, report]);
    const body = JSON.parse(answer.text);
    assert.deepEqual([answer.status, body.binlogs[0].status, body.binlogs[0].crossed], [status, word, crossed]);
  }
});

test('/metrics is Prometheus text, and other paths are told what there is', async () => {
  const { status, type, text } = await get('/metrics', [TASK], [REPORT]);
  assert.equal(status, 200);
  assert.match(type!, /^text\/plain; version=0\.0\.4/);
  assert.match(text, /^tailrace_slot_retained_bytes\{connector="shop",slot="debezium"\} 8192$/m);
  const other = await get('/connectors', [], []);
  assert.equal(other.status, 404);
  assert.equal(JSON.parse(other.text).message, 'there is no /connectors; there are /health, /lag and /metrics');
});

test('a port in use is a clear error', async () => {
  const health: HealthProvider = { startedMs: 0, tasks: () => [], lag: async () => [] };
  const options = { health, metrics: new Metrics(health, Date.now), clock: Date.now };
  const first = await startHttpServer({ ...options, listen: { host: '127.0.0.1', port: 0 } });
  const port = Number(new URL(first.url).port);
  try {
    await assert.rejects(startHttpServer({ ...options, listen: { host: '127.0.0.1', port } }), {
      name: 'TailraceError',
      code: 'http.listen',
      message: `cannot listen on 127.0.0.1:${port}: the port is in use`,
    });
  } finally {
    await first.close();
  }
});
