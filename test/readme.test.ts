import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import type { CommandIo } from '../src/cli/command-io.ts';
import { buildProgram } from '../src/cli/program.ts';
import { checkConfigFile, readConfigFile } from '../src/config/load.ts';
import { isWorkerFile, loadWorker } from '../src/config/worker-file.ts';
import { Scrubber } from '../src/observe/scrubber.ts';

const repository = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(repository, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({
  language,
  text,
}));
const output = { isTTY: false, columns: 80, write: () => {} };
const io: CommandIo = {
  stdout: output,
  stderr: output,
  env: {},
  clock: Date.now,
  scrubber: new Scrubber(),
  interruption: () => new AbortController().signal,
};

/** What is run as `tailrace ...`, in blocks and in running text. */
const invocations = [...readme.matchAll(/(?:^|[`(])tailrace ([^`\n#|]+)/gm)].map(([, line = '']) =>
  line.trim().split(/\s+/),
);

test('every command and option that the README shows exists', () => {
  assert.ok(invocations.length > 10, `found ${invocations.length}`);
  for (const words of invocations) {
    let command: Command = buildProgram(io);
    let rest = words;
    while (command.commands.length > 0) {
      const next = command.commands.find((one) => one.name() === rest[0]);
      assert.ok(next, `tailrace ${words.join(' ')}`);
      command = next;
      rest = rest.slice(1);
    }
    const known = command.options.map((option) => option.long);
    for (const word of rest.filter((one) => one.startsWith('--')))
      assert.ok(known.includes(word), `${words.join(' ')}: ${word}`);
  }
});

test('every npm script that the README shows exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  for (const [, name] of readme.matchAll(/npm run (?:-s )?([\w:]+)/g)) assert.ok(name! in scripts, name);
  assert.match(readme, /npm ci && npm test\b/);
});

test('the configurations of the README are valid, without a warning', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-readme-'));
  try {
    const secrets = join(folder, 'secrets.properties');
    writeFileSync(secrets, 'password=p\n');
    const configs = blocks.filter(({ language }) => language === 'json' || language === 'properties');
    assert.equal(configs.length, 4);
    for (const { language, text } of configs) {
      const path = join(folder, `shop.${language}`);
      writeFileSync(path, text.replace('/etc/tailrace/secrets.properties', secrets));
      if (isWorkerFile(readConfigFile(path))) {
        assert.deepEqual(loadWorker(path, {}).warnings, []);
        continue;
      }
      const { errors, warnings } = checkConfigFile(path, { SHOP_PASSWORD: 'p' });
      assert.deepEqual({ errors, warnings }, { errors: [], warnings: [] });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what the README links to is there', () => {
  for (const [, target] of readme.matchAll(/\]\(([^)]+)\)/g)) {
    if (target!.startsWith('#')) {
      const headings = [...readme.matchAll(/^#+ (.+)$/gm)].map(
        ([, text]) => `#${text!.toLowerCase().replaceAll(' ', '-')}`,
      );
      assert.ok(headings.includes(target!), target);
    } else assert.ok(existsSync(join(repository, target!)), target);
  }
});
