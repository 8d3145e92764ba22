import { FrameReader } from '../../../decoders/pgoutput/frame.ts';
import { parseServerReport } from '../../../decoders/pgoutput/server-report.ts';
import type { Wire, WireListener } from './wire.ts';

const COPY_DATA = 0x64; // d
const ERROR = 0x45; // E
const READY = 0x5a; // Z

export interface CopyListener {
  /** A CopyData body. Called while the chunk is read; `bytes` may be kept and changed. */
  onRow(bytes: Buffer, start: number, end: number): void;
  /** The statement succeeded, and the session is ready for another. */
  onDone(): void;
  /** The server's report, a broken connection, or what `onRow` threw. Nothing follows. */
  onError(error: unknown): void;
}

/** COPY ... TO STDOUT by the simple query protocol, statement after statement, on a connection taken over from pg. */
export class CopyStream implements WireListener {
  readonly #frames = new FrameReader();
  readonly #listener: CopyListener;
  #wire: Wire | null = null;
  #failed = false;

  constructor(listener: CopyListener) {
    this.#listener = listener;
  }

  attach(wire: Wire): void {
    this.#wire = wire;
  }

  copy(sql: string): void {
    this.#wire?.query(sql);
  }

  pause(): void {
    this.#wire?.pause();
  }

  resume(): void {
    this.#wire?.resume();
  }

  async close(): Promise<void> {
    this.#failed = true;
    await this.#wire?.close();
  }

  onChunk(chunk: Buffer): void {
    if (this.#failed) return;
    try {
      const frames = this.#frames;
      frames.push(chunk);
      while (frames.next()) {
        if (frames.type === COPY_DATA) this.#listener.onRow(frames.bytes, frames.start, frames.end);
        else if (frames.type === READY) this.#listener.onDone();
        else if (frames.type === ERROR) {
          this.#fail(parseServerReport(frames.bytes, frames.start, frames.end));
          return;
        }
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  onClosed(error: Error | null): void {
    this.#fail(error ?? new Error('Connection terminated by the server'));
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#listener.onError(error);
  }
}
