import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Why a server, a JVM or an extension cannot be had on this machine: the reason that a skipped test names. */
export class Unavailable extends Error {}

let listsAreFresh = false;

/**
 * Installs Debian packages unless the file that proves them is there.
 * @throws Unavailable on a machine that is not Debian, not ours to change (not root), or without the package.
 */
export function ensureDebianPackages(packages: readonly string[], proof: string): void {
  if (existsSync(proof)) return;
  const names = packages.join(' ');
  if (process.getuid?.() !== 0) throw new Unavailable(`${proof} is missing, and only root can install ${names}`);
  if (!existsSync('/usr/bin/apt-get'))
    throw new Unavailable(`${proof} is missing, and there is no apt-get to install ${names}`);
  if (!listsAreFresh) {
    aptGet(['update']);
    listsAreFresh = true;
  }
  aptGet(['install', '-y', '--no-install-recommends', ...packages]);
  if (!existsSync(proof))
    throw new Unavailable(`${names} installed, yet ${proof} is missing: this is not the Debian release we know`);
}

function aptGet(args: readonly string[]): void {
  const run = spawnSync('apt-get', ['-q', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (run.status !== 0)
    throw new Unavailable(`apt-get ${args.join(' ')} failed: ${run.error?.message ?? run.stderr.trim()}`);
}
