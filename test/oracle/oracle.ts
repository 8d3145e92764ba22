import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { ensureDebianPackages, Unavailable } from '../services/debian.ts';

/** One record as it would lie on the topic; every text is the exact bytes, decoded from UTF-8. */
export interface OracleRecord {
  readonly topic: string;
  /** Null: left to the producer's partitioner. */
  readonly partition: number | null;
  readonly key: string | null;
  /** Null: a tombstone. */
  readonly value: string | null;
  readonly headers: readonly { readonly key: string; readonly value: string | null }[];
  /** The source offset that goes with the record, as in Connect's offsets topic. */
  readonly sourceOffset: string;
}

export interface OracleEngineOptions {
  /** Connector properties; offsets are kept in memory unless they name another store. */
  readonly props: Readonly<Record<string, string>>;
  readonly schemasEnable: boolean;
}

export interface OracleEngine {
  /** Grows while the engine runs. */
  readonly records: readonly OracleRecord[];
  /** Settles when the engine has ended, by `stop` or of itself; text of the failure that ended it, or null. */
  readonly ended: Promise<string | null>;
  /**
   * Waits until the records hold what is asked for.
   * @throws Error when the engine fails, or when nothing new comes for `idleMs`.
   */
  waitFor(predicate: (records: readonly OracleRecord[]) => boolean, idleMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface Oracle {
  /** Starts a connector; several may run at a time when their `topic.prefix` differs (their JMX names must). */
  run(options: OracleEngineOptions): OracleEngine;
  /** The last lines of the JVM's log: warnings of all its engines, whose threads are named after their `topic.prefix`. */
  log(): string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A cold start on two busy cores takes some seconds, and a snapshot of nothing is silent. */
const defaultIdleMs = 60_000;
const logTailChars = 64 * 1024;

const here = import.meta.dirname;
const repository = join(here, '..', '..');

/** Whose connectors a JVM holds: MariaDB's are of another release than the others. */
export type OracleKind = 'postgres-mysql' | 'mariadb';

const poms = { 'postgres-mysql': 'pom.xml', mariadb: 'pom-mariadb.xml' } as const satisfies Record<OracleKind, string>;

export function oracleKindOf(family: 'postgres' | 'mysql' | 'mariadb'): OracleKind {
  return family === 'mariadb' ? 'mariadb' : 'postgres-mysql';
}

/**
 * Starts one JVM with the real Debezium in it.
 * @throws Unavailable where there is no Java 17 or Maven and none can be installed, or the jars cannot be had.
 */
export async function startOracle(kind: OracleKind): Promise<Oracle> {
  const lib = await fetchJars(kind);
  const jvm = spawn(
    'java',
    [
      ...['-Xmx768m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dfile.encoding=UTF-8', '-Duser.timezone=UTC'],
      `-Dlog4j2.configurationFile=${join(here, 'log4j2.xml')}`,
      ...['-cp', join(lib, '*'), join(here, 'Oracle.java')],
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const oracle = new OracleProcess(jvm);
  await oracle.ready;
  return oracle;
}

/**
 * The jars of Debezium, and of Kafka Connect with it, in a folder named after their pom's content, so that a changed pom
 * fetches anew.
 * @throws Unavailable where there is no Java 17 or Maven and none can be installed, or the jars cannot be had.
 */
export async function fetchJars(kind: OracleKind): Promise<string> {
  const pom = join(here, poms[kind]);
  ensureDebianPackages(['openjdk-17-jdk-headless'], '/usr/bin/java');
  const folder = join(
    repository,
    '.cache',
    'oracle',
    createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 16),
  );
  if (existsSync(folder)) return folder;
  ensureDebianPackages(['maven'], '/usr/bin/mvn');
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  const args = [
    '-q',
    '-B',
    '-f',
    pom,
    'dependency:copy-dependencies',
    `-DoutputDirectory=${unfinished}`,
    '-DincludeScope=runtime',
  ];
  try {
    await promisify(execFile)('mvn', args);
  } catch (cause) {
    rmSync(unfinished, { recursive: true });
    throw new Unavailable("Debezium's jars could not be fetched from Maven Central", { cause });
  }
  renameSync(unfinished, folder);
  return folder;
}

type Line =
  | { event: 'ready' }
  | { event: 'polling'; id: string }
  | ({ event: 'record'; id: string } & OracleRecord)
  | { event: 'stopped'; id: string; error: string | null };

class OracleProcess implements Oracle {
  readonly ready: Promise<void>;
  readonly #jvm: ChildProcess;
  readonly #engines = new Map<string, EngineState>();
  readonly #exited: Promise<void>;
  #log = '';
  #count = 0;

  constructor(jvm: ChildProcess) {
    this.#jvm = jvm;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    jvm.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-logTailChars);
    });
    // Not node:readline, which also ends lines at U+2028.
    let rest = '';
    jvm.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#take(JSON.parse(line) as Line, resolve);
    });
    const killAtExit = (): void => void jvm.kill('SIGKILL');
    process.on('exit', killAtExit);
    this.#exited = new Promise((exited) => {
      jvm.once('error', reject);
      jvm.once('close', (code) => {
        process.off('exit', killAtExit);
        const reason = `The oracle's JVM ended with code ${code}:\n${this.#log}`;
        reject(new Error(reason));
        for (const [id, engine] of this.#engines) engine.take({ event: 'stopped', id, error: reason });
        exited();
      });
    });
  }

  #take(line: Line, onReady: () => void): void {
    if (line.event === 'ready') onReady();
    else this.#engines.get(line.id)?.take(line);
  }

  run(options: OracleEngineOptions): OracleEngine {
    const id = String(this.#count++);
    const engine = new EngineState(
      (cmd) => this.#send({ cmd, id }),
      () => this.#log,
    );
    this.#engines.set(id, engine);
    const props = { ...embeddedDefaults, ...options.props };
    this.#send({ cmd: 'start', id, props, converter: { 'schemas.enable': String(options.schemasEnable) } });
    return engine;
  }

  log(): string {
    return this.#log;
  }

  #send(command: object): void {
    (this.#jvm.stdin as Writable).write(`${JSON.stringify(command)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#jvm.stdin?.end();
    await this.#exited;
  }
}

/** What the embedded engine needs beside the connector's own properties, and short waits. */
const embeddedDefaults: Readonly<Record<string, string>> = {
  name: 'oracle',
  // Before 3.6 the engine asks for a broker that it never calls.
  'bootstrap.servers': '127.0.0.1:9',
  'offset.storage': 'org.apache.kafka.connect.storage.MemoryOffsetBackingStore',
  'offset.flush.interval.ms': '0',
  'errors.max.retries': '0',
  'poll.interval.ms': '10',
};

class EngineState implements OracleEngine {
  readonly records: OracleRecord[] = [];
  readonly ended: Promise<string | null>;
  readonly #send: (command: 'stop') => void;
  readonly #log: () => string;
  readonly #resolveEnded: (error: string | null) => void;
  #failure: string | null = null;
  #isStopping = false;
  #isEnded = false;
  #wake: () => void = () => {};

  constructor(send: (command: 'stop') => void, log: () => string) {
    this.#send = send;
    this.#log = log;
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.ended = promise;
    this.#resolveEnded = resolve;
  }

  take(line: Exclude<Line, { event: 'ready' }>): void {
    if (line.event === 'record') {
      const { topic, partition, key, value, headers, sourceOffset } = line;
      this.records.push({ topic, partition, key, value, headers, sourceOffset });
    } else if (line.event === 'stopped' && !this.#isEnded) {
      this.#isEnded = true;
      // A record that comes while the engine stops finds its threads gone.
      const isRace = this.#isStopping && line.error?.includes('RejectedExecutionException') === true;
      this.#failure = isRace ? null : line.error;
      this.#resolveEnded(this.#failure);
    }
    this.#wake();
  }

  async waitFor(predicate: (records: readonly OracleRecord[]) => boolean, idleMs = defaultIdleMs): Promise<void> {
    while (!predicate(this.records)) {
      if (this.#isEnded)
        throw new Error(`Debezium ended before the awaited records came: ${this.#failure ?? 'no error'}`);
      const { promise, resolve } = Promise.withResolvers<'woken' | 'idle'>();
      const timer = setTimeout(resolve, idleMs, 'idle');
      this.#wake = () => resolve('woken');
      const outcome = await promise;
      clearTimeout(timer);
      if (outcome === 'idle') {
        throw new Error(
          `Debezium gave ${this.records.length} records and then nothing for ${idleMs} ms:\n${this.#log()}`,
        );
      }
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    if (!this.#isEnded) this.#send('stop');
    await this.ended;
  }
}
