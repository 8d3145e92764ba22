import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from './fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'tailrace-cli-'));
after(() => rmSync(folder, { recursive: true }));

function config(name: string, changes: Readonly<Record<string, unknown>>): string {
  const path = join(folder, `${name}.json`);
  const base = {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': '127.0.0.1',
    // The discard port: nothing listens there.
    'database.port': 9,
    'database.user': 'u',
    'database.password': 'hunter2',
    'database.dbname': 'd',
    'topic.prefix': 'p',
    'tailrace.log.path': join(folder, `${name}.tailrace.db`),
  };
  writeFileSync(path, JSON.stringify({ name, config: { ...base, ...changes } }));
  return path;
}

/** Command line, exit code, standard error word for word. */
async function fails(args: readonly string[], exitCode: number, stderr: string): Promise<void> {
  const outcome = await runCli(args);
  assert.deepEqual(
    { ...outcome, stderr: outcome.stderr.replaceAll(folder, '') },
    { exitCode, stdout: '', stderr: `${stderr}\n` },
  );
}

test('a command line that cannot be understood is one line and exit code 2', async () => {
  await fails(['foo'], 2, "error: unknown command 'foo'");
  await fails(['runn', 'x.json'], 2, "error: unknown command 'runn' (did you mean run?)");
  await fails(['run'], 2, "error: missing required argument 'config'");
  await fails(['topics', 'list', '--jsno'], 2, "error: unknown option '--jsno' (did you mean --json?)");
  await fails(['topics', 'read'], 2, "error: missing required argument 'topic'");
  await fails(
    ['topics', 'read', 't', '--limit', '-1'],
    2,
    "error: option '--limit <count>' argument '-1' is invalid. It takes a whole number of 0 or more.",
  );
  await fails(
    ['topics', 'read', 't', '--from', 'now'],
    2,
    "error: option '--from <offset>' argument 'now' is invalid. It takes a log offset, earliest, or latest.",
  );
  await fails(
    ['bootstrap', 'x.json', '--then', 'sleep'],
    2,
    "error: option '--then <what>' argument 'sleep' is invalid. Allowed choices are exit, stream.",
  );
});

test('a URL in place of a command does not show its password', async () => {
  await fails(['postgres://u:hunter2@h/d'], 2, "error: unknown command 'postgres://u:***@h/d'");
});

test('configurations that cannot be used are named with file, line and key, all at once', async () => {
  await fails(['run', join(folder, 'none.json')], 2, 'error: there is no file /none.json');
  const broken = join(folder, 'broken.json');
  writeFileSync(broken, '{"name": "x",\n "config": {]}');
  await fails(['run', broken], 2, "error: /broken.json:2:13: not JSON: a key in double quotes is expected, not ']'");
  const both = config('both', { 'table.include.list': 'public.a', 'table.exclude.list': 'public.b', 'slot.name': 'A' });
  const wrong = config('wrong', { 'snapshot.mode': 'custom' });
  await fails(
    ['run', both, wrong],
    2,
    [
      "error: /both.json:1: slot.name 'A' is no slot name: 1 to 63 lower-case letters, digits and underscores",
      'error: /both.json:1: table.include.list cannot be set together with table.exclude.list; keep one of them',
      "error: /wrong.json:1: snapshot.mode 'custom' is not supported: it names a Java class; choose one of initial, initial_only, always, no_data, when_needed",
    ].join('\n'),
  );
});

test('connectors that would get in each other’s way are refused together', async () => {
  const a = config('a', { 'slot.name': 's' });
  const b = config('b', { 'slot.name': 's' });
  await fails(['run', a, b], 2, "error: /b.json: slot.name 's' is also that of /a.json; each connector needs its own");
});

test('connectors that share a log must say the same of it, by whatever path they name it', async () => {
  const log = join(folder, 'shared.tailrace.db');
  const link = join(folder, 'link.tailrace.db');
  symlinkSync('shared.tailrace.db', link);
  const a = config('one', { 'slot.name': 'one', 'tailrace.log.path': log, 'tailrace.log.retention.ms': 1500 });
  const b = config('two', { 'slot.name': 'two', 'tailrace.log.path': link, 'tailrace.log.partitions': 3 });
  const rest = 'of /one.json, which writes to the same log; give both the same, or each a log of its own';
  await fails(
    ['run', a, b],
    2,
    [
      `error: /two.json: tailrace.log.partitions '3' is not the '1' ${rest}`,
      `error: /two.json: tailrace.log.retention.ms '604800000' is not the '1500' ${rest}`,
    ].join('\n'),
  );
  // Logs that are two, and settings that agree, are no reason to refuse: what is said then is that no server answers.
  const once = { 'errors.max.retries': 0, 'tailrace.http.listen': 'off' };
  const retention = { 'tailrace.log.path': log, 'tailrace.log.retention.ms': 1500 };
  const first = config('one', { ...once, 'slot.name': 'one', ...retention });
  const same = config('three', { ...once, 'slot.name': 'three', ...retention, 'tailrace.log.path': link });
  const apart = config('four', { ...once, 'slot.name': 'four', 'tailrace.log.retention.ms': 9 });
  const outcome = await runCli(['run', first, same, apart]);
  assert.equal(outcome.exitCode, 3, outcome.stderr);
});

test('a server that does not answer is exit code 3, without the password', async () => {
  await fails(
    ['slots', 'list', 'postgres://u:hunter2@127.0.0.1:9/d?sslmode=disable'],
    3,
    "error: cannot connect (u@127.0.0.1:9/d): connect ECONNREFUSED 127.0.0.1:9\nfix: Check the URL's host and the URL's port, that the server runs, and that no firewall is between.",
  );
});

test('a URL of another kind of database is told so', async () => {
  await fails(
    ['tail', 'oracle://u:hunter2@h/d'],
    2,
    "error: the connection URL has the scheme 'oracle'; this version reads postgres://, mysql:// and mariadb://\nfix: Write postgres://<user>:<password>@<host>:<port>/<database>?sslmode=require",
  );
  await fails(
    ['tail', 'mysql://u:hunter2@h/d', '--slot', 'x'],
    2,
    'error: --slot is for Postgres; MySQL and MariaDB have no slots',
  );
  await fails(
    ['slots', 'list', 'mysql://u:hunter2@h/d'],
    2,
    'error: MySQL and MariaDB have no replication slots: their servers keep the binlog for a time, whoever reads it\nfix: `tailrace slots lag <config>` shows how far a connector is behind in it, and for how long it is kept.',
  );
});

test('an address or a log level that is none is named', async () => {
  const path = config('ok', {});
  await fails(['run', path, '--http', 'x'], 2, "error: --http 'x' is not of the form host:port, nor 'off'");
  await fails(
    ['run', path, '--log-level', 'loud'],
    2,
    "error: the log level 'loud' is not one of trace, debug, info, warn, error, fatal, silent\nfix: Set LOG_LEVEL or --log-level to one of them.",
  );
});

test('a log that is missing, not ours or not said is exit code 4', async () => {
  const missing = join(folder, 'missing.db');
  const outcome = await runCli(['topics', 'list', '--log', missing]);
  assert.equal(outcome.exitCode, 4);
  assert.match(outcome.stderr.replaceAll(folder, ''), /^error: .*\/missing\.db.*\n(fix: .*\n)?$/);
  const alien = join(folder, 'alien.db');
  writeFileSync(
    alien,
    'This is not a log, but a long enough text to be mistaken for one by a careless reader.'.repeat(20),
  );
  const corrupt = await runCli(['topics', 'list', '--log', alien]);
  assert.equal(corrupt.exitCode, 4);
  assert.match(corrupt.stderr.replaceAll(folder, ''), /^error: .*\/alien\.db.*\n(fix: .*\n)?$/);
  // Setting an offset must not make a log where there is none.
  const set = await runCli(['offsets', 'set', 'x', '{"lsn":1}', '--log', missing, '--partition', '{"server":"x"}']);
  assert.equal(set.exitCode, 4);
});

test('validate tells everything on standard output and ends with the exit code of the worst', async () => {
  const good = config('good', { 'max.queue.size': 10 });
  const bad = config('bad', { 'decimal.handling.mode': 'exact' });
  const away = config('away', { 'tailrace.log.path': join(folder, 'no', 'log.db') });
  const text = async (args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await runCli(['validate', '--offline', ...args]);
    return { exitCode, stdout: stdout.replaceAll(folder, ''), stderr };
  };
  assert.deepEqual(await text([good]), {
    exitCode: 0,
    stderr: '',
    stdout:
      'warning: /good.json:1: max.queue.size is ignored: memory is bounded in bytes, by tailrace.batch.bytes\nok: /good.json: connector good, database d, not connected\n',
  });
  assert.deepEqual(await text([good, bad, away]), {
    exitCode: 2,
    stderr: '',
    stdout: [
      'warning: /good.json:1: max.queue.size is ignored: memory is bounded in bytes, by tailrace.batch.bytes',
      'ok: /good.json: connector good, database d, not connected',
      "error: /bad.json:1: decimal.handling.mode 'exact' is not one of precise, double, string",
      'error: /away.json: tailrace.log.path is in the folder /no, which does not exist',
      '',
    ].join('\n'),
  });
  const { stdout } = await text(['--json', bad]);
  assert.deepEqual(JSON.parse(stdout), {
    path: '/bad.json',
    connector: null,
    errors: [
      {
        path: '/bad.json',
        line: 1,
        key: 'decimal.handling.mode',
        message: "'exact' is not one of precise, double, string",
      },
    ],
    warnings: [],
    checks: null,
  });
});

test('every command has help with an example', async () => {
  const commands = [
    ...['tail', 'run', 'bootstrap', 'validate', 'topics', 'offsets', 'slots', 'demo'].map((name) => [name]),
    ...['list', 'read', 'follow'].map((name) => ['topics', name]),
    ...['show', 'set', 'reset'].map((name) => ['offsets', name]),
    ...['list', 'lag', 'drop'].map((name) => ['slots', name]),
  ];
  for (const command of commands) {
    const { exitCode, stdout } = await runCli([...command, '--help']);
    assert.equal(exitCode, 0);
    assert.match(stdout, new RegExp(`\\nExample:\\n  tailrace ${command.join(' ')}`), command.join(' '));
  }
});
