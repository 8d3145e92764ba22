import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface KafkaNodeOptions {
  readonly id: number;
  /** Folder with Kafka's jars. */
  readonly lib: string;
  readonly dir: string;
  /** Where it answers once it is up. */
  readonly port: number;
  /** Of its server.properties. */
  readonly properties: Readonly<Record<string, string>>;
  /** Options of its JVM; those of a short and small life if they are not given. */
  readonly java?: readonly string[];
}

/** The same for every cluster: each is alone on its ports. */
const CLUSTER_ID = 'dGFpbHJhY2UtdGVzdHMtMQ';
const START_WITHIN_MS = 60_000;
const LOG_TAIL = 32_000;

const LOGGING = `<Configuration status="error">
  <Appenders>
    <Console name="out" target="SYSTEM_OUT"><PatternLayout pattern="%d{HH:mm:ss.SSS} %-5p %c{1} %m%n"/></Console>
  </Appenders>
  <Loggers><Root level="warn"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
`;

/** One broker that is its own controller; its ports and its folder outlive its process. */
export class KafkaNode implements AsyncDisposable {
  readonly id: number;
  readonly #options: KafkaNodeOptions;
  #process: ChildProcess | null = null;
  #guard: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #log = '';

  constructor(options: KafkaNodeOptions) {
    this.id = options.id;
    this.#options = options;
    const { dir, properties } = options;
    mkdirSync(dir, { recursive: true });
    const text = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(join(dir, 'server.properties'), text.join(''));
    writeFileSync(join(dir, 'log4j2.xml'), LOGGING);
  }

  /** The last lines that it wrote. */
  get log(): string {
    return this.#log;
  }

  /** Once, before the first start. */
  async format(): Promise<void> {
    const args = ['format', '-t', CLUSTER_ID, '-c', join(this.#options.dir, 'server.properties')];
    await promisify(execFile)('java', [...this.#java(shortLife('128m')), 'kafka.tools.StorageTool', ...args]);
  }

  /** Resolves when it answers on its port, which a broker does once it knows the cluster. */
  async start(): Promise<void> {
    const { dir, port, id } = this.#options;
    this.#log = '';
    // A process group of its own: the terminal's Ctrl-C is for us.
    const java = this.#java(this.#options.java ?? shortLife('384m'));
    const node = spawn('java', [...java, 'kafka.Kafka', join(dir, 'server.properties')], {
      cwd: dir,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = node;
    if (node.pid !== undefined) this.#guard = guard(node.pid);
    for (const stream of [node.stdout, node.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-LOG_TAIL);
      });
      (stream as Socket).unref();
    }
    node.unref();
    let failure: string | null = null;
    this.#exited = new Promise((exited) => {
      node.once('error', (error) => {
        failure = `java could not be run: ${error.message}`;
        exited();
      });
      node.once('close', (code) => {
        failure = `broker ${id} ended with code ${code}`;
        if (this.#process === node) this.#process = null;
        this.#guard?.kill('SIGKILL');
        exited();
      });
    });
    const deadline = performance.now() + START_WITHIN_MS;
    while (!(await answers(port))) {
      if (failure !== null || performance.now() > deadline) {
        throw new Error(`${failure ?? `broker ${id} does not answer`}:\n${this.#log}`);
      }
      await sleep(50);
    }
  }

  /** SIGKILL. What it has written stays. */
  async kill(): Promise<void> {
    const node = this.#process;
    if (node === null) return this.#exited;
    node.ref();
    node.kill('SIGKILL');
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #java(options: readonly string[]): string[] {
    const { lib, dir } = this.#options;
    return [
      ...options,
      '-Djava.awt.headless=true',
      `-Dlog4j2.configurationFile=${join(dir, 'log4j2.xml')}`,
      ...['-cp', join(lib, '*')],
    ];
  }
}

function shortLife(heap: string): string[] {
  return [`-Xmx${heap}`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    return await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

/** Kills a process once ours is gone: a shell that outlives us, also when we end by SIGKILL, as its input is a pipe that only we hold open. */
export function guard(pid: number): ChildProcess {
  const shell = spawn('sh', ['-c', 'read _; kill -KILL "$0"', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  (shell.stdin as Socket | null)?.unref();
  return shell;
}
