import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** Linux's own limit (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * The path of a log's file itself, absolute and without symbolic links, also where it does not exist yet: all paths of one
 * file must lead to one lock. SQLite follows links in the same way, so that `-wal` and `-shm` stand beside the file, too.
 * A path that leads nowhere comes back absolute, for whoever opens it to refuse.
 */
export function realLogPath(path: string): string {
  const absolute = resolve(path);
  let at = absolute;
  for (let links = 0; links < MAX_LINKS; links++) {
    const real = realpathOf(at);
    if (real !== null) return real;
    const folder = realpathOf(dirname(at));
    if (folder === null) return absolute;
    const file = join(folder, basename(at));
    if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return file;
    // A link to a file that is still to be made.
    at = resolve(folder, readlinkSync(file));
  }
  return absolute;
}

/** Null: there is nothing at the path, or it cannot be looked at. */
function realpathOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
