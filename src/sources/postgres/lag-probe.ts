import { parseLsn } from '../../../decoders/pgoutput/lsn.ts';
import type { PostgresConfig } from '../../config/postgres.ts';
import type { SlotLag, SlotLagReport, SlotThresholds } from '../../model/status.ts';
import { LagClock } from '../../observe/lag-clock.ts';
import { TimelyAnswer } from '../../observe/timely-answer.ts';
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

/** A query that has no answer by now will have none: the next one is asked over a new connection. */
const GIVE_UP_AFTER_MS = 15_000;

/** Asks a server what a connector's slot holds back. */
export class LagProbe {
  readonly #config: LagConfig;
  readonly #clock: () => number;
  readonly #lsns = new LagClock<number>((lsn, other) => lsn > other);
  readonly #report = new TimelyAnswer(
    () => this.#read(),
    (reason) => this.#unknown(reason),
  );

  constructor(config: LagConfig, clock: () => number) {
    this.#config = config;
    this.#clock = clock;
  }

  /** Does not reject, and waits for a few seconds at most. */
  read(): Promise<SlotLagReport> {
    return this.#report.get();
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
    return this.#lsns.lagMs(parseLsn(slot.serverLsn), parseLsn(slot.confirmedFlushLsn), this.#clock());
  }
}
