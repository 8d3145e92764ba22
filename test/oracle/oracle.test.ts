import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Unavailable } from '../services/debian.ts';
import { compareRecords, formatDifference } from './compare.ts';
import { type Oracle, type OracleKind, oracleKindOf, startOracle } from './oracle.ts';
import { runScenario } from './run-scenario.ts';
import { loadScenarios, type Scenario } from './scenario.ts';
import { startTailrace } from './tailrace.ts';

// The real Debezium judges: every scenario is played before it and before both of our plans at once.
// ORACLE_SCENARIOS=name,name plays only the scenarios whose names hold one of these.
const scenarios = loadScenarios(process.env.ORACLE_SCENARIOS?.split(',') ?? []);
/** A scenario takes some seconds; what takes this long hangs. */
const hangMs = 120_000;
const repository = join(import.meta.dirname, '..', '..');

describe('every record is Debezium’s, byte for byte', { concurrency: 3 }, () => {
  const oracles = new Map<OracleKind, Oracle | Unavailable>();
  const running = new AsyncDisposableStack();
  before(async () => {
    const kinds = new Set(scenarios.map(({ server }) => oracleKindOf(server.family)));
    const start = async (kind: OracleKind): Promise<void> => {
      try {
        oracles.set(kind, running.use(await startOracle(kind)));
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        oracles.set(kind, error);
      }
    };
    await Promise.all([...kinds].map(start));
  });
  after(() => running.disposeAsync());

  for (const scenario of scenarios) {
    test(scenario.name, { timeout: hangMs }, async (t) => {
      const oracle = oracles.get(oracleKindOf(scenario.server.family))!;
      if (oracle instanceof Unavailable) return skipUnlessCi(t, oracle);
      try {
        await judge(oracle, scenario);
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        skipUnlessCi(t, error);
      }
    });
  }
});

function skipUnlessCi(t: { skip(reason: string): void }, reason: Unavailable): void {
  if (process.env.CI === 'true') throw reason;
  t.skip(reason.message);
}

async function judge(oracle: Oracle, scenario: Scenario): Promise<void> {
  const play = () =>
    runScenario(scenario, {
      debezium: (options) => oracle.run(options),
      compiled: startTailrace('compiled'),
      structured: startTailrace('structured'),
    });
  let outcomes = await play();
  // Debezium at times reads a table as it is after the DDL that it then reads, and ends: a judge that fell is asked again.
  if (outcomes.debezium!.failure !== null && scenario.differs.length === 0) outcomes = await play();
  const { debezium, compiled, structured } = outcomes as Record<
    'debezium' | 'compiled' | 'structured',
    (typeof outcomes)[string]
  >;
  const plans = compareRecords(structured.records, compiled.records);
  if (plans !== null) assert.fail(`the plans differ, the structured one as Debezium:\n${formatDifference(plans)}`);
  if (scenario.stops === null) assert.equal(compiled.failure, null);
  else assert.ok(compiled.failure?.includes(scenario.stops), `stopped with: ${compiled.failure ?? 'no error'}`);
  const difference = compareRecords(debezium.records, compiled.records);
  if (scenario.differs.length === 0) {
    assert.equal(debezium.failure, null);
    if (difference !== null) assert.fail(formatDifference(difference));
    return;
  }
  assert.ok(difference !== null || debezium.failure !== null, 'marked as different from Debezium, and no more so');
  for (const mark of scenario.differs) {
    const [file = '', anchor = ''] = (mark.split(' ')[0] ?? '').split('#');
    assert.ok(hasHeading(join(repository, file), anchor), `no heading of ${file} has the anchor #${anchor}`);
  }
}

function hasHeading(path: string, anchor: string): boolean {
  if (!existsSync(path)) return false;
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm);
  return [...headings].some(
    ([, text = '']) =>
      text
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-') === anchor,
  );
}
