// Plays scenarios before the real Debezium and has Apicurio's AvroData judge its records: node test/oracle/avro/record.ts
// Writes fixtures/avro/<scenario>.json, by which test/converters/avro/judged.test.ts holds our mapping and encoding.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Oracle, type OracleKind, oracleKindOf, startOracle } from '../oracle.ts';
import { runScenario } from '../run-scenario.ts';
import { loadScenarios } from '../scenario.ts';
import { judgeAvro } from './judge.ts';
import type { JudgedScenario, JudgedSchema } from './judged.ts';

/** Every type once, the auxiliary topics, and schemas with documentation, defaults and parameters. */
const SCENARIOS = [
  'basic-schemas',
  'defaults',
  'heartbeats-schemas',
  'key-change-schemas',
  'logical-messages-schemas',
  'propagate-source-type',
  'types-arrays',
  'types-bits',
  'types-enums-domains',
  'types-floats',
  'types-hstore@map',
  'types-integers',
  'types-json-xml-uuid-network',
  'types-numeric-special-precise',
  'types-numerics@precise',
  'types-point',
  'types-temporal@adaptive',
  'types-temporal@connect',
  'types-text',
  'mysql/basic-schemas',
  'mysql/comments',
  'mysql/ddl-tables',
  'mysql/defaults',
  'mysql/transaction-metadata-schemas',
  'mysql/types-binary@bytes',
  'mysql/types-bits',
  'mysql/types-decimals@precise',
  'mysql/types-floats',
  'mysql/types-geometry',
  'mysql/types-temporal@connect',
  'mysql/types-temporal@micro',
  'mysql/types-text',
];
/** Values are many and alike: the first of each schema tell how it is encoded. */
const VALUES_PER_SCHEMA = 3;

const folder = join(import.meta.dirname, '..', '..', '..', 'fixtures', 'avro');
const only = process.argv.slice(2);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const scenarios = loadScenarios().filter(
  ({ name, server }) =>
    server.family !== 'mariadb' &&
    SCENARIOS.includes(name) &&
    (only.length === 0 || only.some((part) => name.includes(part))),
);
mkdirSync(folder, { recursive: true });
await using oracles = new AsyncDisposableStack();
const running = new Map<OracleKind, Oracle>();
for (const kind of new Set(scenarios.map(({ server }) => oracleKindOf(server.family)))) {
  running.set(kind, oracles.use(await startOracle(kind)));
}
for (const scenario of scenarios) {
  const oracle = running.get(oracleKindOf(scenario.server.family))!;
  const outcome = await runScenario(
    { ...scenario, schemasEnable: true },
    { debezium: (options) => oracle.run(options) },
  );
  const { records, failure } = outcome.debezium!;
  if (failure !== null) {
    say(`${scenario.name}: ENDED: ${failure.split('\n')[0]}`);
    continue;
  }
  const judged = await judgeRecords(records.flatMap(({ key, value }) => [key, value]).filter((text) => text !== null));
  writeFileSync(
    join(folder, `${scenario.name.replaceAll('/', '-')}.json`),
    `${JSON.stringify({ scenario: scenario.name, schemas: judged } satisfies JudgedScenario, null, 1)}\n`,
  );
  say(
    `${scenario.name}: ${judged.length} schemas, ${judged.reduce((sum, { values }) => sum + values.length, 0)} values`,
  );
}

async function judgeRecords(texts: readonly string[]): Promise<readonly JudgedSchema[]> {
  const bySchema = new Map<string, string[]>();
  for (const text of new Set(texts)) {
    // JsonConverter writes the schema first; the payload's numbers must stay as they are written.
    const schema = text.slice('{"schema":'.length, text.indexOf(',"payload":'));
    const known = bySchema.get(schema) ?? [];
    bySchema.set(schema, known);
    if (known.length < VALUES_PER_SCHEMA) known.push(text);
  }
  const answers = await judgeAvro([...bySchema.values()].flat());
  let at = 0;
  return [...bySchema].map(([connect, records]) => {
    const values = records.map((text) => {
      const answer = answers[at++]!;
      if ('error' in answer) throw new Error(`${answer.error}: ${text}`);
      return { payload: text.slice(text.indexOf(',"payload":') + ',"payload":'.length, -1), ...answer };
    });
    return { connect, avro: values[0]!.avro, values: values.map(({ payload, hex }) => ({ payload, hex })) };
  });
}
