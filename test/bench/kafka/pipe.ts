import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSecondsOf, peakRssMbOf } from '../process-meter.ts';
import type { Usage } from '../tailrace.ts';
import { TopicReader } from './topic-reader.ts';

/** A process that writes changes to topics, tailrace or Kafka Connect with Debezium. */
export interface Pipe extends AsyncDisposable {
  readonly pid: number;
  /** When it was told to begin, by performance.now(): what came before, such as the start of a JVM, does not count. */
  readonly startedMs: number;
  /** CPU time that it had used until then. */
  readonly cpuSecondsBefore: number;
  /** What it said last. */
  readonly output: string;
  readonly hasEnded: boolean;
}

export interface Broker {
  readonly host: string;
  readonly port: number;
}

/** Fetched in megabytes: the reader's share of the machine is small then. */
const READING = { minBytes: 1 << 20, maxWaitMs: 20 };
const STALLED_MS = 60_000;

/** Until a consumer of committed records has had so many; more is an error, and so is an end of the process. */
export async function measurePipe(pipe: Pipe, broker: Broker, topic: string, count: number): Promise<Usage> {
  using reader = new TopicReader({ ...broker, topic, ...READING });
  let seen = 0;
  let firstMs: number | null = null;
  let progressMs = performance.now();
  while (seen < count) {
    const batches = await reader.next();
    const nowMs = performance.now();
    if (batches.length > 0) {
      for (const batch of batches) seen += batch.count;
      firstMs ??= nowMs;
      progressMs = nowMs;
    } else if (pipe.hasEnded || nowMs - progressMs > STALLED_MS) {
      const what = pipe.hasEnded ? 'ended' : 'stalled';
      throw new Error(`The writer of ${topic} ${what} at ${seen} of ${count} records:\n${pipe.output}`);
    }
  }
  const usage = {
    seconds: (progressMs - pipe.startedMs) / 1000,
    secondsSinceFirst: (progressMs - firstMs!) / 1000,
    cpuSeconds: cpuSecondsOf(pipe.pid) - pipe.cpuSecondsBefore,
    peakRssMb: peakRssMbOf(pipe.pid),
  };
  await sleep(2 * READING.maxWaitMs);
  for (const batch of await reader.next()) seen += batch.count;
  if (seen > count) throw new Error(`${topic} holds ${seen} records, which should be ${count}.`);
  return usage;
}
