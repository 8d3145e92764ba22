import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { RawConfig } from './config-def.ts';
import { parseJavaProperties } from './java-properties.ts';

type ProviderKind = 'file' | 'dir' | 'env';

/** Kafka's provider classes, by the last part of their name. */
const KINDS: Readonly<Record<string, ProviderKind>> = {
  FileConfigProvider: 'file',
  DirectoryConfigProvider: 'dir',
  EnvVarConfigProvider: 'env',
};

/** A placeholder that cannot be resolved; the message begins with the placeholder. */
export class PlaceholderError extends Error {
  override readonly name = 'PlaceholderError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Resolves Kafka Connect's placeholders: `${file:<path>:<key>}` (a properties file), `${dir:<path>:<file name>}` (a file's
 * content) and `${env:<name>}`. `config.providers` may give them other names; the three names work without it.
 */
export class ConfigProviders {
  readonly #kinds = new Map<string, ProviderKind>([
    ['file', 'file'],
    ['dir', 'dir'],
    ['directory', 'dir'],
    ['env', 'env'],
  ]);
  readonly #env: Environment;

  constructor(raw: RawConfig, env: Environment) {
    this.#env = env;
    for (const name of (raw['config.providers'] ?? '').split(',').map((one) => one.trim())) {
      const className = raw[`config.providers.${name}.class`];
      const kind = className === undefined ? undefined : KINDS[className.trim().replace(/^.*\./, '')];
      if (kind !== undefined) this.#kinds.set(name, kind);
    }
  }

  /** Throws {@link PlaceholderError}. */
  resolve(text: string): string {
    return text.replace(
      /\$\{([^}:]+):(?:([^}]*):)?([^}]*)\}/g,
      (placeholder, provider: string, path: string | undefined, key: string) =>
        this.#lookUp(placeholder, provider, path, key),
    );
  }

  #lookUp(placeholder: string, provider: string, path: string | undefined, key: string): string {
    const kind = this.#kinds.get(provider);
    switch (kind) {
      case undefined:
        throw new PlaceholderError(`${placeholder}: there is no config provider '${provider}'; file, dir and env are`);
      case 'env': {
        const value = this.#env[key];
        if (value === undefined)
          throw new PlaceholderError(`${placeholder}: the environment variable ${key} is not set`);
        return value;
      }
      case 'file': {
        if (path === undefined) throw new PlaceholderError(`${placeholder}: write \${${provider}:<path>:<key>}`);
        const entry = parseJavaProperties(read(placeholder, path)).get(key);
        if (entry === undefined) throw new PlaceholderError(`${placeholder}: the file has no key '${key}'`);
        return entry.value;
      }
      case 'dir':
        if (path === undefined)
          throw new PlaceholderError(`${placeholder}: write \${${provider}:<folder>:<file name>}`);
        if (basename(key) !== key) throw new PlaceholderError(`${placeholder}: '${key}' is not a file name`);
        return read(placeholder, join(path, key));
    }
  }
}

function read(placeholder: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new PlaceholderError(`${placeholder}: ${reasonOf(error, path)}`);
  }
}

/** Why a file could not be read, for a person. */
export function reasonOf(error: unknown, path: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return `there is no file ${path}`;
    case 'EACCES':
    case 'EPERM':
      return `no permission to read ${path}`;
    case 'EISDIR':
      return `${path} is a folder, not a file`;
    default:
      return `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
