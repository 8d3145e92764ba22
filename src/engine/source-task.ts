import { TailraceError } from '../model/errors.ts';
import type { SourceOffset, TopicLog } from '../model/log.ts';
import type { Batch, BatchEncoder, EncodedBatch, Source } from '../model/plugin.ts';

/** Called after each durable batch; rows of its changes are no longer valid. `appendMs`: how long the append took. */
export type OnAppended = (batch: Batch, encoded: EncodedBatch, appendMs: number) => void;

export interface SourceTask {
  readonly connector: string;
  /** Generation of the task, from `log.fence`. */
  readonly epoch: number;
  readonly source: Source;
  readonly encoder: BatchEncoder;
  readonly log: Pick<TopicLog, 'append' | 'flush'>;
  readonly from: SourceOffset | null;
  readonly onAppended: OnAppended;
}

/**
 * The one data path: read, encode, append, and only then ack. One append is in flight at most, while the next batch is
 * read and encoded, but for those that a log has accepted to make durable together. Ends when the source ends or the signal
 * aborts, with the last append settled and acked; an error of either side ends it at once and leaves the source's position at
 * the last durable batch.
 */
export async function runSourceTask(task: SourceTask, signal: AbortSignal): Promise<void> {
  const { source, encoder } = task;
  const broken = new AbortController();
  const stopped = AbortSignal.any([signal, broken.signal]);
  let inFlight = Promise.resolve();
  let accepted = inFlight;
  encoder.resume(task.from);
  try {
    for await (const batch of source.read(task.from, stopped)) {
      const prepared = encoder.prepare?.(batch, stopped) ?? null;
      if (prepared !== null && !(await isReady(prepared, stopped))) break;
      const encoded = encoder.encode(batch);
      await accepted;
      [inFlight, accepted] = startAppend(task, batch, encoded);
      // The rejection is thrown where inFlight is awaited; a reader that waits for its server must hear of it before.
      inFlight.catch((error: unknown) => broken.abort(asTailraceError(error)));
    }
  } finally {
    await Promise.all([inFlight, task.log.flush?.()]);
  }
}

/** False: the task was stopped while it waited. */
async function isReady(prepared: Promise<void>, stopped: AbortSignal): Promise<boolean> {
  try {
    await prepared;
    return true;
  } catch (error) {
    if (stopped.aborted) return false;
    throw error;
  }
}

/** An error that nobody has foreseen is an internal one. */
export function asTailraceError(cause: unknown): TailraceError {
  if (cause instanceof TailraceError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new TailraceError('internal', message, { cause });
}

/** When it is durable and acked, and when the next one may begin. */
function startAppend(task: SourceTask, batch: Batch, encoded: EncodedBatch): [Promise<void>, Promise<void>] {
  const { promise: accepted, resolve: onAccepted } = Promise.withResolvers<void>();
  const durable = appendThenAck(task, batch, { encoded, onAccepted });
  const next = Promise.race([accepted, durable]);
  // Thrown where it is awaited.
  next.catch(() => {});
  return [durable, next];
}

/** The only place that acks. */
async function appendThenAck(
  task: SourceTask,
  batch: Batch,
  { encoded, onAccepted: onReleased }: { readonly encoded: EncodedBatch; readonly onAccepted: () => void },
): Promise<void> {
  const { source, log, connector, epoch } = task;
  const startedMs = performance.now();
  let isReleased = false;
  const onAccepted = (): void => {
    if (isReleased) return;
    isReleased = true;
    task.encoder.release(encoded);
    onReleased();
  };
  await log.append({ connector, epoch, partition: source.partition, ...encoded, onAccepted });
  source.ack(encoded.offset);
  onAccepted();
  task.onAppended(batch, encoded, performance.now() - startedMs);
}
