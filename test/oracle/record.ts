// Runs scenarios on Debezium alone and saves what it published, for eyes: node test/oracle/record.ts [--out folder] [filter...]
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Oracle, type OracleKind, oracleKindOf, startOracle } from './oracle.ts';
import { runScenario } from './run-scenario.ts';
import { loadScenarios } from './scenario.ts';
import { topicPrefixOf } from './stage.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: join(tmpdir(), 'oracle-out') } },
});
mkdirSync(values.out, { recursive: true });
const scenarios = loadScenarios(positionals);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

await using oracles = new AsyncDisposableStack();
const kinds = new Set(scenarios.map(({ server }) => oracleKindOf(server.family)));
const running = new Map<OracleKind, Oracle>();
for (const kind of kinds) running.set(kind, oracles.use(await startOracle(kind)));
const queue = scenarios.values();
// Two at a time: an engine mostly waits while it starts.
await Promise.all(
  [1, 2].map(async () => {
    for (const scenario of queue) {
      const oracle = running.get(oracleKindOf(scenario.server.family))!;
      try {
        const { debezium } = await runScenario(scenario, { debezium: (options) => oracle.run(options) });
        const { records, failure } = debezium!;
        const lines = records.map((record) => `${JSON.stringify(record)}\n`);
        if (failure !== null) lines.push(`${JSON.stringify({ failure })}\n`);
        writeFileSync(join(values.out, `${scenario.name.replaceAll('/', '-')}.jsonl`), lines.join(''));
        const prefix = scenario.config['topic.prefix'] ?? topicPrefixOf(scenario);
        const warnings = oracle
          .log()
          .split('\n')
          .filter((line) => line.includes(`-${prefix}-`));
        say(
          `${scenario.name}: ${records.length} records${failure === null ? '' : `, ENDED: ${failure.split('\n')[0]}`}`,
        );
        for (const warning of new Set(warnings.map((line) => line.slice(13)))) say(`    ${warning}`);
      } catch (error) {
        say(`${scenario.name}: NOT RUN: ${(error as Error).message}`);
        process.exitCode = 1;
      }
    }
  }),
);
