import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Unavailable } from './debian.ts';

/** Programs of a Debian suite that is not this machine's, with every library they need, in a folder of their own. */
export interface DebianTree {
  /** Where `usr`, `lib` and `etc` of the packages lie. */
  readonly root: string;
  /** Beside `root`, for what is made once from it; it lives as long as the tree. */
  readonly cacheDir: string;
  /** argv that runs a program of the tree, named by its path in it, with the tree's own loader and libraries. */
  command(program: string, ...args: string[]): [string, ...string[]];
}

export interface DebianTreeOptions {
  /** Names the folder in the cache: another content needs another name. */
  readonly name: string;
  readonly suite: string;
  readonly packages: readonly string[];
  /** Folders in the tree, beside the usual ones, that hold libraries. */
  readonly libraryDirs?: readonly string[];
}

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Outside the repository: it is hundreds of megabytes that every checkout shares. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tailrace');
}

/**
 * Fetches and unpacks packages from the mirror that the machine's own apt uses; the machine itself is not changed, and
 * nobody needs to be root. What was unpacked once is taken as it is.
 * @throws Unavailable on a machine that is not Debian, or whose mirror cannot be reached.
 */
export function debianTree(options: DebianTreeOptions): DebianTree {
  const folder = join(cacheFolder(), options.name);
  if (!existsSync(folder)) unpack(options, folder);
  const root = join(folder, 'root');
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const [loader] = globSync(`{usr/,}lib/${triplet}/ld-linux-*.so.*`, { cwd: root });
  if (loader === undefined) throw new Unavailable(`${folder} holds no loader for ${process.arch}: remove the folder`);
  const libraryDirs = [`usr/lib/${triplet}`, `lib/${triplet}`, ...(options.libraryDirs ?? [])];
  const libraryPath = libraryDirs.map((directory) => join(root, directory)).join(':');
  return {
    root,
    cacheDir: folder,
    command: (program, ...args) => [join(root, loader), '--library-path', libraryPath, join(root, program), ...args],
  };
}

function unpack(options: DebianTreeOptions, folder: string): void {
  for (const needed of ['/usr/bin/apt-get', '/usr/bin/dpkg-deb', keyring]) {
    if (!existsSync(needed)) throw new Unavailable(`${needed} is missing, and ${options.name} comes from Debian`);
  }
  // Another process may unpack the same: the first to finish gives its folder the name.
  const unfinished = `${folder}.${process.pid}`;
  try {
    const lists = join(unfinished, 'lists');
    const cache = join(unfinished, 'cache');
    for (const dir of [join(lists, 'partial'), join(cache, 'archives', 'partial'), join(unfinished, 'root')]) {
      mkdirSync(dir, { recursive: true });
    }
    const status = join(unfinished, 'status');
    writeFileSync(status, '');
    const sources = join(unfinished, 'sources.list');
    writeFileSync(sources, `deb [signed-by=${keyring}] ${mirror()} ${options.suite} main\n`);
    const settings = {
      'Dir::Etc::SourceList': sources,
      'Dir::Etc::SourceParts': '/dev/null',
      'Dir::State::Lists': lists,
      // As if nothing were installed: the libraries come along.
      'Dir::State::status': status,
      'Dir::Cache': cache,
      'APT::Install-Recommends': 'false',
      'APT::Sandbox::User': 'root',
      'Debug::NoLocking': '1',
    };
    const apt = Object.entries(settings).map(([key, value]) => `-o${key}=${value}`);
    run('apt-get', ['-q', ...apt, 'update']);
    run('apt-get', ['-q', ...apt, '--download-only', '-y', 'install', ...options.packages]);
    for (const archive of globSync(join(cache, 'archives', '*.deb'))) {
      run('dpkg-deb', ['-x', archive, join(unfinished, 'root')]);
    }
    rmSync(lists, { recursive: true });
    rmSync(cache, { recursive: true });
    adopt(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** Gives a finished folder its name, unless another process was faster with the same. */
export function adopt(finished: string, name: string): void {
  try {
    renameSync(finished, name);
  } catch (error) {
    if (!existsSync(name)) throw error;
  }
}

/** The Debian mirror among the sources of this machine, which may have others beside it. */
function mirror(): string {
  const targets = [
    'indextargets',
    '--format',
    '$(REPO_URI)',
    'Created-By: Packages',
    'Origin: Debian',
    'Label: Debian',
  ];
  let known = run('apt-get', targets);
  if (known === '') {
    run('apt-get', ['-q', 'update']);
    known = run('apt-get', targets);
  }
  const [first = ''] = known.split('\n');
  if (first === '') throw new Unavailable('apt knows no mirror of Debian on this machine');
  return first;
}

function run(program: string, args: readonly string[]): string {
  const ended = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (ended.status === 0) return ended.stdout.trim();
  throw new Unavailable(`${program} ${args.join(' ')} failed: ${ended.error?.message ?? ended.stderr.trim()}`);
}
