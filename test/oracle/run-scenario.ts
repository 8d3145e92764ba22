import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDebianPackages } from '../services/debian.ts';
import { openMysqlStage } from './mysql-stage.ts';
import type { OracleEngine, OracleEngineOptions, OracleRecord } from './oracle.ts';
import { openPostgresStage } from './postgres-stage.ts';
import type { Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';

/** Starts a connector: `oracle.run`, or tailrace's own likeness of it. */
export type StartConnector = (options: OracleEngineOptions) => OracleEngine;

/** What one connector made of a scenario. */
export interface ScenarioOutcome {
  readonly records: readonly OracleRecord[];
  /** The error that ended the connector, if one did. */
  readonly failure: string | null;
}

const pollMs = 20;
/** A snapshot has some seconds' work at most; cold code on two busy cores is slow. */
const startDeadlineMs = 60_000;

/**
 * Plays a scenario on a database of its own before all the given connectors at once, and gives what each published, in
 * the order of `connectors`.
 */
export async function runScenario(
  scenario: Scenario,
  connectors: Readonly<Record<string, StartConnector>>,
): Promise<Record<string, ScenarioOutcome>> {
  for (const need of scenario.needs) ensureDebianPackages([need.package], need.file);
  await using stage = await openStage(scenario);
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-scenario-'));
  const watchers: Watcher[] = [];
  try {
    for (const [name, start] of Object.entries(connectors)) {
      const props = await stage.propertiesOf(name, folder);
      watchers.push(new Watcher({ stage, name, start, props, schemasEnable: scenario.schemasEnable }));
    }
    for (const section of scenario.sections) {
      if (section.kind === 'stream') await startAll(stage, watchers);
      if (section.kind === 'stopped') await Promise.all(watchers.map((watcher) => watcher.stop()));
      for (const group of section.groups) {
        for (const statement of group) await execute(scenario, stage, statement);
        if (section.kind !== 'stream') continue;
        const marker = await stage.emitMarker();
        await Promise.all(watchers.map((watcher) => watcher.catchUp(marker)));
      }
    }
  } finally {
    await Promise.all(watchers.map((watcher) => watcher.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
  return Object.fromEntries(watchers.map((watcher) => [watcher.name, watcher.outcome()]));
}

function openStage(scenario: Scenario): Promise<Stage> {
  return scenario.server.family === 'postgres' ? openPostgresStage(scenario) : openMysqlStage(scenario);
}

async function execute(scenario: Scenario, stage: Stage, statement: string): Promise<void> {
  try {
    await stage.execute(statement);
  } catch (cause) {
    throw new Error(`${scenario.name}: ${(cause as Error).message}, in: ${statement}`, { cause });
  }
}

/** Returns once the server streams to each connector that has not ended. */
async function startAll(stage: Stage, watchers: readonly Watcher[]): Promise<void> {
  const starting = watchers.filter((watcher) => watcher.begin());
  const deadline = Date.now() + startDeadlineMs;
  for (let waiting = starting; waiting.length > 0; ) {
    // One question for all of them: each takes the server about as long as a scenario's statement.
    const streaming = await stage.streaming();
    waiting = waiting.filter((watcher) => !watcher.hasStarted(streaming));
    if (waiting.length === 0) return;
    if (Date.now() > deadline) {
      const names = waiting.map(({ name }) => name).join(' and ');
      throw new Error(`The server did not stream to ${names} within ${startDeadlineMs} ms`);
    }
    await new Promise((wake) => setTimeout(wake, pollMs));
  }
}

interface WatcherOptions {
  readonly stage: Stage;
  readonly name: string;
  readonly start: StartConnector;
  readonly props: Readonly<Record<string, string>>;
  readonly schemasEnable: boolean;
}

class Watcher {
  readonly #options: WatcherOptions;
  readonly #earlier: OracleRecord[] = [];
  #engine: OracleEngine | null = null;
  #failure: string | null = null;
  #hasEnded = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** False: it runs already. */
  begin(): boolean {
    if (this.#engine !== null) return false;
    const { start, props, schemasEnable } = this.#options;
    const engine = start({ props, schemasEnable });
    this.#engine = engine;
    this.#hasEnded = false;
    engine.ended.then((failure) => {
      this.#hasEnded = true;
      this.#failure ??= failure;
    });
    return true;
  }

  /** Told whom the server streams to: whether it is one of them, or has ended, or done all that it was to do. */
  hasStarted(streaming: ReadonlySet<string>): boolean {
    if (this.#hasEnded || streaming.has(this.name)) return true;
    return this.#isSnapshotOnly() && this.#engine?.records.some(isLastOfSnapshot) === true;
  }

  /** Returns once the connector has published the marker, and so everything before it, or has ended. */
  async catchUp(marker: string): Promise<void> {
    const engine = this.#engine;
    if (engine === null || this.#failure !== null) return;
    if (this.#isSnapshotOnly()) return this.#catchUpWithSnapshot(engine);
    const caughtUp = engine.waitFor(
      (records) => records.findLast((record) => record.key?.includes(marker)) !== undefined,
    );
    const outcome = await Promise.race([
      caughtUp.then(
        () => null,
        (error: Error) => error,
      ),
      engine.ended,
    ]);
    if (outcome instanceof Error && this.#failure === null) throw outcome;
  }

  #isSnapshotOnly(): boolean {
    return this.#options.props['snapshot.mode'] === 'initial_only';
  }

  async #catchUpWithSnapshot(engine: OracleEngine): Promise<void> {
    await Promise.race([engine.waitFor((records) => records.some(isLastOfSnapshot)), engine.ended]);
  }

  async stop(): Promise<void> {
    const engine = this.#engine;
    if (engine === null) return;
    this.#engine = null;
    await engine.stop();
    this.#earlier.push(...engine.records);
  }

  outcome(): ScenarioOutcome {
    const records = this.#options.stage.ownRecords(this.#earlier);
    return { records, failure: this.#failure };
  }
}

function isLastOfSnapshot({ value }: OracleRecord): boolean {
  return value?.includes('"snapshot":"last"') ?? false;
}
