import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaRequestError } from './request-error.ts';

/**
 * The transaction before is being finished, which takes the brokers a few milliseconds after almost every commit: kafkajs'
 * 300 ms would be the most of a transaction's time.
 */
const CONCURRENT_FIRST_MS = 1;
const CONCURRENT_MOST_MS = 50;
const GROWTH = 1.5;
/** As `retry.backoff.max.ms` of Java's client. */
const MOST_MS = 1000;

/** How long to wait before the next attempt, growing with each. */
export class Backoff {
  #concurrentMs = CONCURRENT_FIRST_MS;
  #otherMs: number;

  constructor(firstMs: number) {
    this.#otherMs = Math.max(1, firstMs);
  }

  /** @throws the error, when the deadline (of performance.now()) comes before the next attempt would */
  async wait(error: KafkaRequestError, deadlineMs: number): Promise<void> {
    const waitMs = error.type === 'CONCURRENT_TRANSACTIONS' ? this.#concurrentMs : this.#otherMs;
    if (performance.now() + waitMs > deadlineMs) throw error;
    if (error.type === 'CONCURRENT_TRANSACTIONS') {
      this.#concurrentMs = Math.min(CONCURRENT_MOST_MS, GROWTH * this.#concurrentMs);
    } else {
      this.#otherMs = Math.min(MOST_MS, 2 * this.#otherMs);
    }
    await sleep(waitMs);
  }
}

export interface RetryOptions {
  /** Of performance.now(). */
  readonly deadlineMs: number;
  readonly backoffMs: number;
  /** Before each further attempt: what turned out to be wrong is to be asked for again. */
  readonly onRetry: (error: KafkaRequestError) => void;
}

/** Tries until it goes well, fails for good, or the deadline comes: then with the error of the last attempt. */
export async function retryUntil<T>(options: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  const backoff = new Backoff(options.backoffMs);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof KafkaRequestError) || !error.isRetriable) throw error;
      options.onRetry(error);
      await backoff.wait(error, options.deadlineMs);
    }
  }
}
