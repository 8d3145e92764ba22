import { openSqliteLog, type SqliteLog } from '../../logs/sqlite/log.ts';
import type { Logger } from '../../observe/logger.ts';
import { CommandFailure } from '../command-failure.ts';
import type { CommandIo } from '../command-io.ts';
import { commandLogger } from '../command-logger.ts';
import type { DemoOptions } from '../demo.ts';
import { compareDelivery, readDelivered } from './delivery.ts';
import { DemoConnector } from './demo-connector.ts';
import { DemoScreen } from './demo-screen.ts';
import { LogView } from './log-view.ts';
import { pause } from './pause.ts';
import { Shop } from './shop.ts';
import { openStage, type Stage } from './stage.ts';

/** Steps of the shop in a bounded pass: some 300 changes, its schema change among them. */
const BOUNDED_STEPS = 60;
/** Between two steps that a person watches. */
const STEP_MS = 1500;
/** The last changes are delivered within milliseconds, unless something is wrong. */
const DELIVERY_DEADLINE_MS = 30_000;
const COUNT_MS = 10;
const SIGNAL_MS = 20;
const INTERRUPTED_EXIT_CODE = 130;

/**
 * A Postgres of its own with a shop, its changes in a log of their own, and at the end the comparison of both. It goes on until
 * Ctrl-C; with `once` it is a bounded pass, in the middle of which the connector is stopped and started again under traffic.
 * Throws CommandFailure when a change is missing, there twice, or out of order.
 */
export async function runDemo(options: DemoOptions, io: CommandIo): Promise<void> {
  const interruption = io.interruption();
  const screen = new DemoScreen(io);
  // What goes well is on the screen already.
  const logLevel = options.logLevel === 'info' ? 'warn' : options.logLevel;
  const logger = commandLogger({ logLevel }, io, screen.block);
  screen.title();
  const startedMs = io.clock();
  let stage: Stage;
  try {
    stage = await openStage();
  } catch (error) {
    // The terminal's Ctrl-C reaches initdb as well, and our own handler only when the event loop has polled.
    await pause(SIGNAL_MS, interruption);
    if (interruption.aborted) throw new CommandFailure(INTERRUPTED_EXIT_CODE);
    throw error;
  }
  try {
    screen.ready('Postgres', `${stage.serverVersion}, started in ${((io.clock() - startedMs) / 1000).toFixed(1)} s`);
    await new Demo(stage, { screen, logger, interruption, clock: io.clock }).run(options.once === true);
  } finally {
    screen.clear();
    await stage.close();
    screen.line('The server is stopped and its folder removed.');
  }
}

interface DemoWorld {
  readonly screen: DemoScreen;
  readonly logger: Logger;
  readonly interruption: AbortSignal;
  readonly clock: () => number;
}

class Demo {
  readonly #stage: Stage;
  readonly #world: DemoWorld;

  constructor(stage: Stage, world: DemoWorld) {
    this.#stage = stage;
    this.#world = world;
  }

  async run(once: boolean): Promise<void> {
    const { screen, interruption } = this.#world;
    const client = await this.#stage.connect();
    const log = openSqliteLog({ path: this.#stage.logPath });
    const copy = openSqliteLog({ path: this.#stage.logPath, readonly: true });
    try {
      const shop = new Shop(client, Math.random);
      await shop.open();
      await this.#play(shop, { log, copy, once });
      screen.clear();
      const verdict = compareDelivery(shop.changes, await readDelivered(copy));
      screen.verdict(verdict);
      if (verdict.differences.length > 0) throw new CommandFailure(1);
      if (once && interruption.aborted) throw new CommandFailure(INTERRUPTED_EXIT_CODE);
    } finally {
      await copy.close();
      await log.close();
      await client.end();
    }
  }

  async #play(shop: Shop, logs: { readonly log: SqliteLog; readonly copy: SqliteLog; once: boolean }): Promise<void> {
    const { screen, logger, clock } = this.#world;
    const { log, copy, once } = logs;
    const connector = new DemoConnector(this.#stage, log, logger);
    const view = new LogView(copy, { screen, clock, lagUrl: `${this.#stage.httpUrl}/lag`, showsChanges: !once });
    await untilOneEnds([
      (signal) => connector.run(signal),
      (signal) => view.runChanges(signal),
      (signal) => view.runStatus(signal),
      (signal) => this.#traffic(shop, { view, connector, once }, signal),
    ]);
  }

  /** The shop's traffic from the end of the snapshot on, and what it takes for the last of it to be delivered. */
  async #traffic(
    shop: Shop,
    { view, connector, once }: { readonly view: LogView; readonly connector: DemoConnector; readonly once: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const { screen, interruption } = this.#world;
    const ended = AbortSignal.any([signal, interruption]);
    await this.#delivered(shop, view, signal);
    screen.ready(
      'Snapshot',
      `${view.count} rows of the shop are in the log; from here on each change as it is committed`,
    );
    screen.ready('HTTP', `${this.#stage.httpUrl}/health  /lag  /metrics`);
    if (!once) screen.hints(this.#stage);
    for (let step = 0; !ended.aborted && (!once || step < BOUNDED_STEPS); step++) {
      await shop.step();
      if (!once) await pause(STEP_MS, ended);
      else if (step === BOUNDED_STEPS / 2) {
        screen.ready('Restart', 'the connector is stopped and started again while the shop goes on');
        connector.restart();
      }
    }
    await this.#delivered(shop, view, signal);
  }

  async #delivered(shop: Shop, view: LogView, signal: AbortSignal): Promise<void> {
    const { clock } = this.#world;
    const deadlineMs = clock() + DELIVERY_DEADLINE_MS;
    while (view.count < shop.changes.length && clock() < deadlineMs && !signal.aborted) await pause(COUNT_MS, signal);
  }
}

/** Runs tasks until one of them ends, then aborts the others; rejects with the first error. */
async function untilOneEnds(tasks: readonly ((signal: AbortSignal) => Promise<void>)[]): Promise<void> {
  const finished = new AbortController();
  const errors: unknown[] = [];
  const guarded = tasks.map(async (task) => {
    try {
      await task(finished.signal);
    } catch (error) {
      errors.push(error);
    } finally {
      finished.abort();
    }
  });
  await Promise.all(guarded);
  if (errors.length > 0) throw errors[0];
}
