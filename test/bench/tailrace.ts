import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openSqliteLog, type SqliteLog } from '../../src/logs/sqlite/log.ts';
import { cpuSecondsOf, peakRssMbOf } from './process-meter.ts';

/** As it is installed: built. Running the sources costs a quarter of a second and 20 MB for taking their types away. */
const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** A run that appends nothing for so long will not end. */
const STALLED_MS = 60_000;

/** How often the log is looked at from outside: its share of the time that is measured stays under a thousandth. */
const POLL_MS = 3;

export interface TailraceOptions {
  /** The connector's keys: which database, and what is special about this run. */
  readonly config: Readonly<Record<string, string>>;
  /** Whose records are waited for; those of every topic if it is not given. */
  readonly counts?: (topic: string) => boolean;
  /** Log of an earlier run, to go on with; a fresh one otherwise. */
  readonly logPath?: string;
  /** Arguments for node before the script. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Usage {
  /** Since the process was started. */
  readonly seconds: number;
  /** From the append of the first record on. */
  readonly secondsSinceFirst: number;
  readonly cpuSeconds: number;
  readonly peakRssMb: number;
}

/** One `tailrace run` under measurement, looked at from outside as an operator would: its log and its process. */
export class MeasuredRun {
  readonly dir: string;
  readonly logPath: string;
  readonly #process: ChildProcess;
  readonly #counts: (topic: string) => boolean;
  readonly #startedMs = performance.now();
  readonly #exited: Promise<void>;
  #output = '';
  #log: SqliteLog | null = null;

  constructor(options: TailraceOptions) {
    this.dir = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
    this.#counts = options.counts ?? (() => true);
    this.logPath = options.logPath ?? join(this.dir, 'bench.db');
    const configFile = join(this.dir, 'bench.json');
    writeFileSync(configFile, JSON.stringify(connectorConfig(options.config, this.logPath)), { mode: 0o600 });
    this.#process = spawn(process.execPath, [...(options.nodeArgs ?? []), MAIN, 'run', configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-4000);
      });
    }
    this.#exited = new Promise((resolve) => this.#process.once('close', () => resolve()));
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Records in the log at this moment; 0 before there is one. */
  async records(): Promise<number> {
    try {
      this.#log ??= openSqliteLog({ path: this.logPath, readonly: true });
    } catch {
      return 0;
    }
    const topics = (await this.#log.topics()).filter(({ topic }) => this.#counts(topic));
    return topics.reduce((sum, { partitions }) => sum + partitions.reduce((n, { records }) => n + records, 0), 0);
  }

  /** Until the log holds so many records; more is an error, and so is an end of the process. */
  async until(count: number): Promise<Usage> {
    let seen = await this.records();
    const seenAtStart = seen;
    let firstMs: number | null = null;
    let progressMs = performance.now();
    for (;;) {
      const records = await this.records();
      const nowMs = performance.now();
      if (records > seen) {
        // The first batch counts from its append on, so that what remains is the rate of the others.
        firstMs ??= seenAtStart === 0 ? ((await this.#firstAppendMs()) ?? nowMs) : nowMs;
        seen = records;
        progressMs = nowMs;
      }
      if (records >= count) {
        const usage = {
          seconds: (nowMs - this.#startedMs) / 1000,
          secondsSinceFirst: (nowMs - (firstMs ?? nowMs)) / 1000,
          cpuSeconds: cpuSecondsOf(this.pid),
          peakRssMb: peakRssMbOf(this.pid),
        };
        if (records > count) throw new Error(`The log holds ${records} records, which should be ${count}.`);
        return usage;
      }
      if (this.#process.exitCode !== null || nowMs - progressMs > STALLED_MS) {
        throw new Error(
          `tailrace ${this.#process.exitCode === null ? 'stalled' : 'ended'} at ${records} of ${count} records:\n${this.#output}`,
        );
      }
      await sleep(POLL_MS);
    }
  }

  /** Orderly, so that what the process writes at its end is written. The log stays where it is until {@link remove}. */
  async stop(): Promise<void> {
    await this.#log?.close();
    this.#log = null;
    this.#process.kill('SIGTERM');
    await this.#exited;
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** By the log's own time stamps, which are taken when a batch is encoded. */
  async #firstAppendMs(): Promise<number | null> {
    for (const { topic } of await this.#log!.topics()) {
      if (!this.#counts(topic)) continue;
      for await (const record of this.#log!.read({ topic, partition: 0, from: 0 })) {
        return record.timestampMs - performance.timeOrigin;
      }
    }
    return null;
  }
}

/** Makes the log of a connector whose first run is to begin at this moment. */
export async function bootstrapLog(config: TailraceOptions['config'], logPath: string): Promise<void> {
  const configFile = `${logPath}.json`;
  writeFileSync(configFile, JSON.stringify(connectorConfig(config, logPath)), { mode: 0o600 });
  await promisify(execFile)(process.execPath, [MAIN, 'bootstrap', configFile, '--then', 'exit']);
}

function connectorConfig(config: TailraceOptions['config'], logPath: string): Record<string, string> {
  return {
    name: 'bench',
    'topic.prefix': 'bench',
    'snapshot.mode': 'no_data',
    'key.converter.schemas.enable': 'false',
    'value.converter.schemas.enable': 'false',
    'tailrace.log.path': logPath,
    'tailrace.http.listen': 'off',
    ...config,
  };
}
