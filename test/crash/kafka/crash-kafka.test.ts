import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Unavailable } from '../../services/debian.ts';
import { fetchKafkaJars } from '../../services/kafka.ts';
import { type KafkaCluster, startKafkaCluster } from '../../services/kafka-cluster.ts';
import type { CrashServer } from '../database.ts';
import { runCrashRegime } from '../regime.ts';
import { startServer } from '../start-server.ts';
import { kafkaLogs } from './kafka-log.ts';

const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
/** In the snapshot, and in a big transaction; many more, and faults of brokers, by `npm run test:crash -- --log kafka`. */
const KILLS = 2;
/** A run of the tests has time for one of the two ways. */
const exactlyOnce = seed % 2 === 0;
const promise = exactlyOnce ? 'exactly once' : 'at least once, and twice only what one append held';

/** It has a broker of its own. */
async function whyNoJars(): Promise<string | false> {
  try {
    await fetchKafkaJars();
    return false;
  } catch (error) {
    if (!(error instanceof Unavailable) || process.env.CI === 'true') throw error;
    return error.message;
  }
}

const skip = await whyNoJars();
let cluster: KafkaCluster;
let server: CrashServer;

before(async () => {
  if (skip !== false) return;
  [cluster, server] = await Promise.all([startKafkaCluster({ nodes: 1 }), startServer('postgres', 'gtid')]);
});

after(async () => {
  if (skip !== false) return;
  await Promise.all([cluster[Symbol.asyncDispose](), server[Symbol.asyncDispose]()]);
});

test(`Kafka: every committed change is on the topics ${promise}, whatever is killed`, { skip }, async (t) => {
  const report = await runCrashRegime({
    startServer: async () => ({ ...server, [Symbol.asyncDispose]: async () => {} }),
    startLogs: async () => kafkaLogs(cluster, exactlyOnce),
    kills: KILLS,
    seed,
    prefix: exactlyOnce ? 'once' : 'plain',
    mutant: null,
    print: (line) => t.diagnostic(line),
  });
  t.diagnostic(`seed ${seed}, ${report.records} records, ${report.duplicated} of them twice`);
  assert.deepEqual(report.failures, []);
  assert.equal(report.lost, 0);
  assert.equal(report.kills, KILLS);
  if (exactlyOnce) assert.equal(report.duplicated, 0);
});
