import { setTimeout as sleep } from 'node:timers/promises';
import { retryUntil } from './retry.ts';

/** For requests of the reading side, which change nothing. */
export interface Retries {
  /** How long it is tried. */
  readonly timeoutMs: number;
  /** Before the second attempt. */
  readonly backoffMs: number;
}

/** Does again what may go well a moment later, until it has taken too long or the signal aborts: then with the last error. */
export function withRetries<T>(
  { timeoutMs, backoffMs }: Retries,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const onRetry = (error: Error): void => {
    if (signal?.aborted === true) throw error;
  };
  return retryUntil({ deadlineMs: performance.now() + timeoutMs, backoffMs, onRetry }, work);
}

/** Ends at once when the signal aborts. */
export async function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    if (signal?.aborted !== true) throw error;
  });
}
