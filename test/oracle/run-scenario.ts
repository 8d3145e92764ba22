import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QueryResult } from 'pg';
import { ensureDebianPackages } from '../services/debian.ts';
import { type TestDatabase, useDatabase } from '../services/shared.ts';
import type { OracleEngine, OracleEngineOptions, OracleRecord } from './oracle.ts';
import type { Scenario } from './scenario.ts';

/** Starts a connector: `oracle.run`, or tailrace's own likeness of it. */
export type StartConnector = (options: OracleEngineOptions) => OracleEngine;

/** What one connector made of a scenario. */
export interface ScenarioOutcome {
  readonly records: readonly OracleRecord[];
  /** The error that ended the connector, if one did. */
  readonly failure: string | null;
}

/** Prefixes of the logical messages that tell how far a connector has come; their records are not part of an outcome. */
const markerPrefix = 'tailrace-marker-';
const pollMs = 20;
/** A snapshot has some seconds' work at most; cold code on two busy cores is slow. */
const startDeadlineMs = 60_000;

/**
 * Plays a scenario on a database of its own before all the given connectors at once, each with a slot and a publication
 * of its own, and gives what each published, in the order of `connectors`.
 */
export async function runScenario(
  scenario: Scenario,
  connectors: Readonly<Record<string, StartConnector>>,
): Promise<Record<string, ScenarioOutcome>> {
  for (const need of scenario.needs) ensureDebianPackages([need.package], need.file);
  await using database = await useDatabase(undefined, { version: scenario.version });
  // The watchers share a connection, which takes one query at a time.
  let last: Promise<unknown> = Promise.resolve();
  const query: Query = (sql, values) => {
    const result = last.then(() => database.client.query(sql, values));
    last = result.catch(() => {});
    return result;
  };
  const offsets = mkdtempSync(join(tmpdir(), 'tailrace-scenario-'));
  const watchers = Object.entries(connectors).map(
    ([name, start]) =>
      new Watcher(start, propertiesFor(scenario, database, name, offsets), scenario.schemasEnable, query),
  );
  try {
    for (const section of scenario.sections) {
      if (section.kind === 'stream') await Promise.all(watchers.map((watcher) => watcher.start()));
      if (section.kind === 'stopped') await Promise.all(watchers.map((watcher) => watcher.stop()));
      for (const group of section.groups) {
        for (const statement of group) await execute(scenario, database, statement);
        if (section.kind !== 'stream') continue;
        const marker = await emitMarker(query);
        await Promise.all(watchers.map((watcher) => watcher.catchUp(marker)));
      }
    }
    await Promise.all(watchers.map((watcher) => watcher.stop()));
  } finally {
    await Promise.all(watchers.map((watcher) => watcher.stop()));
    rmSync(offsets, { recursive: true, force: true });
  }
  return Object.fromEntries(Object.keys(connectors).map((name, index) => [name, watchers[index]!.outcome()]));
}

/** One message that all the connectors see: each moves the positions that the next records tell. */
async function emitMarker(query: Query): Promise<string> {
  const marker = `${markerPrefix}${randomUUID()}`;
  await query(`SELECT pg_logical_emit_message(false, $1, '')`, [marker]);
  // A message alone waits for the WAL writer; a commit flushes it.
  await query('SELECT pg_current_xact_id()');
  return marker;
}

async function execute(scenario: Scenario, database: TestDatabase, statement: string): Promise<void> {
  try {
    await database.client.query(statement);
  } catch (cause) {
    throw new Error(`${scenario.name}: ${(cause as Error).message}, in: ${statement}`, { cause });
  }
}

function propertiesFor(
  scenario: Scenario,
  database: TestDatabase,
  name: string,
  offsets: string,
): Record<string, string> {
  const url = new URL(database.url);
  const config = { ...scenario.config };
  const messages = config['message.prefix.include.list'];
  if (messages !== undefined) config['message.prefix.include.list'] = `${messages},${markerPrefix}.*`;
  return {
    'database.hostname': url.hostname,
    'database.port': url.port,
    'database.user': url.username,
    'database.password': url.password,
    'database.dbname': database.name,
    'plugin.name': 'pgoutput',
    // Engines in one JVM need different ones.
    'topic.prefix': scenario.name.replaceAll(/[^A-Za-z0-9]+/g, '_'),
    'slot.name': `${database.name}_${name}`,
    'publication.name': `${name}_publication`,
    'offset.storage': 'org.apache.kafka.connect.storage.FileOffsetBackingStore',
    'offset.storage.file.filename': join(offsets, name),
    ...config,
  };
}

type Query = (sql: string, values?: string[]) => Promise<QueryResult>;

class Watcher {
  readonly #start: StartConnector;
  readonly #props: Readonly<Record<string, string>>;
  readonly #schemasEnable: boolean;
  readonly #query: Query;
  readonly #earlier: OracleRecord[] = [];
  #engine: OracleEngine | null = null;
  #failure: string | null = null;

  constructor(start: StartConnector, props: Readonly<Record<string, string>>, schemasEnable: boolean, query: Query) {
    this.#start = start;
    this.#props = props;
    this.#schemasEnable = schemasEnable;
    this.#query = query;
  }

  /** Returns once the server streams to the connector, or the connector has ended. */
  async start(): Promise<void> {
    if (this.#engine !== null) return;
    const engine = this.#start({ props: this.#props, schemasEnable: this.#schemasEnable });
    this.#engine = engine;
    let isEnded = false;
    engine.ended.then((failure) => {
      isEnded = true;
      this.#failure ??= failure;
    });
    if (this.#isSnapshotOnly()) return this.#catchUpWithSnapshot(engine);
    const deadline = Date.now() + startDeadlineMs;
    while (!isEnded && !(await this.#isStreaming())) {
      if (Date.now() > deadline)
        throw new Error(`${this.#props['slot.name']} did not stream within ${startDeadlineMs} ms`);
      await new Promise((wake) => setTimeout(wake, pollMs));
    }
  }

  async #isStreaming(): Promise<boolean> {
    const { rows } = await this.#query(
      `SELECT 1 FROM pg_replication_slots JOIN pg_stat_replication ON pid = active_pid
       WHERE slot_name = $1 AND state = 'streaming'`,
      [this.#props['slot.name'] ?? ''],
    );
    return rows.length > 0;
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
    return this.#props['snapshot.mode'] === 'initial_only';
  }

  async #catchUpWithSnapshot(engine: OracleEngine): Promise<void> {
    const isLast = (record: OracleRecord): boolean => record.value?.includes('"snapshot":"last"') ?? false;
    await Promise.race([engine.waitFor((records) => records.some(isLast)), engine.ended]);
  }

  async stop(): Promise<void> {
    const engine = this.#engine;
    if (engine === null) return;
    this.#engine = null;
    await engine.stop();
    this.#earlier.push(...engine.records);
  }

  outcome(): ScenarioOutcome {
    const records = this.#earlier.filter((record) => !record.key?.includes(markerPrefix));
    return { records, failure: this.#failure };
  }
}
