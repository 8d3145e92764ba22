import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogRecord } from '../../src/model/record.ts';
import { TailraceChild } from '../crash/child.ts';
import { positionOf } from '../crash/crash-log.ts';
import type { CrashDatabase, CrashServer } from '../crash/database.ts';
import { findRepetitions } from '../crash/kafka/repetitions.ts';
import { Random } from '../crash/random.ts';
import { verifyLog } from '../crash/verify.ts';
import { type ConnectWorker, startConnectWorker } from '../services/connect-worker.ts';
import { type KafkaCluster, startKafkaCluster } from '../services/kafka-cluster.ts';
import { Handovers, type Tenure } from './handovers.ts';
import { OffsetWatch, type Owner } from './offset-watch.ts';

export interface TakeoverOptions {
  readonly startServer: () => Promise<CrashServer>;
  /** Of Debezium and then tailrace. */
  readonly rounds: number;
  readonly seed: number;
  /** Both write records and offset in one transaction. */
  readonly exactlyOnce: boolean;
  /** Every other end of either is a SIGKILL. */
  readonly withKills: boolean;
  /** The other has no turns: what this one does of itself. */
  readonly only?: Owner;
  readonly print: (line: string) => void;
}

export interface TakeoverReport {
  readonly records: number;
  readonly lost: number;
  readonly repeated: number;
  readonly tenures: readonly Tenure[];
  readonly failures: readonly string[];
}

const CONNECTOR = 'takeover';
const PREFIX = 'app';
const GROUP = 'takeover';
const PARTITIONS = 3;
/** How long each reads at least, under load. */
const TENURE_MS = 2_500;
/** Debezium, which flushes its offsets each second, has none any more. */
const QUIET_MS = 4_000;
const PROGRESS_WITHIN_MS = 40_000;

/** Lets Debezium and tailrace read one database by turns, each from where the other has stopped, and compares the topics with the truth. */
export async function alternate(options: TakeoverOptions): Promise<TakeoverReport> {
  await using server = await options.startServer();
  await using cluster = await startKafkaCluster({ nodes: 1 });
  const { witness } = cluster;
  const settings = options.exactlyOnce ? { 'exactly.once.source.support': 'enabled' } : {};
  await using worker = await startConnectWorker({ bootstrap: cluster.bootstrap, groupId: GROUP, settings });
  const key = JSON.stringify([CONNECTOR, { server: PREFIX }]);
  const offsets = new OffsetWatch(witness, { topic: 'connect-offsets', key });
  const { seed } = options;
  const position = async () => positionOf(offsets.stored ?? {});
  const database = await server.createDatabase({ round: 0, seed, connector: CONNECTOR, position, isOrdinary: true });
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-takeover-'));
  try {
    const taking = new Taking({ ...options, cluster, worker, database, offsets, dir, random: new Random(seed) });
    const failures = await taking.run();
    return await judge(cluster, database, { failures, handovers: taking.handovers });
  } finally {
    await database.load.stop();
    await rm(dir, { recursive: true });
  }
}

interface TakingOptions extends TakeoverOptions {
  readonly cluster: KafkaCluster;
  readonly worker: ConnectWorker;
  readonly database: CrashDatabase;
  readonly offsets: OffsetWatch;
  readonly dir: string;
  readonly random: Random;
}

/** What goes wrong while one of the two reads, as opposed to a fault of the test. */
class TakeoverFailure extends Error {}

class Taking {
  readonly #options: TakingOptions;
  readonly handovers = new Handovers();
  readonly #config: Readonly<Record<string, string>>;
  readonly #files: readonly string[];
  #child: TailraceChild | null = null;
  #isWorkerDown = false;

  constructor(options: TakingOptions) {
    this.#options = options;
    this.#config = connectorConfig(options);
    const worker = join(options.dir, 'worker.properties');
    const connector = join(options.dir, 'takeover.json');
    writeFileSync(worker, workerProperties(options), { mode: 0o600 });
    writeFileSync(connector, JSON.stringify({ name: CONNECTOR, config: this.#config }), { mode: 0o600 });
    this.#files = [worker, connector];
  }

  /** What went wrong; nothing is lost by an end in the middle, it is judged all the same. */
  async run(): Promise<string[]> {
    const { rounds, withKills, only, database, print } = this.#options;
    database.load.start();
    try {
      for (let round = 1; round <= rounds; round++) {
        const isLast = round === rounds;
        const kill = withKills && !isLast;
        if (only !== 'tailrace') {
          await this.#debezium({ kill: kill && round % 2 === 0, isLast: isLast && only === 'Debezium' });
        }
        if (only !== 'Debezium') await this.#tailrace({ kill: kill && round % 2 === 1, isLast });
        print(`round ${round}: ${this.handovers.describeLast(only === undefined ? 2 : 1)}`);
      }
      return [];
    } catch (error) {
      if (!(error instanceof TakeoverFailure)) throw error;
      return [error.message];
    } finally {
      await database.load.stop();
      if (this.#child !== null) await this.#child.kill();
    }
  }

  async #debezium({ kill, isLast }: { readonly kill: boolean; readonly isLast: boolean }): Promise<void> {
    const { worker, offsets, database } = this.#options;
    const from = offsets.stored;
    const state = async (): Promise<string | null> => {
      const { state: task, trace } = await worker.taskState(CONNECTOR);
      return task === 'FAILED' ? `Debezium failed: ${trace}` : null;
    };
    // One that was killed takes up its connector by itself.
    if (this.#isWorkerDown) await worker.restart();
    await worker.put(CONNECTOR, this.#config);
    await this.#reads('Debezium', state);
    if (isLast) {
      await database.load.stop();
      // Nothing tells that it has come to the end, but that nothing comes any more.
      await offsets.settled(QUIET_MS);
    }
    this.#isWorkerDown = kill;
    if (kill) await worker.kill();
    else await worker.delete(CONNECTOR);
    await offsets.settled();
    this.handovers.add({ owner: 'Debezium', from, to: offsets.stored, end: kill ? 'killed' : 'stopped' });
  }

  async #tailrace({ kill, isLast }: { readonly kill: boolean; readonly isLast: boolean }): Promise<void> {
    const { offsets, database } = this.#options;
    const from = offsets.stored;
    const child = new TailraceChild(this.#files, null);
    this.#child = child;
    const state = async (): Promise<string | null> =>
      child.exit === null ? null : `tailrace ended with ${child.exit.code ?? child.exit.signal}\n${child.output}`;
    await this.#reads('tailrace', state);
    if (isLast) {
      await database.load.stop();
      await this.#catchUp(state);
    }
    if (kill) await child.kill();
    else {
      const { code, signal } = await child.stop();
      if (code !== 0) throw new TakeoverFailure(`after SIGTERM tailrace ended with ${code ?? signal}\n${child.output}`);
    }
    this.#child = null;
    await offsets.settled();
    this.handovers.add({ owner: 'tailrace', from, to: offsets.stored, end: kill ? 'killed' : 'stopped' });
  }

  /** Until it has stored offsets of its own behind the snapshot, and then for a while under load of every kind. */
  async #reads(owner: Owner, failure: () => Promise<string | null>): Promise<void> {
    const { offsets, database, random } = this.#options;
    const count = offsets.count;
    await this.#until(`${owner} stores offsets`, failure, () => {
      return offsets.owner === owner && offsets.count > count && offsets.isStreaming;
    });
    await database.load.alterTable(random);
    await sleep(TENURE_MS);
    // Its end comes in the midst of it, or soon after.
    await database.load.bigTransaction();
    await sleep(random.integer(0, 800));
    const failed = await failure();
    if (failed !== null) throw new TakeoverFailure(failed);
  }

  async #catchUp(failure: () => Promise<string | null>): Promise<void> {
    const { database, offsets } = this.#options;
    await using delivery = await database.watchDelivery();
    let isDone = false;
    let at = '';
    await this.#until('all is delivered', failure, async () => {
      ({ isDone, position: at } = await delivery.progress(offsets.stored));
      return isDone;
    }).catch((error: Error) => {
      throw new TakeoverFailure(`${error.message}; delivery is at ${at}`);
    });
  }

  async #until(
    what: string,
    failure: () => Promise<string | null>,
    isSo: () => boolean | Promise<boolean>,
  ): Promise<void> {
    const { offsets, worker } = this.#options;
    const deadline = performance.now() + PROGRESS_WITHIN_MS;
    while (!(await isSo())) {
      const failed = await failure();
      if (failed !== null) throw new TakeoverFailure(failed);
      if (performance.now() > deadline) {
        const output = this.#child?.output ?? worker.log();
        const stored = JSON.stringify(offsets.stored);
        throw new TakeoverFailure(`${what}: not within ${PROGRESS_WITHIN_MS} ms; stored is ${stored}\n${output}`);
      }
      await sleep(50);
    }
  }
}

/** Verbatim for both. */
function connectorConfig({ database, cluster, exactlyOnce }: TakingOptions): Record<string, string> {
  const isPostgres = database.config['connector.class']!.includes('Postgres');
  return {
    ...database.config,
    'topic.prefix': PREFIX,
    'decimal.handling.mode': 'string',
    'snapshot.mode': 'initial',
    'topic.creation.default.partitions': String(PARTITIONS),
    'topic.creation.default.replication.factor': '1',
    // Java's producer spreads records without a key, and so would lose their order.
    'topic.creation.groups': 'keyless',
    'topic.creation.keyless.include': '.*\\.audit',
    'topic.creation.keyless.partitions': '1',
    'topic.creation.keyless.replication.factor': '1',
    ...(exactlyOnce ? { 'exactly.once.support': 'required' } : {}),
    ...(isPostgres
      ? { 'plugin.name': 'pgoutput' }
      : {
          'schema.history.internal.kafka.bootstrap.servers': cluster.bootstrap,
          'schema.history.internal.kafka.topic': `${PREFIX}-history`,
        }),
  };
}

function workerProperties({ cluster, exactlyOnce }: TakingOptions): string {
  const worker = {
    'bootstrap.servers': cluster.bootstrap,
    'group.id': GROUP,
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'key.converter.schemas.enable': 'false',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter.schemas.enable': 'false',
    'offset.storage.topic': 'connect-offsets',
    'offset.storage.replication.factor': '1',
    'exactly.once.source.support': exactlyOnce ? 'enabled' : 'disabled',
  };
  return Object.entries(worker)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

async function judge(
  { witness }: KafkaCluster,
  database: CrashDatabase,
  { failures, handovers }: { readonly failures: readonly string[]; readonly handovers: Handovers },
): Promise<TakeoverReport> {
  await using dump = await witness.dump(`\\Q${PREFIX}\\E\\.[^.]+\\.[^.]+`);
  const { repetitions, problems, isRepeated } = findRepetitions(dump);
  const { tenures, excesses } = handovers.judge(dump, repetitions);
  const log = {
    topics: dump.topics,
    *read(topic: string, partition: number): Generator<LogRecord> {
      for (const record of dump.read(topic, partition)) if (!isRepeated(record)) yield record;
    },
    repetitions: {
      records: repetitions.length,
      perRun: [],
      keepsInterruptedSnapshots: true,
      excesses: [...problems, ...excesses],
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const verdict = await verifyLog({ database, log, topicPrefix: PREFIX });
  return {
    records: verdict.records,
    lost: verdict.lost,
    repeated: repetitions.length,
    tenures,
    failures: [...failures, ...verdict.differences],
  };
}
