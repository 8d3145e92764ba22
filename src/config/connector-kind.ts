import {
  type ConfigDef,
  type ConfigOf,
  type Issue,
  parseConfig,
  type RawConfig,
  type UnsupportedKey,
} from './config-def.ts';
import { converterContradictions, converterOddities } from './converters.ts';
import { splitRegexList } from './regex-list.ts';

export interface ConnectorParse<C> {
  /** Null when there are errors. */
  readonly config: C | null;
  readonly warnings: readonly Issue[];
  readonly errors: readonly Issue[];
}

/** What a kind of connector may be configured by. */
export interface ConnectorKind<D extends ConfigDef> {
  readonly def: D;
  readonly unsupported: readonly UnsupportedKey[];
  /** Keys that say the same thing in two ways. */
  readonly exclusive: readonly (readonly [keyof D & string, keyof D & string])[];
  /** What a table's full name begins with. */
  readonly namespace: { readonly word: 'schema' | 'database'; readonly example: string };
}

/** Reads and checks a connector's configuration; every problem is found at once. */
export function parseConnector<const D extends ConfigDef>(
  kind: ConnectorKind<D>,
  raw: RawConfig,
): ConnectorParse<ConfigOf<D>> {
  const custom = raw.converters;
  // A custom converter's own keys begin with its name.
  const names = custom === undefined ? [] : custom.split(',').map((name) => name.trim());
  const ofConverters = names.map(
    (name): UnsupportedKey => ({ key: `${name}.*`, effect: 'quiet', reason: 'the key converters decides' }),
  );
  const parsed = parseConfig(kind.def, [...ofConverters, ...kind.unsupported], raw);
  const errors = [...parsed.errors, ...contradictions(kind, raw), ...converterContradictions(kind.def, raw)];
  const warnings = [...parsed.warnings, ...oddities(kind, raw), ...converterOddities(kind.def, raw)];
  return { config: errors.length > 0 ? null : parsed.config, warnings, errors };
}

function contradictions<D extends ConfigDef>({ def, exclusive }: ConnectorKind<D>, raw: RawConfig): readonly Issue[] {
  const errors: Issue[] = [];
  const keyOf = (key: string): string | null =>
    [key, ...(def[key]?.aliases ?? [])].find((name) => (raw[name] ?? '').trim() !== '') ?? null;
  for (const [include, exclude] of exclusive) {
    const [included, excluded] = [keyOf(include), keyOf(exclude)];
    if (included !== null && excluded !== null) {
      errors.push({ key: included, message: `cannot be set together with ${excluded}; keep one of them` });
    }
  }
  for (const table of overriddenTables(raw)) {
    const key = `snapshot.select.statement.overrides.${table}`;
    if (raw[key] === undefined) {
      errors.push({ key, message: `is not set, but snapshot.select.statement.overrides lists '${table}'` });
    }
  }
  return errors;
}

function overriddenTables(raw: RawConfig): readonly string[] {
  return (raw['snapshot.select.statement.overrides'] ?? '')
    .split(',')
    .map((table) => table.trim())
    .filter((table) => table !== '');
}

function oddities<D extends ConfigDef>({ namespace }: ConnectorKind<D>, raw: RawConfig): readonly Issue[] {
  const { word, example } = namespace;
  const warnings: Issue[] = [];
  for (const key of ['table.include.list', 'table.exclude.list', 'table.whitelist', 'table.blacklist']) {
    for (const entry of splitRegexList(raw[key] ?? '')) {
      // Without a dot or a class that could match one, an expression matches no full name of a table.
      if (/^\w+$/.test(entry)) {
        warnings.push({
          key,
          message: `entry '${entry}' names no ${word}, so it matches nothing; write ${example}.${entry}?`,
        });
      }
    }
  }
  const listed = new Set(overriddenTables(raw));
  for (const key of Object.keys(raw)) {
    const table = /^snapshot\.select\.statement\.overrides\.(.+)$/.exec(key)?.[1];
    if (table !== undefined && !listed.has(table)) {
      warnings.push({ key, message: `has no effect: snapshot.select.statement.overrides does not list '${table}'` });
    }
  }
  return warnings;
}
