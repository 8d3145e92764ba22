import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The version in package.json, which stands two folders up from the sources and three from the built files. */
export function version(): string {
  const path = ['../../package.json', '../../../package.json']
    .map((relative) => join(import.meta.dirname, relative))
    .find((candidate) => existsSync(candidate));
  if (path === undefined) return 'unknown';
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version;
}
