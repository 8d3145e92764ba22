import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { PostgresVersion } from '../services/postgres.ts';
import { splitStatements } from './sql-statements.ts';

/**
 * A scenario: SQL that two connectors watch side by side, and how they are configured. Its file starts with what it
 * shows, in comments, and directives:
 *
 *     -- config: key=value            a connector property beyond the base, one a line
 *     -- variant: name key=value ...  the whole scenario once more for each such line; the name goes after an @
 *     -- schemas: on                  records with their schemas; off by default
 *     -- server: 15                   on Postgres 15; 18 by default
 *     -- needs: package file          a Debian package, and the file that proves that it is installed
 *     -- stops: text                  where we differ by stopping with an error that holds the text
 *     -- differs: docs/differences.md#anchor what   where we mean to differ from Debezium
 *
 * and goes on in sections, each a line of its own: `-- setup` is run before the connectors start (snapshot rows),
 * `-- stream` once both stream, `-- stopped` while both are stopped, to be followed by a `-- stream` that finds them
 * started again. A `-- sync` line in a stream section waits until both have seen all of the changes before it.
 */
export interface Scenario {
  /** File name without .sql, and `@variant`. */
  readonly name: string;
  readonly config: Readonly<Record<string, string>>;
  readonly schemasEnable: boolean;
  readonly version: PostgresVersion;
  readonly needs: readonly { readonly package: string; readonly file: string }[];
  readonly stops: string | null;
  readonly differs: readonly string[];
  readonly sections: readonly Section[];
}

export interface Section {
  readonly kind: 'setup' | 'stream' | 'stopped';
  /** Statements in groups; between two groups the connectors catch up. */
  readonly groups: readonly (readonly string[])[];
}

const folder = join(import.meta.dirname, '..', '..', 'fixtures', 'scenarios');

/** All scenarios whose name holds one of the filters, or all without filters; variants are scenarios of their own. */
export function loadScenarios(filters: readonly string[] = []): Scenario[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  const scenarios = files
    .sort()
    .flatMap((file) => parseScenario(basename(file, '.sql'), readFileSync(join(folder, file), 'utf8')));
  return scenarios.filter(({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)));
}

export function parseScenario(name: string, text: string): Scenario[] {
  const config: Record<string, string> = {};
  const variants: { name: string; config: Record<string, string> }[] = [];
  const needs: { package: string; file: string }[] = [];
  const differs: string[] = [];
  const sections: { kind: Section['kind']; groups: string[] }[] = [];
  let schemasEnable = false;
  let version: PostgresVersion = 18;
  let stops: string | null = null;
  for (const line of text.split('\n')) {
    const section = /^-- (setup|stream|stopped)$/.exec(line)?.[1] as Section['kind'] | undefined;
    const current = sections.at(-1);
    if (section !== undefined) {
      sections.push({ kind: section, groups: [''] });
    } else if (current !== undefined) {
      if (line === '-- sync') current.groups.push('');
      else current.groups[current.groups.length - 1] += `${line}\n`;
    } else {
      const [, directive, value = ''] =
        /^-- (config|variant|schemas|server|needs|stops|differs): (.+)$/.exec(line) ?? [];
      const words = value.split(' ');
      if (directive === 'config') Object.assign(config, property(value, name));
      else if (directive === 'variant') {
        variants.push({
          name: `${name}@${words[0]}`,
          config: Object.assign({}, ...words.slice(1).map((word) => property(word, name))),
        });
      } else if (directive === 'schemas') schemasEnable = value === 'on';
      else if (directive === 'server') version = value === '15' ? 15 : 18;
      else if (directive === 'needs') needs.push({ package: words[0] ?? '', file: words[1] ?? '' });
      else if (directive === 'stops') stops = value;
      else if (directive === 'differs') differs.push(value);
      else if (line !== '' && !line.startsWith('-- '))
        throw new Error(`${name}: SQL before the first section: ${line}`);
    }
  }
  const split = sections.map(({ kind, groups }) => ({ kind, groups: groups.map(splitStatements) }));
  const scenario = { name, config, schemasEnable, version, needs, stops, differs, sections: split };
  if (variants.length === 0) return [scenario];
  return variants.map((variant) => ({ ...scenario, name: variant.name, config: { ...config, ...variant.config } }));
}

function property(text: string, scenario: string): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new Error(`${scenario}: not a key=value: ${text}`);
  return { [text.slice(0, equals)]: text.slice(equals + 1) };
}
