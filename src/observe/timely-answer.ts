import { setTimeout as sleep } from 'node:timers/promises';

/** Half of Prometheus' usual scrape timeout, so that the rest of a scrape arrives when the server hangs. */
const ANSWER_WITHIN_MS = 5000;

/** What a server is asked for by whoever looks: one question at a time, and nobody waits long. */
export class TimelyAnswer<T> {
  readonly #ask: () => Promise<T>;
  readonly #late: (reason: string) => T;
  #running: Promise<T> | null = null;

  /** `ask` does not reject, and ends by itself some time; `late` is the answer while it takes too long. */
  constructor(ask: () => Promise<T>, late: (reason: string) => T) {
    this.#ask = ask;
    this.#late = late;
  }

  /** Who asks while another waits gets the same answer. Does not reject. */
  async get(): Promise<T> {
    this.#running ??= this.#ask().finally(() => {
      this.#running = null;
    });
    const late = new AbortController();
    const deadline = sleep(ANSWER_WITHIN_MS, null, { signal: late.signal, ref: false }).catch(() => null);
    const answer = await Promise.race([this.#running.then((value) => ({ value })), deadline]);
    late.abort();
    return answer === null ? this.#late(`the server did not answer within ${ANSWER_WITHIN_MS} ms`) : answer.value;
  }
}
