import { setTimeout as sleep } from 'node:timers/promises';
import { TailraceError } from '../model/errors.ts';
import type { TopicLog } from '../model/log.ts';
import type { BatchEncoder, Source } from '../model/plugin.ts';
import type { TaskState, TaskStatus } from '../model/status.ts';
import type { Backoff } from './backoff.ts';
import { type OnAppended, runSourceTask } from './source-task.ts';

export interface SupervisorOptions {
  readonly connector: string;
  readonly log: TopicLog;
  /** A fresh source and encoder for each start of the task. */
  readonly createTask: () => { readonly source: Source; readonly encoder: BatchEncoder };
  readonly backoff: Backoff;
  /**
   * Milliseconds to wait before another first start, or null to give up. Until a batch was read, an error is more
   * likely a wrong configuration than a passing fault, and whoever started the process is waiting to hear of it.
   */
  readonly retryStart: (error: TailraceError, attempt: number) => number | null;
  readonly onAppended: OnAppended;
  /** The task ended with an error and starts again in `delayMs`. */
  readonly onRestart: (error: TailraceError, delayMs: number) => void;
  /**
   * An error that decides nothing and is told here only: closing failed after the task had failed of its own, or a
   * passing fault came while the task was being stopped.
   */
  readonly onAside: (error: TailraceError) => void;
}

/** Keeps one connector's task running: restarts it from its checkpoint after passing faults, stops at lasting ones. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #source: Source | null = null;
  #state: TaskState = 'UNASSIGNED';
  #error: TailraceError | null = null;
  #hasAppended = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get connector(): string {
    return this.#options.connector;
  }

  status(): TaskStatus {
    const error = this.#error;
    return {
      connector: this.connector,
      task: 0,
      state: this.#state,
      error: error === null ? null : { code: error.code, message: error.message, remedy: error.remedy ?? null },
      source: this.#source?.status() ?? null,
    };
  }

  /** Resolves when the signal aborts or the source has no more to read; rejects with the error that ended the task. */
  async run(signal: AbortSignal): Promise<void> {
    const { retryStart, backoff, onRestart, onAside } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#runOnce(signal);
        this.#state = 'STOPPED';
        return;
      } catch (cause) {
        const error = asTailraceError(cause);
        this.#error = error;
        const delayMs = this.#delayMs(error, retryStart, backoff, attempt);
        if (delayMs === null) {
          this.#state = 'FAILED';
          throw error;
        }
        this.#state = 'RESTARTING';
        if (signal.aborted) onAside(error);
        else {
          onRestart(error, delayMs);
          await sleep(delayMs, undefined, { signal }).catch(() => {});
        }
        if (signal.aborted) {
          this.#state = 'STOPPED';
          return;
        }
      }
    }
  }

  #delayMs(
    error: TailraceError,
    retryStart: SupervisorOptions['retryStart'],
    backoff: Backoff,
    attempt: number,
  ): number | null {
    if (error.policy.action === 'fail') return null;
    return this.#hasAppended ? backoff.nextMs() : retryStart(error, attempt);
  }

  async #runOnce(signal: AbortSignal): Promise<void> {
    const { connector, log, createTask, backoff, onAppended, onAside } = this.#options;
    const epoch = await log.fence(connector);
    const { source, encoder } = createTask();
    this.#source = source;
    try {
      const from = await log.offsets.get(connector, source.partition);
      this.#state = 'RUNNING';
      const noteProgress: OnAppended = (batch, encoded, appendMs) => {
        this.#hasAppended = true;
        this.#error = null;
        backoff.reset();
        onAppended(batch, encoded, appendMs);
      };
      await runSourceTask({ connector, epoch, source, encoder, log, from, onAppended: noteProgress }, signal);
    } catch (error) {
      await source.close().catch((cause: unknown) => onAside(asTailraceError(cause)));
      throw error;
    }
    await source.close();
  }
}

function asTailraceError(cause: unknown): TailraceError {
  if (cause instanceof TailraceError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new TailraceError('internal', message, { cause });
}
