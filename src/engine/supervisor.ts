import { setTimeout as sleep } from 'node:timers/promises';
import type { TailraceError } from '../model/errors.ts';
import type { TopicLog } from '../model/log.ts';
import type { BatchEncoder, Source, SourceStatus } from '../model/plugin.ts';
import type { TaskState, TaskStatus } from '../model/status.ts';
import type { Backoff } from './backoff.ts';
import { asTailraceError, type OnAppended, runSourceTask } from './source-task.ts';

export interface Task {
  readonly source: Source;
  readonly encoder: BatchEncoder;
}

export interface SupervisorOptions {
  readonly connector: string;
  readonly log: TopicLog;
  /** A fresh source and encoder for each start of the task. */
  readonly createTask: () => Task;
  readonly backoff: Backoff;
  /**
   * Milliseconds to wait before another first start, or null to give up. Until a source reads, an error is more
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
  /** The state while the source does not read. */
  #state: TaskState = 'UNASSIGNED';
  /** The source was told to read and has not ended. */
  #isOn = false;
  #error: TailraceError | null = null;
  #failedAttempts = 0;
  /** A source has read, if only to find nothing yet: an idle database gives no batch, and cuts off its readers all the same. */
  #hasRead = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get connector(): string {
    return this.#options.connector;
  }

  status(): TaskStatus {
    const source = this.#source?.status() ?? null;
    const isRunning = this.#isOn && source !== null && hasBegun(source);
    const error = isRunning ? null : this.#error;
    return {
      connector: this.connector,
      task: 0,
      state: isRunning ? 'RUNNING' : this.#state,
      error: error === null ? null : { code: error.code, message: error.message, remedy: error.remedy ?? null },
      failedAttempts: this.#failedAttempts,
      source,
    };
  }

  /** Resolves when the signal aborts or the source has no more to read; rejects with the error that ended the task. */
  async run(signal: AbortSignal): Promise<void> {
    const { onRestart, onAside } = this.#options;
    for (;;) {
      const error = await this.#runOnce(signal);
      if (error === null) return;
      const delayMs = this.#delayMs(error);
      if (delayMs === null) {
        this.#state = 'FAILED';
        throw error;
      }
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

  #delayMs(error: TailraceError): number | null {
    if (error.policy.action === 'fail') return null;
    const { retryStart, backoff } = this.#options;
    return this.#hasRead ? backoff.nextMs() : retryStart(error, this.#failedAttempts);
  }

  /** What the task failed with; null when it ended as it should. */
  async #runOnce(signal: AbortSignal): Promise<TailraceError | null> {
    let source: Source | null = null;
    let failure: TailraceError | null = null;
    try {
      const epoch = await this.#options.log.fence(this.connector);
      const task = this.#options.createTask();
      source = this.#source = task.source;
      await this.#read(task, epoch, signal);
      this.#state = 'STOPPED';
    } catch (cause) {
      failure = this.#noteFailure(cause);
    }
    // Asked before it is closed, which ends its phase.
    if (source !== null && hasBegun(source.status())) this.#hasRead = true;
    this.#isOn = false;
    try {
      await source?.close();
    } catch (cause) {
      if (failure === null) failure = this.#noteFailure(cause);
      else this.#options.onAside(asTailraceError(cause));
    }
    return failure;
  }

  async #read({ source, encoder }: Task, epoch: number, signal: AbortSignal): Promise<void> {
    const { connector, log, backoff, onAppended } = this.#options;
    const from = await log.offsets.get(connector, source.partition);
    this.#isOn = true;
    const noteProgress: OnAppended = (batch, encoded, appendMs) => {
      this.#error = null;
      this.#failedAttempts = 0;
      backoff.reset();
      onAppended(batch, encoded, appendMs);
    };
    await runSourceTask({ connector, epoch, source, encoder, log, from, onAppended: noteProgress }, signal);
  }

  #noteFailure(cause: unknown): TailraceError {
    const error = asTailraceError(cause);
    this.#error = error;
    this.#failedAttempts++;
    // Closing may take a while, and is no time to promise what will not come.
    this.#state = error.policy.action === 'fail' ? 'FAILED' : 'RESTARTING';
    return error;
  }
}

/** It has found its server as it must be, and reads. */
function hasBegun({ phase }: SourceStatus): boolean {
  return phase !== 'starting';
}
