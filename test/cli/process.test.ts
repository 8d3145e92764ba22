import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const run = (args: readonly string[], nodeArgs: readonly string[] = []) =>
  spawnSync(process.execPath, [...nodeArgs, ...args], { encoding: 'utf8' });

test('an old Node is told what is needed, and nothing else is tried', () => {
  const old =
    "data:text/javascript,Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.4' } })";
  const { status, stderr, stdout } = run(['src/bin.ts', '--version'], ['--import', old]);
  assert.deepEqual(
    { status, stderr, stdout },
    {
      status: 1,
      stdout: '',
      stderr:
        'error: tailrace needs Node.js 22.18 or newer, this is 20.19.4\nfix: Install a newer Node.js from https://nodejs.org, or start tailrace with one that is there already.\n',
    },
  );
});

test('bin and main are the same program', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  for (const entry of ['src/bin.ts', 'src/main.ts']) {
    const { status, stdout } = run([entry, '--version']);
    assert.deepEqual({ status, stdout }, { status: 0, stdout: `${version}\n` });
  }
});

test('a reader that has enough ends the program quietly', () => {
  const { status, stdout, stderr } = spawnSync(
    'bash',
    [
      '-c',
      `set -o pipefail; "${process.execPath}" src/main.ts validate --offline ${'fixtures/connectors/confluent.json '.repeat(2000)} | head -1`,
    ],
    { encoding: 'utf8' },
  );
  assert.deepEqual(
    { status, stdout, stderr },
    {
      status: 0,
      stdout: 'ok: fixtures/connectors/confluent.json: connector PostgresCdcSource, database shop, not connected\n',
      stderr: '',
    },
  );
});
