import { setTimeout as sleep } from 'node:timers/promises';
import { parseLsn } from '../../../decoders/pgoutput/lsn.ts';
import type { PostgresConfig } from '../../config/postgres.ts';
import type { SlotLag, SlotLagReport, SlotThresholds } from '../../model/status.ts';
import { type ConnectionConfig, withConnection } from './connection.ts';
import { listSlots } from './slots.ts';

export type LagConfig = ConnectionConfig &
  Pick<
    PostgresConfig,
    | 'name'
    | 'slot.name'
    | 'tailrace.lag.retained.bytes.max'
    | 'tailrace.lag.unconfirmed.bytes.max'
    | 'tailrace.lag.ms.max'
  >;

/** Half of Prometheus' usual scrape timeout, so that the rest of a scrape arrives when the server hangs. */
const ANSWER_WITHIN_MS = 5000;
/** A query that has no answer by now will have none: the next one is asked over a new connection. */
const GIVE_UP_AFTER_MS = 15_000;

/** Asks a server what a connector's slot holds back. */
export class LagProbe {
  readonly #config: LagConfig;
  readonly #clock: () => number;
  readonly #clockOfLsns = new LsnClock();
  #running: Promise<SlotLagReport> | null = null;

  constructor(config: LagConfig, clock: () => number) {
    this.#config = config;
    this.#clock = clock;
  }

  /** One query at a time: who asks meanwhile gets the same answer. Does not reject, and waits for a few seconds at most. */
  async read(): Promise<SlotLagReport> {
    this.#running ??= this.#read().finally(() => {
      this.#running = null;
    });
    const late = new AbortController();
    const deadline = sleep(ANSWER_WITHIN_MS, null, { signal: late.signal, ref: false }).catch(() => null);
    const report = await Promise.race([this.#running, deadline]);
    late.abort();
    return report ?? this.#unknown(`the server did not answer within ${ANSWER_WITHIN_MS} ms`);
  }

  async #read(): Promise<SlotLagReport> {
    const config = this.#config;
    try {
      const [slot = null] = await withConnection(
        config,
        'read the replication slot',
        (client) => listSlots(client, config['slot.name']),
        GIVE_UP_AFTER_MS,
      );
      return { ...this.#unknown(null), slot, lagMs: this.#lagMs(slot) };
    } catch (error) {
      return this.#unknown(error instanceof Error ? error.message : String(error));
    }
  }

  #unknown(error: string | null): SlotLagReport {
    const config = this.#config;
    const thresholds: SlotThresholds = {
      retainedBytes: config['tailrace.lag.retained.bytes.max'],
      unconfirmedBytes: config['tailrace.lag.unconfirmed.bytes.max'],
      lagMs: config['tailrace.lag.ms.max'],
    };
    return {
      kind: 'slot',
      connector: config.name,
      slotName: config['slot.name'],
      slot: null,
      lagMs: null,
      thresholds,
      error,
    };
  }

  #lagMs(slot: SlotLag | null): number | null {
    if (slot === null || slot.confirmedFlushLsn === null) return null;
    return this.#clockOfLsns.lagMs(parseLsn(slot.serverLsn), parseLsn(slot.confirmedFlushLsn), this.#clock());
  }
}

/** As many sightings as a scrape every 15 s makes in four hours. */
const MAX_SIGHTINGS = 1000;

/**
 * Turns bytes of lag into time: it remembers when the server was first seen at which LSN. An idle database is never behind, and
 * a reader that stands still falls behind as time passes, which the commit time of the last delivered change cannot tell.
 */
export class LsnClock {
  #sightings: { readonly lsn: number; readonly ms: number }[] = [];

  /** Milliseconds since the server was first seen beyond `confirmedLsn`; 0 when it was not. */
  lagMs(serverLsn: number, confirmedLsn: number, nowMs: number): number {
    this.#sightings.push({ lsn: serverLsn, ms: nowMs });
    this.#sightings = this.#sightings.filter(({ lsn }) => lsn > confirmedLsn);
    if (this.#sightings.length > MAX_SIGHTINGS) {
      // The oldest one is what is measured; every second one of the others will do.
      this.#sightings = this.#sightings.filter((_, index) => index % 2 === 0);
    }
    const [oldest] = this.#sightings;
    return oldest === undefined ? 0 : nowMs - oldest.ms;
  }
}
