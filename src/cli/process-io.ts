import { once } from 'node:events';
import type { WriteStream } from 'node:tty';
import { Scrubber } from '../observe/scrubber.ts';
import type { CommandIo, Output } from './command-io.ts';

const DEFAULT_COLUMNS = 80;
/** As a shell shows a process that SIGINT ended: 128 + 2. */
const INTERRUPTED_EXIT_CODE = 130;

/** The real world. */
export class ProcessIo implements CommandIo {
  readonly env = process.env;
  readonly clock = Date.now;
  readonly scrubber = new Scrubber();
  readonly stdout: Output;
  readonly stderr: Output;
  #interruption: AbortController | null = null;

  constructor() {
    // `| head` closes our output when it has enough: that is no failure.
    for (const stream of [process.stdout, process.stderr]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EPIPE') process.exit(0);
        throw error;
      });
    }
    this.stdout = new StreamOutput(process.stdout, (text) => text);
    this.stderr = new StreamOutput(process.stderr, (text) => this.scrubber.scrub(text));
  }

  interruption(): AbortSignal {
    if (this.#interruption === null) {
      const controller = new AbortController();
      this.#interruption = controller;
      const onSignal = () => {
        if (controller.signal.aborted) process.exit(INTERRUPTED_EXIT_CODE);
        controller.abort();
      };
      process.on('SIGINT', onSignal);
      process.on('SIGTERM', onSignal);
    }
    return this.#interruption.signal;
  }
}

class StreamOutput implements Output {
  readonly #stream: WriteStream;
  readonly #filter: (text: string) => string;

  constructor(stream: WriteStream, filter: (text: string) => string) {
    this.#stream = stream;
    this.#filter = filter;
  }

  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  get columns(): number {
    // A terminal that does not know its size says 0.
    return this.#stream.columns || DEFAULT_COLUMNS;
  }

  write(text: string): void | Promise<void> {
    if (this.#stream.write(this.#filter(text))) return undefined;
    return once(this.#stream, 'drain').then(() => {});
  }
}
