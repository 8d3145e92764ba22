import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** Our own version, from the package.json that ships with the code. */
export function readVersion(): string {
  const path = findPackageJSON('..', import.meta.url);
  if (path === undefined) throw new Error(`no package.json belongs to ${import.meta.url}`);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
