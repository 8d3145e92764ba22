/** Heartbeats that may be missing: the server sends one whenever it has nothing else to send for that long. */
const MISSED_HEARTBEATS = 3;

export interface WatchdogOptions {
  readonly heartbeatMs: number;
  /** Bytes received so far, or null while nobody listens: then silence says nothing. */
  readonly received: () => number | null;
  readonly onSilence: (silentMs: number) => void;
}

/** Notices a peer that went away without a word, which neither TCP nor the server's limits tell for hours. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  #received: number | null = null;
  #silentMs = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** To be called once every `heartbeatMs`. */
  beat(): void {
    const { heartbeatMs, received, onSilence } = this.#options;
    const now = received();
    const isSilent = now !== null && now === this.#received;
    this.#received = now;
    this.#silentMs = isSilent ? this.#silentMs + heartbeatMs : 0;
    if (this.#silentMs >= MISSED_HEARTBEATS * heartbeatMs) onSilence(this.#silentMs);
  }
}
