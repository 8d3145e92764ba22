import type { SourceOffset } from '../../src/model/log.ts';
import type { Batch, BatchEncoder, EncodedBatch, Source, SourceStatus } from '../../src/model/plugin.ts';
import { encodeRecords, SERVER } from '../logs/sqlite/log-fixture.ts';

export const TOPIC = 'numbers';

/** What its consumer finds in order: a batch by its number, an error, nothing for now, or nothing more to come until it is told to end. */
export type Scripted = number | Error | 'idle' | 'wait';

/**
 * A source of numbered batches, one record each. One that begins with an error could not connect. Like a real one it waits for its server until the signal aborts, and
 * hands out batches only while the signal does not.
 */
export class ScriptedSource implements Source {
  readonly partition = SERVER;
  readonly sourceBlock = null as never;
  readonly acked: number[] = [];
  from: SourceOffset | null = null;
  /** Why its consumer wanted no more. */
  endedBy: unknown = null;
  isClosed = false;
  #phase: SourceStatus['phase'] = 'starting';
  readonly #script: readonly Scripted[];
  readonly #onEvent: (event: string) => void;
  /** What closing it fails with. */
  readonly #closing: Error | null;

  constructor(script: readonly Scripted[], onEvent: (event: string) => void = () => {}, closing: Error | null = null) {
    this.#script = script;
    this.#onEvent = onEvent;
    this.#closing = closing;
  }

  async *read(from: SourceOffset | null, signal: AbortSignal): AsyncGenerator<Batch> {
    this.from = from;
    signal.addEventListener('abort', () => {
      this.endedBy = signal.reason;
    });
    if (!(this.#script[0] instanceof Error)) this.#phase = 'streaming';
    for (const next of this.#script) {
      if (signal.aborted) return;
      if (next === 'wait') {
        this.#onEvent('wait');
        if (signal.aborted) return;
        await new Promise<void>((wake) => signal.addEventListener('abort', () => wake(), { once: true }));
        return;
      }
      // Whatever comes takes a turn of the event loop.
      await new Promise((wake) => setImmediate(wake));
      if (next === 'idle') continue;
      if (next instanceof Error) {
        this.#onEvent('error');
        throw next;
      }
      this.#onEvent(`read ${next}`);
      yield { changes: [], offset: { lsn: next }, bytes: 1 };
    }
  }

  ack(offset: SourceOffset): void {
    this.#onEvent(`ack ${offset.lsn}`);
    this.acked.push(Number(offset.lsn));
  }

  mapping(): never {
    throw new Error('a scripted source has no tables');
  }

  status(): SourceStatus {
    return { phase: this.#phase, snapshot: null };
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.#phase = 'stopped';
    this.#onEvent('close');
    if (this.#closing !== null) throw this.#closing;
  }
}

/** Encodes a batch as one record with its number, into one buffer that is used again as soon as it is released. */
export class NumberEncoder implements BatchEncoder {
  resumedFrom: SourceOffset | null | undefined;
  readonly #onEvent: (event: string) => void;
  /** Throws instead of encoding this batch. */
  readonly #fails: number | null;

  constructor(onEvent: (event: string) => void = () => {}, fails: number | null = null) {
    this.#onEvent = onEvent;
    this.#fails = fails;
  }

  resume(from: SourceOffset | null): void {
    this.resumedFrom = from;
  }

  encode({ offset }: Batch): EncodedBatch {
    this.#onEvent(`encode ${offset.lsn}`);
    if (offset.lsn === this.#fails) throw new Error(`batch ${offset.lsn} cannot be encoded`);
    return { records: [encodeRecords(TOPIC, [{ key: null, value: String(offset.lsn) }])], offset, timestampMs: 1 };
  }

  release({ records, offset }: EncodedBatch): void {
    this.#onEvent(`release ${offset.lsn}`);
    for (const { bytes } of records) bytes.fill('x');
  }
}
