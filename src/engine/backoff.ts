export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Failures in a row after which there is no other attempt. */
  readonly maxAttempts: number;
  /** In [0, 1): spreads restarts that a common cause made simultaneous. */
  readonly random: () => number;
}

/** Exponential waiting times, doubling from `initialMs` to `maxMs`, each shortened by up to a quarter at random. */
export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Null: the attempts are used up. */
  nextMs(): number | null {
    const { initialMs, maxMs, maxAttempts, random } = this.#options;
    if (this.#attempts >= maxAttempts) return null;
    const full = Math.min(maxMs, initialMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts++;
    return Math.round(full * (1 - random() / 4));
  }

  /** After progress: the next failure is a new one. */
  reset(): void {
    this.#attempts = 0;
  }
}
