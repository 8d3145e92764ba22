// `npm test [-- filter...]`: starts the servers that the test files share, runs the files whose path holds a filter (or
// all), lists what was skipped and why, and ends with the one line that CI reads.
import { globSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type EventData, run } from 'node:test';
import { spec } from 'node:test/reporters';
import { Unavailable } from './services/debian.ts';
import { startKafka } from './services/kafka.ts';
import { startMariadb } from './services/mariadb.ts';
import { startMysql } from './services/mysql.ts';
import { type PostgresVersion, startPostgres } from './services/postgres.ts';
import { openScratch } from './services/scratch.ts';
import { urlVariable } from './services/shared.ts';
import { kafkaVariable } from './services/shared-kafka.ts';
import { mysqlUrlVariable } from './services/shared-mysql.ts';

const repository = resolve(import.meta.dirname, '..');
/** On two cores: most files wait for servers, or for what is to happen, more than half of their time. */
const concurrency = 3;

/**
 * Taking the types away and compiling is two thirds of what a process needs until it begins: kept for all of the test
 * files, and for each tailrace that they start.
 */
process.env.NODE_COMPILE_CACHE ??= join(repository, '.cache', 'node');

const filters = process.argv.slice(2);
const files = globSync('test/**/*.test.ts', { cwd: repository })
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .sort((a, b) => slownessOf(b) - slownessOf(a) || a.localeCompare(b));
if (files.length === 0) {
  process.stderr.write(`No test file's path holds ${filters.join(' or ')}.\n`);
  process.exit(1);
}

/** The long ones first, so that the last of them does not run alone at the end. */
function slownessOf(file: string): number {
  if (/crash|oracle\.test/.test(file)) return 2;
  return /regime|takeover/.test(file) ? 1 : 0;
}

await using servers = new AsyncDisposableStack();
if (process.env.TMPDIR === undefined) {
  const scratch = openScratch();
  if (scratch !== null) process.env.TMPDIR = servers.use(scratch).path;
}
const fast = { settings: { fsync: 'off' } };
const postgresVersions: readonly PostgresVersion[] = [18, 15];
await Promise.all([
  ...postgresVersions.map((version) =>
    provide(`Postgres ${version}`, urlVariable[version], () => startPostgres({ version, ...fast })),
  ),
  provide('MySQL', mysqlUrlVariable.mysql, startMysql),
  provide('MariaDB', mysqlUrlVariable.mariadb, startMariadb),
  provide('Kafka', kafkaVariable, startKafka),
]);

async function provide(
  name: string,
  variable: string,
  start: () => Promise<AsyncDisposable & { readonly url: string }>,
): Promise<void> {
  if (process.env[variable]) return;
  try {
    process.env[variable] = servers.use(await start()).url;
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    // Each test that needs it says so by itself.
    process.stderr.write(`${name} is not to be had: ${error.message}\n`);
  }
}

const count = { passed: 0, failed: 0, skipped: 0 };
const skips: string[] = [];

const stream = run({ files: files.map((file) => resolve(repository, file)), concurrency, isolation: 'process' });
stream.on('test:pass', (test) => {
  if (test.skip !== undefined || test.todo !== undefined) {
    count.skipped++;
    skips.push(describe(test));
  } else if (test.details.type !== 'suite') {
    count.passed++;
  }
});
stream.on('test:fail', (test) => {
  // What failed only because something in it failed is counted there.
  const { failureType } = test.details.error as { failureType?: string };
  if (failureType !== 'subtestsFailed') count.failed++;
});
for await (const text of stream.compose(new spec())) process.stdout.write(text);

if (skips.length > 0) process.stdout.write(`\nSkipped:\n${skips.map((skip) => `  ${skip}\n`).join('')}`);
const unnamed = skips.filter((skip) => skip.endsWith(': no reason'));
if (unnamed.length > 0) process.stdout.write(`\nA skip must name its reason: ${unnamed.length} did not.\n`);
await servers.disposeAsync();
if (count.failed > 0 || unnamed.length > 0 || count.passed === 0) process.exitCode = 1;
process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);

function describe(test: EventData.TestPass): string {
  const reason = [test.skip, test.todo].find((given) => typeof given === 'string' && given !== '');
  return `${test.name} (${relative(repository, test.file ?? '')}): ${reason ?? 'no reason'}`;
}
