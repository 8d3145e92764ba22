import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Client } from 'pg';
import type { TestPostgres } from '../../services/postgres.ts';
import { type LatencyFigures, latencyFigures, RATE_PER_SECOND, writeAtRate } from '../latency.ts';
import { createSlot, withDatabase } from '../scene.ts';
import { createOrderLines } from '../workload.ts';
import { type Engine, type KafkaScene, startPipe } from './engines.ts';

const DATABASE = 'bench_kafka_latency';
/**
 * First transactions are written but not counted: the broker's JVM compiles until then, and its answers to produce requests
 * take four times as long in the first seconds as they do later, whoever sends them.
 */
const WARM_UP_SECONDS = 25;

/**
 * One-row transactions at a fixed rate with synchronous_commit=on, from the return of COMMIT to the record in a
 * consumer's hands.
 */
export function measureKafkaLatency(
  scene: KafkaScene,
  server: TestPostgres,
  { engine, seconds, nodeArgs }: { engine: Engine; seconds: number; nodeArgs: readonly string[] },
): Promise<LatencyFigures> {
  return withDatabase(server, DATABASE, async (client) => {
    await createOrderLines(client);
    const name = `latency_${engine.replaceAll('-', '_')}`;
    await createSlot(client, name);
    const topic = `${name}.public.order_lines`;
    await scene.createTopic(topic);
    const count = WARM_UP_SECONDS + seconds;
    const worker = new Worker(new URL('key-clock.ts', import.meta.url), {
      workerData: { ...scene.broker, topic, count: count * RATE_PER_SECOND },
    });
    try {
      await once(worker, 'message');
      await using pipe = await startPipe(engine, { scene, server, database: DATABASE, name, nodeArgs });
      const seen = once(worker, 'message') as Promise<[{ ids: number[]; times: bigint[] }]>;
      const failed = once(worker, 'error').then(([error]) => Promise.reject(error));
      failed.catch(() => {});
      await untilStreaming(client, name);
      const written = await writeAtRate(server, DATABASE, count);
      const ended = new Promise<never>((_, reject) => {
        const timer = setTimeout(() => reject(new Error(`${engine} stands still:\n${pipe.output}`)), 60_000);
        worker.once('message', () => clearTimeout(timer));
      });
      const [{ ids, times }] = await Promise.race([seen, failed, ended]);
      return latencyFigures(written, new Map(ids.map((id, i) => [id, times[i]!])), WARM_UP_SECONDS);
    } finally {
      await worker.terminate();
      await scene.deleteTopic(topic);
    }
  });
}

async function untilStreaming(client: Client, slot: string): Promise<void> {
  const sql = `SELECT 1 FROM pg_replication_slots JOIN pg_stat_replication ON pid = active_pid
    WHERE slot_name = $1 AND state = 'streaming'`;
  for (let attempt = 0; (await client.query(sql, [slot])).rows.length === 0; attempt++) {
    if (attempt === 600) throw new Error(`Nobody streams from the slot ${slot}.`);
    await sleep(100);
  }
}
