import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';

const repository = resolve(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly files: readonly string[];
};
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-build-'));
  const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
  const built = run([tsc, '-p', 'tsconfig.build.json', '--outDir', join(folder, 'dist')], repository);
  assert.equal(built.status, 0, built.stdout + built.stderr);
  cpSync(join(repository, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[], cwd = folder) {
  return spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
}

test('the built program runs without its sources, and knows its version', () => {
  const bin = manifest.bin.tailrace!;
  assert.match(readFileSync(join(folder, bin), 'utf8'), /^#!\/usr\/bin\/env node\n/);
  assert.deepEqual(pick(run([bin, '--version'])), { status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  const help = run([bin, '--help']);
  assert.equal(help.status, 0);
  assert.match(help.stdout, /^Usage: tailrace /);
});

test('every command of the built program finds what it imports', () => {
  const bin = manifest.bin.tailrace!;
  const config = join(repository, 'fixtures', 'connectors', 'confluent.json');
  const validated = run([bin, 'validate', '--offline', config]);
  assert.equal(validated.status, 0, validated.stderr);
  // Port 1 is nobody's: the whole way to the connection is walked, and no further.
  const nowhere = 'postgres://u:p@127.0.0.1:1/shop';
  for (const args of [
    ['tail', nowhere],
    ['slots', 'list', nowhere],
  ]) {
    const { status, stderr } = run([bin, ...args]);
    assert.equal(status, 3, stderr);
    assert.match(stderr, /^error: cannot connect /);
  }
  for (const args of [
    ['topics', 'list'],
    ['offsets', 'show'],
  ]) {
    const { status, stderr } = run([bin, ...args, '--log', 'none.db']);
    assert.equal(status, 4, stderr);
  }
});

test('the package has its documents, and none that is not there', () => {
  for (const file of manifest.files) assert.ok(file === 'dist' || existsSync(join(repository, file)), file);
});

function pick({ status, stdout, stderr }: { status: number | null; stdout: string; stderr: string }) {
  return { status, stdout, stderr };
}
