import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RowChange, RowOp, Table } from '../../decoders/change.ts';
import type { EncodedBatch } from '../../src/model/plugin.ts';
import type { HealthProvider, LagReport, SlotLagReport } from '../../src/model/status.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { TaskCounters } from '../../src/observe/task-counters.ts';

const table: Table = { id: 1, namespace: 'public', name: 't', columns: [], replicaIdentity: 'default' };

function row(op: RowOp, commitTimeMicros: number): RowChange {
  const snapshot = op === 'r' ? 'true' : 'false';
  return { kind: 'row', op, table, before: null, after: null, tx: { commitTimeMicros }, ordinal: 0, at: 0, snapshot };
}

function encoded(count: number, length: number, timestampMs: number): EncodedBatch {
  const records = [
    { topic: 't', partition: 0, count, bytes: Buffer.alloc(0), length, index: new Int32Array(), headers: [] },
  ];
  return { records, offset: {}, timestampMs };
}

const lag: SlotLagReport = {
  kind: 'slot',
  connector: 'shop',
  slotName: 'debezium',
  slot: {
    slot: 'debezium',
    plugin: 'pgoutput',
    database: 'shop',
    temporary: false,
    active: true,
    activePid: 7,
    restartLsn: '0/1',
    confirmedFlushLsn: '0/2',
    serverLsn: '0/3',
    retainedBytes: 4096,
    unconfirmedBytes: 100,
    walStatus: 'reserved',
    safeWalBytes: null,
    invalidationReason: null,
  },
  lagMs: 12,
  thresholds: { retainedBytes: null, unconfirmedBytes: null, lagMs: null },
  error: null,
};

function metricsOf(lagReports: readonly LagReport[], counters: TaskCounters): Metrics {
  const health: HealthProvider = {
    startedMs: 0,
    tasks: () => [
      {
        connector: 'shop',
        task: 0,
        state: 'RUNNING',
        error: null,
        failedAttempts: 0,
        source: {
          phase: 'snapshot',
          snapshot: {
            startedMs: 1000,
            finishedMs: null,
            tables: [
              { table: 'public.a', rows: 10, estimatedRows: 10, state: 'done' },
              { table: 'public.b', rows: 5, estimatedRows: null, state: 'reading' },
            ],
          },
        },
      },
    ],
    lag: async () => lagReports,
  };
  const metrics = new Metrics(health, () => 5000);
  metrics.register({ connector: 'shop', server: 'app', plugin: 'postgres', counters });
  return metrics;
}

function samples(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]));
}

test('a scrape tells what the batches added up to, under the names of Debezium and Connect', async () => {
  const counters = new TaskCounters();
  counters.countBatch([row('r', 1_000_000), row('r', 1_000_000)], encoded(2, 20, 2000), 4);
  counters.countBatch(
    [row('c', 1), row('u', 1), row('d', 3_500_000), { kind: 'commit', tx: { commitTimeMicros: 3_500_000 }, at: 1 }],
    encoded(4, 40, 4000),
    8,
  );
  counters.countBatch([], encoded(0, 0, 4500), 0);
  const found = samples(await metricsOf([lag], counters).render());
  const streaming = '{context="streaming",name="app",plugin="postgres"}';
  const snapshot = '{context="snapshot",name="app",plugin="postgres"}';
  const task = '{connector="shop",task="0"}';
  const slot = '{connector="shop",slot="debezium"}';
  const expected: Readonly<Record<string, number>> = {
    [`debezium_metrics_TotalNumberOfEventsSeen${streaming}`]: 3,
    [`debezium_metrics_TotalNumberOfEventsSeen${snapshot}`]: 2,
    [`debezium_metrics_TotalNumberOfCreateEventsSeen${streaming}`]: 1,
    [`debezium_metrics_TotalNumberOfUpdateEventsSeen${streaming}`]: 1,
    [`debezium_metrics_TotalNumberOfDeleteEventsSeen${streaming}`]: 1,
    [`debezium_metrics_NumberOfCommittedTransactions${streaming}`]: 1,
    [`debezium_metrics_MilliSecondsBehindSource${streaming}`]: 500,
    [`debezium_metrics_MilliSecondsSinceLastEvent${streaming}`]: 1000,
    [`debezium_metrics_SnapshotRunning${snapshot}`]: 1,
    [`debezium_metrics_TotalTableCount${snapshot}`]: 2,
    [`debezium_metrics_RemainingTableCount${snapshot}`]: 1,
    [`debezium_metrics_SnapshotDurationInSeconds${snapshot}`]: 4,
    'debezium_metrics_RowsScanned{context="snapshot",name="app",plugin="postgres",table="public.b"}': 5,
    [`kafka_connect_source_task_metrics_source_record_write_total${task}`]: 6,
    [`kafka_connect_source_task_metrics_source_record_poll_total${task}`]: 5,
    [`kafka_connect_connector_task_metrics_offset_commit_avg_time_ms${task}`]: 4,
    [`kafka_connect_connector_task_metrics_offset_commit_max_time_ms${task}`]: 8,
    'kafka_connect_connector_task_metrics_status{connector="shop",task="0",status="running"}': 1,
    [`tailrace_slot_retained_bytes${slot}`]: 4096,
    [`tailrace_slot_unconfirmed_bytes${slot}`]: 100,
    [`tailrace_slot_active${slot}`]: 1,
    [`tailrace_slot_lost${slot}`]: 0,
    [`tailrace_slot_reachable${slot}`]: 1,
    [`tailrace_lag_ms${slot}`]: 12,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(found.get(name), value, name);
  assert.equal(found.get(`tailrace_slot_safe_wal_bytes${slot}`), undefined);
});

test('before anything happened Debezium says -1, and a slot that cannot be asked about has no bytes', async () => {
  const away: LagReport = { ...lag, slot: null, lagMs: null, error: 'the server is away' };
  const found = samples(await metricsOf([away], new TaskCounters()).render());
  const streaming = '{context="streaming",name="app",plugin="postgres"}';
  assert.equal(found.get(`debezium_metrics_MilliSecondsBehindSource${streaming}`), -1);
  assert.equal(found.get(`debezium_metrics_MilliSecondsSinceLastEvent${streaming}`), -1);
  assert.equal(found.get('tailrace_slot_reachable{connector="shop",slot="debezium"}'), 0);
  assert.ok(![...found.keys()].some((name) => name.startsWith('tailrace_slot_retained_bytes')));
});

test('a binlog has its own metrics, and none of a slot', async () => {
  const binlog = {
    file: 'binlog.000002',
    position: 400,
    serverFile: 'binlog.000003',
    serverPosition: 900,
    unconfirmedBytes: 1200,
    missingGtids: null,
    missingTransactions: null,
    retentionMs: 3_600_000,
    retentionLeftMs: 60_000,
    purged: false,
  };
  const thresholds = { unconfirmedBytes: null, lagMs: null, retentionLeftMs: null };
  const report: LagReport = { kind: 'binlog', connector: 'shop', binlog, lagMs: 30, thresholds, error: null };
  const found = samples(await metricsOf([report], new TaskCounters()).render());
  const own = [...found].filter(([name]) => name.startsWith('tailrace_'));
  assert.deepEqual(Object.fromEntries(own), {
    'tailrace_binlog_unconfirmed_bytes{connector="shop"}': 1200,
    'tailrace_binlog_retention_left_ms{connector="shop"}': 60_000,
    'tailrace_binlog_purged{connector="shop"}': 0,
    'tailrace_binlog_reachable{connector="shop"}': 1,
    'tailrace_lag_ms{connector="shop"}': 30,
  });
  const away = samples(
    await metricsOf([{ ...report, binlog: null, lagMs: null, error: 'away' }], new TaskCounters()).render(),
  );
  assert.deepEqual(
    [...away].filter(([name]) => name.startsWith('tailrace_')),
    [['tailrace_binlog_reachable{connector="shop"}', 0]],
  );
});
