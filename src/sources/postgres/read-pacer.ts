/** The reader is behind when a window brings this much: 24 MB/s is far above what live traffic of small rows makes. */
const WINDOW_MS = 4;
const BUSY_BYTES = 96 * 1024;
/** Measured with one-row messages of 150 bytes: 1 ms gathers too little, from 5 ms on the walsender waits for us. */
const PAUSE_MS = 2;
/** libuv reads as much at once: a read that is this long has left something in the kernel's buffer. */
const READ_BYTES = 64 * 1024;

/**
 * The walsender sends every row by itself. A reader that takes each at once costs both sides a system call and a wakeup
 * per row; one that rests for a moment finds them together in the kernel's buffer. So while much comes in, each read that
 * emptied the buffer is followed by a short pause; when little does, as in live traffic, nothing is ever held back.
 */
export class ReadPacer {
  readonly #pause: () => void;
  readonly #resume: () => void;
  #windowStartMs = 0;
  #windowBytes = 0;
  #busy = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(pause: () => void, resume: () => void) {
    this.#pause = pause;
    this.#resume = resume;
  }

  received(bytes: number): void {
    const nowMs = performance.now();
    this.#windowBytes += bytes;
    if (nowMs - this.#windowStartMs >= WINDOW_MS) {
      this.#busy = (this.#windowBytes * WINDOW_MS) / (nowMs - this.#windowStartMs) >= BUSY_BYTES;
      this.#windowStartMs = nowMs;
      this.#windowBytes = 0;
    }
    if (!this.#busy || this.#timer !== null || bytes >= READ_BYTES) return;
    this.#pause();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#resume();
    }, PAUSE_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
