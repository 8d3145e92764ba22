import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../src/cli/demo/postgres-server.ts';
import { fetchJars } from '../../oracle/oracle.ts';
import type { TestPostgres } from '../../services/postgres.ts';
import { cpuSecondsOf } from '../process-meter.ts';
import { connectorOf } from '../scene.ts';
import { PUBLICATION } from '../workload.ts';
import type { Broker, Pipe } from './pipe.ts';

/** `plain` and `exactly-once` are tailrace's two ways of delivery. */
export type Engine = 'debezium' | 'plain' | 'exactly-once';

export interface KafkaScene {
  readonly broker: Broker;
  /** Of one partition, as the broker makes those that it is not told about. */
  createTopic(topic: string): Promise<void>;
  deleteTopic(topic: string): Promise<void>;
}

export interface PipeOptions {
  readonly scene: KafkaScene;
  readonly server: TestPostgres;
  readonly database: string;
  /** Of the slot, which exists, and the prefix of topics. */
  readonly name: string;
  /** Arguments for node before tailrace's script. */
  readonly nodeArgs: readonly string[];
}

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));
const JSON_CONVERTER = 'org.apache.kafka.connect.json.JsonConverter';

/** What bin/connect-standalone.sh gives the JVM. */
const JAVA_OPTIONS = [
  ...['-Xms256m', '-Xmx2g', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'],
  ...['-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent', '-Djava.awt.headless=true'],
];

/** Tuned: with its defaults Debezium carries half as much. */
const TUNED_CONNECTOR = { 'max.batch.size': '10240', 'max.queue.size': '40960', 'poll.interval.ms': '50' };
const TUNED_PRODUCER = { 'producer.linger.ms': '20', 'producer.batch.size': '524288' };

/** Starts an engine on a slot; it begins at once. */
export function startPipe(engine: Engine, options: PipeOptions): Promise<Pipe> {
  return engine === 'debezium' ? startDebezium(options) : startTailrace(engine, options);
}

function workerOf({ scene, name }: PipeOptions): Record<string, string> {
  return {
    'bootstrap.servers': `${scene.broker.host}:${scene.broker.port}`,
    'key.converter': JSON_CONVERTER,
    'key.converter.schemas.enable': 'false',
    'value.converter': JSON_CONVERTER,
    'value.converter.schemas.enable': 'false',
    'producer.compression.type': 'lz4',
    'group.id': name,
    'offset.storage.topic': `${name}.offsets`,
    'offset.storage.replication.factor': '1',
  };
}

function connectorConfig({ server, database, name }: PipeOptions): Record<string, string> {
  return {
    ...connectorOf(server, { database, slot: name, publication: PUBLICATION }),
    'plugin.name': 'pgoutput',
    'topic.prefix': name,
    'snapshot.mode': 'no_data',
  };
}

async function startTailrace(engine: 'plain' | 'exactly-once', options: PipeOptions): Promise<Pipe> {
  const worker = {
    ...workerOf(options),
    ...(engine === 'exactly-once' ? { 'exactly.once.source.support': 'enabled' } : {}),
  };
  const child = new PipeProcess();
  const workerFile = child.write('worker.properties', formatProperties(worker));
  const config = { ...connectorConfig(options), 'tailrace.http.listen': 'off' };
  const connectorFile = child.write('connector.json', JSON.stringify({ name: options.name, config }));
  const { nodeArgs } = options;
  child.start(process.execPath, [...nodeArgs, MAIN, 'run', workerFile, connectorFile]);
  return child;
}

/** A worker of Kafka Connect that is given the connector once it is up, which takes seconds that do not count. */
async function startDebezium(options: PipeOptions): Promise<Pipe> {
  const lib = await fetchJars('postgres-mysql');
  const port = await freePort();
  const jvm = new PipeProcess();
  const worker = {
    ...workerOf(options),
    ...TUNED_PRODUCER,
    listeners: `http://127.0.0.1:${port}`,
    'plugin.discovery': 'only_scan',
    'offset.storage.file.filename': join(jvm.folder, 'offsets'),
  };
  const workerFile = jvm.write('worker.properties', formatProperties(worker));
  jvm.start('java', [
    ...JAVA_OPTIONS,
    `-Dlog4j2.configurationFile=${fileURLToPath(new URL('../../oracle/log4j2.xml', import.meta.url))}`,
    ...['-cp', join(lib, '*'), 'org.apache.kafka.connect.cli.ConnectStandalone', workerFile],
  ]);
  try {
    await waitForRest(jvm, `http://127.0.0.1:${port}/`);
    jvm.begin();
    const config = {
      ...connectorConfig(options),
      ...TUNED_CONNECTOR,
    };
    const response = await fetch(`http://127.0.0.1:${port}/connectors`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: options.name, config }),
    });
    if (!response.ok) throw new Error(`Kafka Connect refused the connector: ${await response.text()}`);
    return jvm;
  } catch (error) {
    await jvm[Symbol.asyncDispose]();
    throw error;
  }
}

async function waitForRest(jvm: PipeProcess, url: string): Promise<void> {
  for (;;) {
    if (jvm.hasEnded) throw new Error(`Kafka Connect ended:\n${jvm.output}`);
    const response = await fetch(url).catch(() => null);
    if (response?.ok === true) return;
    await sleep(100);
  }
}

function formatProperties(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

class PipeProcess implements Pipe {
  readonly folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  startedMs = performance.now();
  cpuSecondsBefore = 0;
  output = '';
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#child === null || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The path of a file that goes with the process. */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  start(program: string, args: readonly string[]): void {
    this.startedMs = performance.now();
    const child = spawn(program, args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output = (this.output + text).slice(-4000);
      });
    }
    this.#ended = new Promise((ended, failed) => {
      child.once('error', failed);
      child.once('close', () => {
        process.removeListener('exit', kill);
        ended();
      });
    });
  }

  /** What it did until now is not counted. */
  begin(): void {
    this.startedMs = performance.now();
    this.cpuSecondsBefore = cpuSecondsOf(this.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.kill('SIGTERM');
    await this.#ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
