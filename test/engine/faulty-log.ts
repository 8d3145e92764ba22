import { setTimeout as sleep } from 'node:timers/promises';
import type { Append, OffsetStore, ReadRequest, TopicInfo, TopicLog } from '../../src/model/log.ts';
import type { LogRecord } from '../../src/model/record.ts';

/** What happens to one append. */
export type Fault =
  | { readonly kind: 'none' }
  /** Nothing is written. */
  | { readonly kind: 'reject'; readonly error: Error }
  /** All is written, and the caller is told otherwise, as by a connection that dies before the answer. */
  | { readonly kind: 'fail-after-write'; readonly error: Error }
  /** Waits for {@link FaultyLog.release}, then goes on with what it is given. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'slow'; readonly ms: number };

const NONE: Fault = { kind: 'none' };

/** A log whose appends go wrong by a script: one fault an append, in order; appends after its end are left alone. */
export class FaultyLog implements TopicLog {
  readonly #log: TopicLog;
  readonly #script: Fault[];
  readonly #onEvent: (event: string) => void;
  #held: ((fault: Fault) => void) | null = null;
  #waiting: (() => void) | null = null;
  #appends = 0;
  inFlight = 0;
  mostInFlight = 0;

  /** `onEvent` hears of the start and of the end of each append, numbered from 1. */
  constructor(log: TopicLog, script: readonly Fault[] = [], onEvent: (event: string) => void = () => {}) {
    this.#log = log;
    this.#script = [...script];
    this.#onEvent = onEvent;
  }

  get name(): string {
    return this.#log.name;
  }

  get guarantee(): TopicLog['guarantee'] {
    return this.#log.guarantee;
  }

  get offsets(): OffsetStore {
    return this.#log.offsets;
  }

  fence(connector: string): Promise<number> {
    return this.#log.fence(connector);
  }

  partitionsOf(topic: string): number | null {
    return this.#log.partitionsOf(topic);
  }

  async append(append: Append): Promise<void> {
    const number = ++this.#appends;
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    this.#onEvent(`append ${number}`);
    try {
      await this.#faulty(append, this.#script.shift() ?? NONE);
      this.#onEvent(`appended ${number}`);
    } catch (error) {
      this.#onEvent(`failed ${number}`);
      throw error;
    } finally {
      this.inFlight--;
    }
  }

  /** Resolves when an append is being held. */
  async held(): Promise<void> {
    if (this.#held !== null) return;
    await new Promise<void>((wake) => {
      this.#waiting = wake;
    });
  }

  release(fault: Fault = NONE): void {
    const held = this.#held;
    if (held === null) throw new Error('no append is being held');
    this.#held = null;
    held(fault);
  }

  async #faulty(append: Append, fault: Fault): Promise<void> {
    switch (fault.kind) {
      case 'none':
        return this.#log.append(append);
      case 'reject':
        throw fault.error;
      case 'fail-after-write':
        await this.#log.append(append);
        throw fault.error;
      case 'hold': {
        const released = new Promise<Fault>((resolve) => {
          this.#held = resolve;
        });
        this.#waiting?.();
        this.#waiting = null;
        return this.#faulty(append, await released);
      }
      case 'slow':
        await sleep(fault.ms);
        return this.#log.append(append);
      default:
        fault satisfies never;
    }
  }

  topics(): Promise<readonly TopicInfo[]> {
    return this.#log.topics();
  }

  readBatches(request: ReadRequest, signal?: AbortSignal): AsyncIterable<readonly LogRecord[]> {
    return this.#log.readBatches(request, signal);
  }

  read(request: ReadRequest, signal?: AbortSignal): AsyncIterable<LogRecord> {
    return this.#log.read(request, signal);
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}
