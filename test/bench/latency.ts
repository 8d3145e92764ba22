import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { openSqliteLog } from '../../src/logs/sqlite/log.ts';
import type { TestPostgres } from '../services/postgres.ts';
import { connectorOf, connectTo, createSlot, withDatabase } from './scene.ts';
import { quantile } from './statistics.ts';
import { MeasuredRun } from './tailrace.ts';
import { createOrderLines, orderLineValues, PUBLICATION } from './workload.ts';

export interface LatencyFigures {
  /** Milliseconds from a commit as its client saw it to the record being durable; 0 where the log was first. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly transactionsPerSecond: number;
}

const DATABASE = 'bench_latency';
const SLOT = 'bench_latency';
const CONNECTIONS = 8;
export const RATE_PER_SECOND = 1000;
/** First transactions, in which both processes still compile, are written but not counted. */
const WARM_UP_SECONDS = 2;
const FIRST_ID = 10_000_000;
const APPEND_CLOCK = new URL('./append-clock.ts', import.meta.url).href;

/**
 * One-row transactions at a fixed rate with synchronous_commit=on. The client notes the machine's monotonic clock when
 * COMMIT has returned; a preloaded hook notes it in tailrace when an append has returned.
 */
export async function measureLatency(server: TestPostgres, seconds: number): Promise<LatencyFigures> {
  return withDatabase(server, DATABASE, async (client) => {
    await createOrderLines(client);
    await createSlot(client, SLOT);
    const clockDir = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
    const clockFile = join(clockDir, 'appends');
    const run = new MeasuredRun({
      config: connectorOf(server, { database: DATABASE, slot: SLOT, publication: PUBLICATION }),
      nodeArgs: ['--import', APPEND_CLOCK],
      env: { APPEND_CLOCK: clockFile },
    });
    try {
      const committed = await writeAtRate(server, DATABASE, WARM_UP_SECONDS + seconds);
      await run.until(committed.size);
      await run.stop();
      return latencyFigures(committed, await readAppendTimes(run.logPath, clockFile), WARM_UP_SECONDS);
    } finally {
      await run.stop();
      run.remove();
      rmSync(clockDir, { recursive: true });
    }
  });
}

/** Both by id, in monotonic nanoseconds; the rows of the first seconds are left out. */
export function latencyFigures(
  committed: ReadonlyMap<number, bigint>,
  delivered: ReadonlyMap<number, bigint>,
  warmUpSeconds: number,
): LatencyFigures {
  const latencies: number[] = [];
  let firstNs: bigint | null = null;
  let lastNs = 0n;
  for (const [id, commitNs] of committed) {
    if (id < FIRST_ID + warmUpSeconds * RATE_PER_SECOND) continue;
    firstNs ??= commitNs;
    lastNs = commitNs > lastNs ? commitNs : lastNs;
    latencies.push(Math.max(0, Number(delivered.get(id)! - commitNs) / 1e6));
  }
  return {
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    maxMs: Math.max(...latencies),
    transactionsPerSecond: latencies.length / (Number(lastNs - firstNs!) / 1e9),
  };
}

/** Writes rows of `order_lines`. Monotonic nanoseconds at which each row's commit was known to its client, by id. */
export async function writeAtRate(
  server: TestPostgres,
  database: string,
  seconds: number,
): Promise<Map<number, bigint>> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connectTo(server, database)));
  const committed = new Map<number, bigint>();
  const count = seconds * RATE_PER_SECOND;
  const startMs = performance.now();
  let next = 0;
  const write = async (client: Client): Promise<void> => {
    await client.query('SET synchronous_commit = on');
    while (next < count) {
      const id = FIRST_ID + next;
      const dueMs = startMs + (next++ * 1000) / RATE_PER_SECOND;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0.5) await sleep(waitMs);
      await client.query(`INSERT INTO order_lines SELECT ${orderLineValues(`${id}::bigint`)}`);
      committed.set(id, process.hrtime.bigint());
    }
  };
  await Promise.all(clients.map(write));
  await Promise.all(clients.map((client) => client.end()));
  return committed;
}

/** Monotonic nanoseconds at which the record of each id was durable. */
async function readAppendTimes(logPath: string, clockFile: string): Promise<Map<number, bigint>> {
  const appends = readFileSync(clockFile, 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const times: bigint[] = [];
  for (const [ns = '0', records = '0'] of appends) {
    for (let i = 0; i < Number(records); i++) times.push(BigInt(ns));
  }
  const log = openSqliteLog({ path: logPath, readonly: true });
  const appended = new Map<number, bigint>();
  try {
    for await (const record of log.read({ topic: 'bench.public.order_lines', partition: 0, from: 0 })) {
      const key = JSON.parse(record.key!.toString()) as { id: number };
      appended.set(key.id, times[record.offset]!);
    }
  } finally {
    await log.close();
  }
  return appended;
}
