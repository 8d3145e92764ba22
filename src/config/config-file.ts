import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { TailraceError } from '../model/errors.ts';
import type { Issue, RawConfig } from './config-def.ts';
import { ConfigProviders, type Environment, PlaceholderError, reasonOf } from './config-providers.ts';
import { PropertiesTextError, parseJavaProperties } from './java-properties.ts';
import { type JsonEntry, JsonTextError, type JsonValue, parseJsonText } from './json-text.ts';

/** A configuration file as it was read, before its keys were judged. */
export interface ConfigFile {
  readonly path: string;
  /** With placeholders as they are written: what may be stored and shown (but for secrets). */
  readonly raw: RawConfig;
  /** Line of a key, null when it is not in the file. */
  lineOf(key: string): number | null;
}

export interface LocatedIssue extends Issue {
  readonly path: string;
  readonly line: number | null;
}

/** `file:line: key: message`. */
export function formatIssue(issue: LocatedIssue): string {
  const place = issue.line === null ? issue.path : `${issue.path}:${issue.line}`;
  return `${place}: ${issue.key} ${issue.message}`;
}

/** An issue of a key of a file, with its line. */
export function locate(file: ConfigFile, issue: Issue): LocatedIssue {
  return { ...issue, path: file.path, line: file.lineOf(issue.key) };
}

/** A file's values with their placeholders resolved, by the providers that it or `providers` names. */
export function resolvePlaceholders(
  raw: RawConfig,
  env: Environment,
  providers: RawConfig = {},
): { readonly raw: RawConfig; readonly errors: readonly Issue[] } {
  const resolver = new ConfigProviders({ ...providers, ...raw }, env);
  const errors: Issue[] = [];
  const entries = Object.entries(raw).map(([key, text]): [string, string] => {
    // A transform's templates look like placeholders; they are its own.
    if (key.startsWith('transforms.')) return [key, text];
    try {
      return [key, resolver.resolve(text)];
    } catch (error) {
      if (!(error instanceof PlaceholderError)) throw error;
      errors.push({ key, message: `holds ${error.message}` });
      return [key, text];
    }
  });
  return { raw: Object.fromEntries(entries), errors };
}

/** Reads a `.json` file (`{"name", "config"}` or flat) or a `.properties` file. Throws `config.unreadable`. */
export function readConfigFile(path: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new TailraceError('config.unreadable', reasonOf(error, path), { cause: error });
  }
  const isJson = extname(path).toLowerCase() === '.json' || (extname(path) !== '.properties' && /^\s*\{/.test(text));
  return isJson ? readJson(path, text) : readProperties(path, text);
}

function readProperties(path: string, text: string): ConfigFile {
  try {
    const entries = parseJavaProperties(text);
    return {
      path,
      raw: Object.fromEntries([...entries].map(([key, entry]) => [key, entry.value])),
      lineOf: (key) => entries.get(key)?.line ?? null,
    };
  } catch (error) {
    if (!(error instanceof PropertiesTextError)) throw error;
    throw new TailraceError('config.unreadable', `${path}:${error.line}: ${error.message}`);
  }
}

function readJson(path: string, text: string): ConfigFile {
  let value: JsonValue;
  try {
    value = parseJsonText(text);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw new TailraceError('config.unreadable', `${path}:${error.line}:${error.column}: not JSON: ${error.message}`);
  }
  if (!isObject(value)) throw new TailraceError('config.unreadable', `${path}: a JSON object is expected`);
  const inner = value.get('config')?.value;
  const raw: Record<string, string> = {};
  const lines = new Map<string, number>();
  const take = (entries: ReadonlyMap<string, JsonEntry>): void => {
    for (const [key, entry] of entries) {
      if (entry.value === null) continue;
      if (typeof entry.value === 'object') {
        throw new TailraceError(
          'config.unreadable',
          `${path}:${entry.line}: ${key} must be a string, a number or a boolean`,
        );
      }
      raw[key] = String(entry.value);
      lines.set(key, entry.line);
    }
  };
  if (inner !== undefined && isObject(inner)) {
    take(new Map([...value].filter(([key]) => key === 'name')));
    take(inner);
  } else {
    take(value);
  }
  return { path, raw, lineOf: (key) => lines.get(key) ?? null };
}

function isObject(value: JsonValue): value is ReadonlyMap<string, JsonEntry> {
  return value instanceof Map;
}
