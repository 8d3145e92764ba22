import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../src/cli/demo/postgres-server.ts';
import { ensureDebianPackages, Unavailable } from './debian.ts';
import { KafkaNode } from './kafka-node.ts';
import { adopt, cacheFolder } from './unpacked-debian.ts';

export type ListenerProtocol = 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';

export interface TestKafkaOptions {
  /** Laid over the defaults, by the names of server.properties; `listener.name.<name>.<key>` for one of `listeners`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Beside the plaintext one, by name (capital letters): `{ SECURE: 'SASL_SSL' }`. */
  readonly listeners?: Readonly<Record<string, ListenerProtocol>>;
  /** Options of its JVM; those of a short and small life if they are not given. */
  readonly java?: readonly string[];
}

/** One broker that is its own controller, that this process started and will end. */
export interface TestKafka extends AsyncDisposable {
  /** `host:port` of the plaintext listener. */
  readonly bootstrap: string;
  /** The same, for the test runner. */
  readonly url: string;
  /** `host:port` of each of `options.listeners`, by name. */
  readonly listeners: Readonly<Record<string, string>>;
  /** Where its files lie; keys and truststores for it may be put there. */
  readonly dir: string;
  /** The last lines that it wrote. */
  log(): string;
  /** Runs one of Kafka's own tools to its end, `org.apache.kafka.tools.TopicCommand` and the like. @throws Error with what it wrote */
  tool(mainClass: string, ...args: string[]): Promise<string>;
  /** SIGKILL. What it has written stays. */
  kill(): Promise<void>;
  /** After a kill. */
  start(): Promise<void>;
}

const host = '127.0.0.1';
const pom = join(import.meta.dirname, 'kafka', 'pom.xml');

const defaults: Readonly<Record<string, string>> = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAIN',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '4',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'group.initial.rebalance.delay.ms': '0',
};

/**
 * Starts Kafka in KRaft mode on free ports; about 5 s. It ends with this process, however that ends.
 * @throws Unavailable where there is no Java 17 or Maven, or the jars cannot be had.
 */
export async function startKafka(options: TestKafkaOptions = {}): Promise<TestKafka> {
  const lib = await fetchKafkaJars();
  await using started = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-kafka-'));
  started.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  const extra = Object.entries(options.listeners ?? {});
  const protocols: Record<string, string> = { PLAIN: 'PLAINTEXT', CONTROLLER: 'PLAINTEXT', ...options.listeners };
  const addresses: Record<string, string> = {};
  for (const name of Object.keys(protocols)) addresses[name] = `${host}:${await freePort()}`;
  const listed = (names: readonly string[]): string => names.map((name) => `${name}://${addresses[name]}`).join(',');
  const clients = ['PLAIN', ...extra.map(([name]) => name)];
  const node = started.use(
    new KafkaNode({
      id: 1,
      lib,
      dir,
      port: Number(addresses.PLAIN!.split(':')[1]),
      properties: {
        ...defaults,
        'controller.quorum.voters': `1@${addresses.CONTROLLER}`,
        listeners: listed([...clients, 'CONTROLLER']),
        'advertised.listeners': listed(clients),
        'listener.security.protocol.map': Object.entries(protocols)
          .map(([name, protocol]) => `${name}:${protocol}`)
          .join(','),
        'log.dirs': join(dir, 'data'),
        ...options.settings,
      },
      ...(options.java === undefined ? {} : { java: options.java }),
    }),
  );
  await node.format();
  await node.start();
  const owned = started.move();
  const bootstrap = addresses.PLAIN!;
  return {
    bootstrap,
    url: bootstrap,
    listeners: Object.fromEntries(extra.map(([name]) => [name, addresses[name]!])),
    dir,
    log: () => node.log,
    tool: (mainClass, ...args) => runKafkaTool(lib, mainClass, ...args),
    kill: () => node.kill(),
    start: () => node.start(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What one of Kafka's own tools writes to its standard output. @throws Error with what it wrote */
export async function runKafkaTool(lib: string, mainClass: string, ...args: string[]): Promise<string> {
  const jvm = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dfile.encoding=UTF-8'];
  const { stdout } = await promisify(execFile)('java', [...jvm, '-cp', join(lib, '*'), mainClass, ...args], {
    maxBuffer: 1 << 28,
  });
  return stdout;
}

/**
 * The jars of Kafka and its tools, in a folder of the machine's cache that is named after the content of the pom.
 * @throws Unavailable where there is no Java 17 or Maven and none can be installed, or the jars cannot be had.
 */
export async function fetchKafkaJars(): Promise<string> {
  ensureDebianPackages(['openjdk-17-jdk-headless'], '/usr/bin/java');
  const version = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 16);
  const folder = join(cacheFolder(), `kafka-${version}`);
  if (existsSync(folder)) return folder;
  ensureDebianPackages(['maven'], '/usr/bin/mvn');
  // Another process may fetch the same: the first to finish gives its folder the name.
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`, '-DincludeScope=runtime'];
  try {
    await promisify(execFile)('mvn', ['-q', '-B', '-f', pom, ...goal]);
    adopt(unfinished, folder);
  } catch (cause) {
    throw new Unavailable("Kafka's jars could not be fetched from Maven Central", { cause });
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}
