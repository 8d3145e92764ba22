import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { MysqldSettings } from '../services/mysqld.ts';
import type { PostgresVersion } from '../services/postgres.ts';
import type { MysqlFamily } from '../services/shared-mysql.ts';
import { splitStatements } from './sql-statements.ts';

/**
 * A scenario: SQL that two connectors watch side by side, and how they are configured. Its file starts with what it
 * shows, in comments, and directives:
 *
 *     -- config: key=value            a connector property beyond the base, one a line
 *     -- variant: name key=value ...  the whole scenario once more for each such line; the name goes after an @
 *     -- schemas: on                  records with their schemas; off by default
 *     -- server: 15                   on Postgres 15; 18 by default
 *     -- server: mysql                those in the folder mysql: on that family alone, mysql or mariadb; on both by default
 *     -- settings: name=value ...     on a MySQL or MariaDB server of its own with these options
 *     -- config mysql: ..             any directive with a family counts for that family alone
 *     -- needs: package file          a Debian package, and the file that proves that it is installed
 *     -- stops: text                  where we differ by stopping with an error that holds the text
 *     -- differs: docs/differences.md#anchor what   where we mean to differ from Debezium
 *
 * and goes on in sections, each a line of its own: `-- setup` is run before the connectors start (snapshot rows),
 * `-- stream` once both stream, `-- stopped` while both are stopped, to be followed by a `-- stream` that finds them
 * started again. A `-- sync` line in a stream section waits until both have seen all of the changes before it. In the
 * folder mysql `{db}` is the name of the scenario's database, or the beginning of the names of others that it makes.
 */
export interface Scenario {
  /** File name without .sql, after its family and a slash if that is not Postgres, and `@variant`. */
  readonly name: string;
  readonly config: Readonly<Record<string, string>>;
  readonly schemasEnable: boolean;
  readonly server: ScenarioServer;
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

export type ScenarioServer =
  | { readonly family: 'postgres'; readonly version: PostgresVersion }
  | { readonly family: MysqlFamily; readonly settings: MysqldSettings };

/** All scenarios whose name holds one of the filters, or all without filters; variants are scenarios of their own. */
export function loadScenarios(filters: readonly string[] = []): Scenario[] {
  const scenarios = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .flatMap((file) => parseScenario(file.slice(0, -'.sql'.length), readFileSync(join(folder, file), 'utf8')));
  return scenarios.filter(({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)));
}

export function parseScenario(name: string, text: string): Scenario[] {
  if (dirname(name) !== 'mysql') return parseFor('postgres', name, text);
  const server = /^-- server: (mysql|mariadb)$/m.exec(text)?.[1] as MysqlFamily | undefined;
  const families: readonly MysqlFamily[] = server === undefined ? ['mysql', 'mariadb'] : [server];
  return families.flatMap((family) => parseFor(family, `${family}/${basename(name)}`, text));
}

function parseFor(family: ScenarioServer['family'], name: string, text: string): Scenario[] {
  const config: Record<string, string> = {};
  const variants: { name: string; config: Record<string, string> }[] = [];
  const needs: { package: string; file: string }[] = [];
  const differs: string[] = [];
  const settings: Record<string, string> = {};
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
      const [, directive, only, value = ''] = directiveLine.exec(line) ?? [];
      const words = value.split(' ');
      if (only !== undefined && only !== family) continue;
      if (directive === 'config') Object.assign(config, property(value, name));
      else if (directive === 'variant') {
        variants.push({
          name: `${name}@${words[0]}`,
          config: Object.assign({}, ...words.slice(1).map((word) => property(word, name))),
        });
      } else if (directive === 'schemas') schemasEnable = value === 'on';
      else if (directive === 'server') version = value === '15' ? 15 : 18;
      else if (directive === 'settings') Object.assign(settings, ...words.map((word) => property(word, name)));
      else if (directive === 'needs') needs.push({ package: words[0] ?? '', file: words[1] ?? '' });
      else if (directive === 'stops') stops = value;
      else if (directive === 'differs') differs.push(value);
      else if (line !== '' && !line.startsWith('-- '))
        throw new Error(`${name}: SQL before the first section: ${line}`);
    }
  }
  const dialect = family === 'postgres' ? 'postgres' : 'mysql';
  const split = sections.map(({ kind, groups }) => ({
    kind,
    groups: groups.map((group) => splitStatements(group, dialect)),
  }));
  const server: ScenarioServer = family === 'postgres' ? { family, version } : { family, settings };
  const scenario = { name, config, schemasEnable, server, needs, stops, differs, sections: split };
  if (variants.length === 0) return [scenario];
  return variants.map((variant) => ({ ...scenario, name: variant.name, config: { ...config, ...variant.config } }));
}

const directiveLine = /^-- (config|variant|schemas|server|settings|needs|stops|differs)(?: (mysql|mariadb))?: (.+)$/;

function property(text: string, scenario: string): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new Error(`${scenario}: not a key=value: ${text}`);
  return { [text.slice(0, equals)]: text.slice(equals + 1) };
}
