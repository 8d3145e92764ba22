import { type DumpOptions, openDump } from './binlog-dump.ts';

/** Null: what is looked for has not come yet. What it throws ends the dump. */
export type Take<T> = (bytes: Buffer, start: number, end: number) => T | null;

/** Reads a dump until `take` has found something. Rejects with what ended it before, or with the signal's reason. */
export async function readDump<T>(
  options: Omit<DumpOptions, 'onPacket' | 'onError'>,
  take: Take<T>,
  signal: AbortSignal | null = null,
): Promise<T> {
  signal?.throwIfAborted();
  const outcome = Promise.withResolvers<T>();
  let isDone = false;
  const dump = openDump({
    ...options,
    onPacket: (bytes, start, end) => {
      // Events go on coming until the dump is closed.
      const found = isDone ? null : take(bytes, start, end);
      if (found === null) return;
      isDone = true;
      outcome.resolve(found);
    },
    onError: outcome.reject,
  });
  const onAbort = (): void => outcome.reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await outcome.promise;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await dump.close();
  }
}
