/** As many sightings as a scrape every 15 s makes in four hours. */
const MAX_SIGHTINGS = 1000;

/**
 * Turns lag in a database's log into time: it remembers when the server was first seen at which position. An idle database is
 * never behind, and a reader that stands still falls behind as time passes, which the time of the last delivered change cannot
 * tell.
 */
export class LagClock<P> {
  readonly #isBeyond: (position: P, other: P) => boolean;
  #sightings: { readonly at: P; readonly ms: number }[] = [];

  constructor(isBeyond: (position: P, other: P) => boolean) {
    this.#isBeyond = isBeyond;
  }

  /** Milliseconds since the server was first seen beyond `delivered`; 0 when it was not. */
  lagMs(server: P, delivered: P, nowMs: number): number {
    this.#sightings.push({ at: server, ms: nowMs });
    const first = this.#sightings.findIndex(({ at }) => this.#isBeyond(at, delivered));
    this.#sightings = first === -1 ? [] : this.#sightings.slice(first);
    if (this.#sightings.length > MAX_SIGHTINGS) {
      // The oldest one is what is measured; every second one of the others will do.
      this.#sightings = this.#sightings.filter((_, index) => index % 2 === 0);
    }
    const [oldest] = this.#sightings;
    return oldest === undefined ? 0 : nowMs - oldest.ms;
  }
}
