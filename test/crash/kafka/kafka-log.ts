import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SourceOffset } from '../../../src/model/log.ts';
import type { LogRecord } from '../../../src/model/record.ts';
import { type KafkaCluster, startKafkaCluster } from '../../services/kafka-cluster.ts';
import type { FollowedRecord } from '../../services/kafka-witness.ts';
import {
  type CrashLog,
  type CrashLogOptions,
  type LogPosition,
  type LogServer,
  NO_POSITION,
  positionOf,
  type WrittenLog,
} from '../crash-log.ts';
import type { LogFault } from '../plan.ts';
import { beyondOneAppend, countPerRun, findRepetitions } from './repetitions.ts';

export interface KafkaLogsOptions {
  readonly brokers: 1 | 3;
  readonly exactlyOnce: boolean;
}

/** More than one, so that the order of a key is kept where the order of a table is not. */
const PARTITIONS = 3;
const GROUP = 'crash';
/** Short, so that a task that stands still for a while finds its transaction ended. */
const TRANSACTION_TIMEOUT_MS = 3_000;
/** A request without an answer is given up after this, so that a silent network is noticed before its end. */
const REQUEST_TIMEOUT_MS = 2_500;
const CUT_MS = 1_200;
const SILENT_MS = 4_000;

/** A cluster for all rounds, whose topics are told apart by their prefix. */
export async function startKafkaLogs({ brokers, exactlyOnce }: KafkaLogsOptions): Promise<LogServer> {
  const cluster = await startKafkaCluster({ nodes: brokers });
  return { ...kafkaLogs(cluster, exactlyOnce), [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
}

/** Logs in a cluster that is another's to end. */
export function kafkaLogs(cluster: KafkaCluster, exactlyOnce: boolean): LogServer {
  const faults: LogFault[] = ['broker killed', 'network cut', 'network silent', 'network reset', 'child frozen'];
  if (cluster.nodes.length > 1) faults.push('leaders moved');
  if (exactlyOnce) faults.push('coordinator killed');
  return {
    faults,
    createLog: async (log) => new KafkaCrashLog(cluster, { ...log, exactlyOnce }),
    [Symbol.asyncDispose]: async () => {},
  };
}

interface KafkaCrashLogOptions extends CrashLogOptions {
  readonly exactlyOnce: boolean;
}

class KafkaCrashLog implements CrashLog {
  readonly workerFiles: readonly string[];
  readonly #cluster: KafkaCluster;
  readonly #options: KafkaCrashLogOptions;
  #position: LogPosition = NO_POSITION;
  #offsets = 0;
  #strikes = 0;

  constructor(cluster: KafkaCluster, options: KafkaCrashLogOptions) {
    this.#cluster = cluster;
    this.#options = options;
    const { dir, connector, topicPrefix, exactlyOnce } = options;
    const worker = {
      'bootstrap.servers': cluster.proxiedBootstrap,
      'group.id': GROUP,
      'offset.storage.topic': `${topicPrefix}-offsets`,
      'offset.storage.partitions': '3',
      'offset.storage.replication.factor': String(cluster.replicas),
      'exactly.once.source.support': exactlyOnce ? 'enabled' : 'disabled',
    };
    const file = join(dir, 'worker.properties');
    const lines = Object.entries(worker).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(file, lines.join(''));
    this.workerFiles = [file];
    const key = JSON.stringify([connector, { server: topicPrefix }]);
    cluster.witness.follow(`${topicPrefix}-offsets`, (record) => this.#take(record, key));
  }

  get config(): Readonly<Record<string, string>> {
    return {
      'topic.creation.default.partitions': String(PARTITIONS),
      'topic.creation.default.replication.factor': String(this.#cluster.replicas),
      'producer.override.request.timeout.ms': String(REQUEST_TIMEOUT_MS),
      'producer.override.transaction.timeout.ms': String(TRANSACTION_TIMEOUT_MS),
      'producer.override.delivery.timeout.ms': '20000',
      'producer.override.compression.type': 'lz4',
    };
  }

  async position(): Promise<LogPosition> {
    return this.#position;
  }

  describe(): string {
    return `${this.#offsets} offsets`;
  }

  async strike(fault: LogFault, freeze: (ms: number) => Promise<void>): Promise<void> {
    const { nodes, proxies, witness } = this.#cluster;
    const { topicPrefix, connector } = this.#options;
    this.#strikes++;
    switch (fault) {
      case 'broker killed':
        return this.#killBroker((this.#strikes % nodes.length) + 1);
      case 'coordinator killed':
        return this.#killBroker(await witness.coordinatorOf(`${GROUP}-${connector}-0`));
      case 'leaders moved':
        await witness.moveLeaders(`\\Q${topicPrefix}\\E.*`);
        return;
      case 'network cut':
        for (const proxy of proxies) proxy.cut();
        await sleep(CUT_MS);
        for (const proxy of proxies) proxy.open();
        return;
      case 'network silent':
        for (const proxy of proxies) proxy.silence();
        await sleep(SILENT_MS);
        for (const proxy of proxies) proxy.open();
        return;
      case 'network reset':
        for (const proxy of proxies) proxy.reset();
        return;
      case 'child frozen':
        return freeze(TRANSACTION_TIMEOUT_MS + 1_500);
      default:
        fault satisfies never;
    }
  }

  async #killBroker(id: number): Promise<void> {
    const { nodes, witness } = this.#cluster;
    const node = nodes.find((candidate) => candidate.id === id);
    if (node === undefined) throw new Error(`there is no broker ${id}`);
    await node.kill();
    await sleep(300);
    await node.start();
    await witness.awaitBrokers(nodes.length);
  }

  /** Only the topics of tables: what a source keeps for itself has no runs to be told by. */
  async open(): Promise<WrittenLog | null> {
    const { topicPrefix, exactlyOnce } = this.#options;
    const dump = await this.#cluster.witness.dump(`\\Q${topicPrefix}\\E\\.[^.]+\\.[^.]+`);
    if (dump.topics.size === 0) return null;
    const { repetitions, problems, isRepeated } = findRepetitions(dump);
    const excesses = [...problems, ...beyondOneAppend(repetitions)];
    if (exactlyOnce && repetitions.length > 0) {
      const { topic, partition, record, run } = repetitions[0]!;
      excesses.push(
        `${repetitions.length} records are there twice, the first in ${topic}:${partition} at offset ${record.offset} by run ${run}`,
      );
    }
    return {
      topics: dump.topics,
      *read(topic, partition): Generator<LogRecord> {
        for (const record of dump.read(topic, partition)) if (!isRepeated(record)) yield record;
      },
      repetitions: {
        records: repetitions.length,
        perRun: countPerRun(repetitions),
        keepsInterruptedSnapshots: true,
        excesses,
      },
      [Symbol.asyncDispose]: () => dump[Symbol.asyncDispose](),
    };
  }

  /** The next round has topics of its own, and the cluster ends with the last. */
  async drop(): Promise<void> {}

  #take({ key, value }: FollowedRecord, wanted: string): void {
    if (key?.toString() !== wanted) return;
    this.#offsets++;
    this.#position = value === null ? NO_POSITION : positionOf(JSON.parse(value.toString()) as SourceOffset);
  }
}
