import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');

/** Folder -> folders of the project it may import. A longer folder name wins over a shorter one. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  decoders: ['decoders'],
  'src/model': ['src/model', 'decoders'],
  'src/observe': ['src/observe', 'src/model'],
  'src/config': ['src/config', 'src/model', 'decoders'],
  'src/tls': ['src/tls', 'src/model'],
  'src/envelope': ['src/envelope', 'src/config', 'src/model', 'decoders'],
  'src/converters': ['src/converters', 'src/envelope', 'src/config', 'src/tls', 'src/model', 'decoders'],
  'src/pipeline': ['src/pipeline', 'src/converters', 'src/envelope', 'src/config', 'src/model', 'decoders'],
  'src/sources/postgres': [
    'src/sources/postgres',
    'src/snapshot',
    'src/session',
    'src/pipeline',
    'src/converters',
    'src/envelope',
    'src/config',
    'src/observe',
    'src/model',
    'decoders',
  ],
  'src/sources/mysql': [
    'src/sources/mysql',
    'src/snapshot',
    'src/session',
    'src/pipeline',
    'src/converters',
    'src/envelope',
    'src/config',
    'src/observe',
    'src/tls',
    'src/model',
    'decoders',
  ],
  'src/session': ['src/session', 'src/observe', 'src/model'],
  'src/snapshot': ['src/snapshot', 'src/config', 'src/observe', 'src/model', 'decoders'],
  'src/logs': ['src/logs', 'src/config', 'src/observe', 'src/tls', 'src/model', 'decoders'],
  'src/engine': ['src/engine', 'src/observe', 'src/model'],
  'src/rest': ['src/rest', 'src/observe', 'src/config', 'src/engine', 'src/model'],
};

/** The composition root and the commands may import anything. */
const UNRESTRICTED = [
  'src/cli',
  'src/worker.ts',
  'src/connector-kind.ts',
  'src/tail-database.ts',
  'src/main.ts',
  'src/bin.ts',
];

/**
 * Files that nothing here imports: what npm scripts and package.json start, and the decoder of single pgoutput messages,
 * which the fixture recorder and the tests use.
 */
const ENTRY_POINTS = ['src/main.ts', 'src/bin.ts', 'src/config/docs.ts', 'decoders/pgoutput/parse-message.ts'];

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly { readonly specifier: string; readonly isType: boolean }[];
}

function readSources(): SourceFile[] {
  return globSync(['src/**/*.ts', 'decoders/**/*.ts'], { cwd: root }).map((name) => {
    const path = name.split(sep).join('/');
    const text = readFileSync(join(root, path), 'utf8');
    const statements = text.matchAll(/^(?:import|export)\s+(type\s+)?[^'"]*?from\s+'([^']+)'|^import\s+'([^']+)'/gm);
    const dynamic = text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g);
    return {
      path,
      text,
      imports: [
        ...[...statements].map((m) => ({ specifier: (m[2] ?? m[3])!, isType: m[1] !== undefined })),
        ...[...dynamic].map((m) => ({ specifier: m[1]!, isType: false })),
      ],
    };
  });
}

const sources = readSources();

function target(from: SourceFile, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  return relative(root, join(root, dirname(from.path), specifier))
    .split(sep)
    .join('/');
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

test('every folder imports only what the design allows it', () => {
  const broken: string[] = [];
  for (const file of sources) {
    if (UNRESTRICTED.some((folder) => isIn(file.path, folder))) continue;
    const room = Object.keys(MAY_IMPORT)
      .filter((folder) => isIn(file.path, folder))
      .sort((a, b) => b.length - a.length)[0];
    if (room === undefined) {
      broken.push(`${file.path} is in no folder that the design knows`);
      continue;
    }
    for (const { specifier } of file.imports) {
      const path = target(file, specifier);
      if (path !== null && !MAY_IMPORT[room]!.some((folder) => isIn(path, folder))) {
        broken.push(`${file.path} imports ${path}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

test('decoders are functions of bytes: no sockets, clocks, loggers, files or timers', () => {
  const allowedModules = new Set(['node:zlib']);
  const broken: string[] = [];
  for (const file of sources.filter(({ path }) => isIn(path, 'decoders'))) {
    for (const { specifier } of file.imports) {
      if (!specifier.startsWith('.') && !allowedModules.has(specifier))
        broken.push(`${file.path} imports ${specifier}`);
    }
    for (const word of [
      'Date.now',
      'new Date()',
      'performance.',
      'process.',
      'console.',
      'setTimeout',
      'setInterval',
      'await ',
      'Promise',
    ]) {
      const code = file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
      if (code.includes(word)) broken.push(`${file.path} uses ${word}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('only the composition root brings sources and logs together', () => {
  const KINDS = 'src/connector-kind.ts';
  const importersOf = (paths: readonly string[]): readonly string[] => {
    for (const path of paths) assert.ok(existsSync(join(root, path)), `${path} has moved: mend this test`);
    return sources
      .filter((file) => {
        const targets = file.imports.map(({ specifier }) => target(file, specifier));
        return paths.every((path) => targets.includes(path));
      })
      .map(({ path }) => path);
  };
  assert.deepEqual(importersOf(['src/sources/postgres/source.ts']), [KINDS]);
  assert.deepEqual(importersOf([KINDS, 'src/logs/sqlite/open-logs.ts']), ['src/worker.ts']);
});

test('no file is dead: something imports it or starts it', () => {
  const imported = new Set(sources.flatMap((file) => file.imports.map(({ specifier }) => target(file, specifier))));
  const dead = sources
    .map(({ path }) => path)
    .filter((path) => !imported.has(path) && !ENTRY_POINTS.includes(path))
    // Until the worker starts the MySQL source:
    .filter(
      (path) => !['src/sources/mysql', 'decoders/binlog', 'decoders/mysql-text-row.ts'].some((of) => isIn(path, of)),
    );
  assert.deepEqual(dead, []);
});

test('acknowledging a source happens in one place', () => {
  const callers = sources.filter(({ path, text }) => isIn(path, 'src') && /\bsource\.ack\(/.test(text));
  assert.deepEqual(
    callers.map(({ path }) => path),
    ['src/engine/source-task.ts'],
  );
});

test('no folder hides its purpose behind a general name', () => {
  const vague = sources.filter(({ path }) => /(^|\/)(utils?|common|helpers?|misc|shared)\//.test(path));
  assert.deepEqual(
    vague.map(({ path }) => path),
    [],
  );
});
