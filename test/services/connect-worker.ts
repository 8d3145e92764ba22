import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../src/cli/demo/postgres-server.ts';
import { fetchJars } from '../oracle/oracle.ts';
import { guard } from './kafka-node.ts';

export interface ConnectWorkerOptions {
  /** `host:port` of brokers. */
  readonly bootstrap: string;
  readonly groupId: string;
  /** Laid over the defaults: JSON without schemas, offsets in `connect-offsets`, flushed each second. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The real Kafka Connect, distributed, with Debezium's connectors for Postgres and MySQL. */
export interface ConnectWorker extends AsyncDisposable {
  /** Creates the connector, or gives it another configuration; resolves when it and its task run. */
  put(name: string, config: Readonly<Record<string, string>>): Promise<void>;
  /** Ends its task in order, which commits its offset, and forgets its configuration, but not its offsets. */
  delete(name: string): Promise<void>;
  /** State of its task, and why it failed. */
  taskState(name: string): Promise<{ readonly state: string; readonly trace: string | null }>;
  /** SIGKILL: nothing is committed any more. */
  kill(): Promise<void>;
  /** After a kill. */
  restart(): Promise<void>;
  /** The last lines that it wrote. */
  log(): string;
}

const host = '127.0.0.1';
const START_WITHIN_MS = 90_000;
const RUNNING_WITHIN_MS = 60_000;
const LOG_TAIL = 64_000;

const defaults: Readonly<Record<string, string>> = {
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'key.converter.schemas.enable': 'false',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter.schemas.enable': 'false',
  'offset.storage.topic': 'connect-offsets',
  'offset.storage.partitions': '5',
  'offset.storage.replication.factor': '1',
  'offset.flush.interval.ms': '1000',
  'config.storage.topic': 'connect-configs',
  'config.storage.replication.factor': '1',
  'status.storage.topic': 'connect-status',
  'status.storage.partitions': '1',
  'status.storage.replication.factor': '1',
  'plugin.discovery': 'only_scan',
  // One that was killed is missed no longer than necessary.
  'session.timeout.ms': '6000',
  'heartbeat.interval.ms': '1000',
  'scheduled.rebalance.max.delay.ms': '0',
};

/** @throws Unavailable where there is no Java 17 or Maven, or the jars cannot be had. */
export async function startConnectWorker(options: ConnectWorkerOptions): Promise<ConnectWorker> {
  const lib = await fetchJars('postgres-mysql');
  const worker = new Worker(lib, await freePort(), options);
  await worker.restart();
  return worker;
}

interface Status {
  readonly connector: { readonly state: string };
  readonly tasks: readonly { readonly state: string; readonly trace?: string }[];
}

class Worker implements ConnectWorker {
  readonly #lib: string;
  readonly #url: string;
  readonly #dir: string;
  #jvm: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #log = '';

  constructor(lib: string, port: number, { bootstrap, groupId, settings }: ConnectWorkerOptions) {
    this.#lib = lib;
    this.#url = `http://${host}:${port}`;
    this.#dir = mkdtempSync(join(tmpdir(), 'tailrace-connect-'));
    const all = { ...defaults, 'bootstrap.servers': bootstrap, 'group.id': groupId, listeners: this.#url, ...settings };
    const lines = Object.entries(all).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(join(this.#dir, 'worker.properties'), lines.join(''));
  }

  log(): string {
    return this.#log;
  }

  async restart(): Promise<void> {
    await this.kill();
    const memory = ['-Xmx768m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Duser.timezone=UTC'];
    const logging = `-Dlog4j2.configurationFile=${join(import.meta.dirname, '..', 'oracle', 'log4j2.xml')}`;
    const program = 'org.apache.kafka.connect.cli.ConnectDistributed';
    const args = [...memory, logging, '-cp', join(this.#lib, '*'), program, join(this.#dir, 'worker.properties')];
    const jvm = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#jvm = jvm;
    for (const stream of [jvm.stdout, jvm.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-LOG_TAIL);
      });
    }
    const ender = jvm.pid === undefined ? null : guard(jvm.pid);
    let failure: string | null = null;
    this.#exited = new Promise((exited) => {
      jvm.once('error', (error) => {
        failure = `java could not be run: ${error.message}`;
        exited();
      });
      jvm.once('close', (code) => {
        failure = `Kafka Connect ended with code ${code}`;
        ender?.kill('SIGKILL');
        if (this.#jvm === jvm) this.#jvm = null;
        exited();
      });
    });
    await this.#until('Kafka Connect is up', START_WITHIN_MS, async () => {
      if (failure !== null) throw new Error(`${failure}\n${this.#log}`);
      // The list is answered once the worker has joined its group and read its topics.
      return (await this.#ask('GET', '/connectors')).status === 200;
    });
  }

  async put(name: string, config: Readonly<Record<string, string>>): Promise<void> {
    await this.#until(`connector ${name} is accepted`, RUNNING_WITHIN_MS, async () => {
      const { status, text } = await this.#ask('PUT', `/connectors/${name}/config`, { name, ...config });
      if (status === 200 || status === 201) return true;
      // While the group changes.
      if (status === 409 || status >= 500 || status === 0) return false;
      throw new Error(`Kafka Connect refused ${name} with ${status}: ${text}`);
    });
    await this.#until(`connector ${name} runs`, RUNNING_WITHIN_MS, async () => {
      const { state, trace } = await this.taskState(name);
      if (state === 'FAILED') throw new Error(`the task of ${name} failed: ${trace}`);
      return state === 'RUNNING';
    });
  }

  async delete(name: string): Promise<void> {
    await this.#until(`connector ${name} is deleted`, RUNNING_WITHIN_MS, async () => {
      const { status } = await this.#ask('DELETE', `/connectors/${name}`);
      return status === 204 || status === 404;
    });
    await this.#until(`connector ${name} is gone`, RUNNING_WITHIN_MS, async () => {
      return (await this.#ask('GET', `/connectors/${name}/status`)).status === 404;
    });
  }

  async taskState(name: string): Promise<{ readonly state: string; readonly trace: string | null }> {
    const { status, text } = await this.#ask('GET', `/connectors/${name}/status`);
    if (status !== 200) return { state: 'UNKNOWN', trace: null };
    const task = (JSON.parse(text) as Status).tasks[0];
    return { state: task?.state ?? 'UNASSIGNED', trace: task?.trace ?? null };
  }

  async kill(): Promise<void> {
    this.#jvm?.kill('SIGKILL');
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** Status 0: nobody answered. */
  async #ask(method: string, path: string, body?: object): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const response = await fetch(this.#url + path, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return { status: 0, text: String(error.cause ?? error) };
    }
  }

  async #until(what: string, withinMs: number, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await isSo())) {
      if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms\n${this.#log}`);
      await sleep(100);
    }
  }
}
