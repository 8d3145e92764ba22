import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { TopicDump } from './topic-dump.ts';

/** A record as it came. */
export interface FollowedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

interface Pending {
  readonly resolve: (text: string) => void;
  readonly reject: (error: Error) => void;
  readonly onRecord: (record: FollowedRecord) => void;
}

const OUTPUT_TAIL = 16_000;
const program = join(import.meta.dirname, 'KafkaWitness.java');

/** Kafka's own Java client, that reads as any consumer does and knows nothing of tailrace. */
export class KafkaWitness implements AsyncDisposable {
  readonly #jvm: ChildProcess;
  readonly #pending = new Map<string, Pending>();
  readonly #exited: Promise<void>;
  #output = '';
  #count = 0;

  /** `lib`: a folder with the jars of Kafka. `bootstrap`: `host:port` of brokers. */
  static async start(lib: string, bootstrap: string): Promise<KafkaWitness> {
    const witness = new KafkaWitness(lib, bootstrap);
    await witness.#answer('0');
    return witness;
  }

  private constructor(lib: string, bootstrap: string) {
    const memory = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dlog4j2.level=OFF'];
    this.#jvm = spawn('java', [...memory, '-cp', join(lib, '*'), program, bootstrap], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#jvm.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#output = (this.#output + text).slice(-OUTPUT_TAIL);
    });
    let rest = '';
    this.#jvm.stdout?.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#take(line.split('\t'));
    });
    const killAtExit = (): void => void this.#jvm.kill('SIGKILL');
    process.on('exit', killAtExit);
    this.#exited = new Promise((exited) => {
      const end = (why: string): void => {
        process.off('exit', killAtExit);
        for (const { reject } of this.#pending.values()) reject(new Error(`${why}\n${this.#output}`));
        this.#pending.clear();
        exited();
      };
      this.#jvm.once('error', (error) => end(`java could not be run: ${error.message}`));
      this.#jvm.once('close', (code) => end(`the witness's JVM ended with code ${code}`));
    });
  }

  /** Every record of a topic that may not exist yet, from its beginning on and until the witness ends. */
  follow(topic: string, onRecord: (record: FollowedRecord) => void): void {
    // It settles only with the witness itself.
    this.#ask(['follow', topic], onRecord).catch(() => {});
  }

  /** The topics whose whole name matches, a regular expression of Java. */
  async dump(pattern: string): Promise<TopicDump> {
    const folder = await mkdtemp(join(tmpdir(), 'tailrace-topics-'));
    try {
      const found = await this.#ask(['dump', folder, pattern]);
      const topics = found.split(',').filter((text) => text !== '');
      return new TopicDump(folder, new Map(topics.map((text) => [text.split(':')[0]!, Number(text.split(':')[1])])));
    } catch (error) {
      await rm(folder, { recursive: true });
      throw error;
    }
  }

  /** Until so many brokers are in the cluster and every replica is in sync. */
  async awaitBrokers(brokers: number): Promise<void> {
    await this.#ask(['await', String(brokers)]);
  }

  /** Gives every partition of matching topics another leader; gives how many have one. */
  async moveLeaders(pattern: string): Promise<number> {
    return Number(await this.#ask(['move', pattern]));
  }

  /** Id of the broker that coordinates a producer's transactions. */
  async coordinatorOf(transactionalId: string): Promise<number> {
    return Number(await this.#ask(['coordinator', transactionalId]));
  }

  /** What Java's producer makes of keys: murmur2, then the partition of each of the numbers of partitions. */
  async partitionsOf(keys: readonly Buffer[], counts: readonly number[]): Promise<number[][]> {
    const text = await this.#ask(['partitions', keys.map((key) => key.toString('base64')).join(','), counts.join(',')]);
    return text.split(',').map((line) => line.split(':').map(Number));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#jvm.stdin?.end();
    await this.#exited;
  }

  #ask(fields: readonly string[], onRecord: (record: FollowedRecord) => void = () => {}): Promise<string> {
    const id = String(++this.#count);
    const answer = this.#answer(id, onRecord);
    (this.#jvm.stdin as Writable).write(`${[id, ...fields].join('\t')}\n`);
    return answer;
  }

  #answer(id: string, onRecord: (record: FollowedRecord) => void = () => {}): Promise<string> {
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject, onRecord }));
  }

  #take([id = '', kind, ...fields]: readonly string[]): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (kind === 'record') {
      const [partition, offset, timestampMs, key = '-', value = '-'] = fields;
      pending.onRecord({
        partition: Number(partition),
        offset: Number(offset),
        timestampMs: Number(timestampMs),
        key: bytesOf(key),
        value: bytesOf(value),
      });
      return;
    }
    this.#pending.delete(id);
    if (kind === 'ok') pending.resolve(fields[0] ?? '');
    else pending.reject(new Error(`Kafka's client: ${fields.join(' ')}`));
  }
}

function bytesOf(text: string): Buffer | null {
  return text === '-' ? null : Buffer.from(text, 'base64');
}
