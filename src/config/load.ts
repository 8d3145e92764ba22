import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { TailraceError } from '../model/errors.ts';
import type { Issue, RawConfig } from './config-def.ts';
import { ConfigProviders, type Environment, PlaceholderError, reasonOf } from './config-providers.ts';
import { type ConnectorConfig, parseConnectorConfig, secretsOfConnector } from './connector.ts';
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

/** A connector that can be run. */
export interface LoadedConnector {
  readonly path: string;
  readonly config: ConnectorConfig;
  /** The whole configuration with placeholders resolved. */
  readonly raw: RawConfig;
  readonly warnings: readonly LocatedIssue[];
  /** Values that must never be shown. */
  readonly secrets: readonly string[];
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

/** What was found in a file. */
export interface ConfigCheck {
  readonly path: string;
  /** Null when there are errors. */
  readonly connector: LoadedConnector | null;
  readonly warnings: readonly LocatedIssue[];
  readonly errors: readonly LocatedIssue[];
  readonly secrets: readonly string[];
}

/** Reads a file and judges every key. Throws `config.unreadable` for a file that is not there or not JSON or properties. */
export function checkConfigFile(path: string, env: Environment): ConfigCheck {
  const file = readConfigFile(path);
  const located = (issue: Issue): LocatedIssue => ({ ...issue, path, line: file.lineOf(issue.key) });
  const resolved = resolvePlaceholders(file.raw, env);
  // A key whose placeholder failed would be judged by the placeholder's text.
  const failed = new Set(resolved.errors.map((issue) => issue.key));
  const sound = Object.fromEntries(Object.entries(resolved.raw).filter(([key]) => !failed.has(key)));
  const secrets = secretsOfConnector(sound);
  const parsed = parseConnectorConfig(resolved.raw);
  const errors = [...resolved.errors, ...parsed.errors.filter((issue) => !failed.has(issue.key))].map(located);
  const warnings = parsed.warnings.map(located);
  const connector =
    errors.length > 0 || parsed.config === null
      ? null
      : { path, config: parsed.config, raw: resolved.raw, warnings, secrets };
  return { path, connector, warnings, errors, secrets };
}

/** Reads a connector's configuration, or throws `config.unreadable` or `config.invalid` with a line for every problem. */
export function loadConnector(path: string, env: Environment): LoadedConnector {
  const check = checkConfigFile(path, env);
  if (check.connector !== null) return check.connector;
  throw new TailraceError('config.invalid', check.errors.map(formatIssue).join('\n'));
}

function resolvePlaceholders(raw: RawConfig, env: Environment): { raw: RawConfig; errors: readonly Issue[] } {
  const providers = new ConfigProviders(raw, env);
  const errors: Issue[] = [];
  const entries = Object.entries(raw).map(([key, text]): [string, string] => {
    // A transform's templates look like placeholders; they are its own.
    if (key.startsWith('transforms.')) return [key, text];
    try {
      return [key, providers.resolve(text)];
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
