import { ConfigValueError, type Issue, type RawConfig } from './config-def.ts';
import { compileJavaRegex } from './java-regex.ts';
import { splitRegexList } from './regex-list.ts';

/** A topic that is to be made. Null: the brokers' default. */
export interface TopicTemplate {
  readonly partitions: number | null;
  readonly replicationFactor: number | null;
  readonly configs: Readonly<Record<string, string>>;
}

export interface TopicCreation {
  /** False where there is no `topic.creation.default.*`, as in Connect. */
  readonly enabled: boolean;
  readonly groups: readonly {
    readonly include: readonly RegExp[];
    readonly exclude: readonly RegExp[];
    readonly template: TopicTemplate;
  }[];
  readonly fallback: TopicTemplate;
}

const DEFAULT_GROUP = 'default';
const GROUPS_KEY = 'topic.creation.groups';
const PREFIX = 'topic.creation.';

/**
 * Reads `topic.creation.groups` and `topic.creation.<group>.{include,exclude,partitions,replication.factor,<topic's configuration>}`.
 * The groups are asked in their order, then `default`, which is for all and must say partitions and replicas.
 */
export function parseTopicCreation(raw: RawConfig): {
  readonly creation: TopicCreation;
  readonly errors: readonly Issue[];
  readonly warnings: readonly Issue[];
} {
  const errors: Issue[] = [];
  const warnings: Issue[] = [];
  const names = (raw[GROUPS_KEY] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== DEFAULT_GROUP);
  const grouped = new Map([...names, DEFAULT_GROUP].map((name) => [name, {} as Record<string, string>]));
  for (const [key, text] of Object.entries(raw)) {
    if (!key.startsWith(PREFIX) || key === GROUPS_KEY) continue;
    const name = [...grouped.keys()].find((one) => key.startsWith(`${PREFIX}${one}.`));
    if (name !== undefined) grouped.get(name)![key.slice(PREFIX.length + name.length + 1)] = text;
    else warnings.push({ key, message: `has no effect: ${GROUPS_KEY} does not list its group` });
  }
  const reader = new GroupReader(errors);
  const groups = names.map((name) => {
    const settings = grouped.get(name)!;
    const key = `${PREFIX}${name}.include`;
    if ((settings.include ?? '').trim() === '') errors.push({ key, message: `is not set, but ${GROUPS_KEY} lists it` });
    return {
      include: reader.patterns(key, settings.include),
      exclude: reader.patterns(`${PREFIX}${name}.exclude`, settings.exclude),
      template: reader.template(name, settings),
    };
  });
  const defaults = grouped.get(DEFAULT_GROUP)!;
  const enabled = Object.keys(defaults).length > 0;
  if (!enabled && names.length > 0) {
    const key = `${PREFIX}default.partitions`;
    errors.push({ key, message: `is not set, but ${GROUPS_KEY} is; topics of no group need it` });
  }
  for (const setting of enabled ? ['partitions', 'replication.factor'] : []) {
    if (defaults[setting] !== undefined) continue;
    errors.push({ key: `${PREFIX}default.${setting}`, message: 'is not set, but other keys of the default group are' });
  }
  return { creation: { enabled, groups, fallback: reader.template(DEFAULT_GROUP, defaults) }, errors, warnings };
}

class GroupReader {
  readonly #errors: Issue[];

  constructor(errors: Issue[]) {
    this.#errors = errors;
  }

  template(group: string, settings: RawConfig): TopicTemplate {
    const {
      include: _include,
      exclude: _exclude,
      partitions,
      'replication.factor': replicationFactor,
      ...configs
    } = settings;
    return {
      partitions: this.#count(`${PREFIX}${group}.partitions`, partitions),
      replicationFactor: this.#count(`${PREFIX}${group}.replication.factor`, replicationFactor),
      configs,
    };
  }

  /** Topics are told apart by case, other than the database's names that lists elsewhere match. */
  patterns(key: string, text: string | undefined): readonly RegExp[] {
    try {
      return splitRegexList(text ?? '').map((one) => new RegExp(compileJavaRegex(one).source, 'u'));
    } catch (error) {
      if (!(error instanceof ConfigValueError)) throw error;
      this.#errors.push({ key, message: `'${text}' ${error.message}` });
      return [];
    }
  }

  #count(key: string, text: string | undefined): number | null {
    if (text === undefined) return null;
    const count = /^\s*-?\d+\s*$/.test(text) ? Number(text) : Number.NaN;
    if (count === -1) return null;
    if (count >= 1) return count;
    this.#errors.push({
      key,
      message: `'${text}' is neither a whole number of 1 or more nor -1 (the brokers’ default)`,
    });
    return null;
  }
}
