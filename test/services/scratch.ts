import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

/** Linux's file system in memory. */
const MEMORY = '/dev/shm';
const PREFIX = 'tailrace-test-';
/** A whole run keeps under 2 GB there at a time. */
const NEEDED_BYTES = 6 * 2 ** 30;

/**
 * A folder in memory for the data of servers and logs, or null where the machine has no room for it: what tests ask of a
 * disk, which no power cut ends, is the same there, and nobody waits for writes. Removed with the process, or by the next
 * one if that could not.
 */
export function openScratch(): (Disposable & { readonly path: string }) | null {
  if (!hasRoom()) return null;
  for (const name of readdirSync(MEMORY)) {
    const owner = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length)) : null;
    if (owner !== null && !isAlive(owner)) rmSync(join(MEMORY, name), { recursive: true, force: true });
  }
  const path = join(MEMORY, `${PREFIX}${process.pid}`);
  mkdirSync(path);
  // Postgres runs as another user, who must get through.
  chmodSync(path, 0o755);
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  return { path, [Symbol.dispose]: remove };
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    const available = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'));
    return bavail * bsize >= NEEDED_BYTES && Number(available?.[1]) * 1024 >= NEEDED_BYTES;
  } catch {
    // No Linux.
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
