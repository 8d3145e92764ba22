import { nearest } from './nearest.ts';

/** A connector configuration as it comes from a file: Connect's flat map of strings. */
export type RawConfig = Readonly<Record<string, string>>;

export type Importance = 'high' | 'medium' | 'low';

/** Type names as Kafka Connect's ConfigDef shows them. */
export type ConfigType = 'STRING' | 'PASSWORD' | 'INT' | 'LONG' | 'BOOLEAN' | 'LIST' | 'CLASS';

/** Stands for "there is no default: the key must be set". */
export const REQUIRED: unique symbol = Symbol('required');
export type Required = typeof REQUIRED;

/** What is wrong, or odd, about one key of a configuration. */
export interface Issue {
  readonly key: string;
  /** What is wrong and what is allowed, without the key. Never the value of a secret. */
  readonly message: string;
}

/** Text that a property cannot hold; the message follows the key and a colon. */
export class ConfigValueError extends Error {
  override readonly name = 'ConfigValueError';
}

/** Called by a parser for text that it accepts with a remark. */
export type Remark = (message: string) => void;

interface Described {
  readonly type: ConfigType;
  readonly importance: Importance;
  /** One or two sentences for the documentation page. */
  readonly doc: string;
  /** Allowed values, where they are few. */
  readonly allowed: readonly string[];
  /** Never shown: not in messages, logs or documentation of a running connector. */
  readonly secret: boolean;
  /** What is secret within a text that is not secret as a whole, such as the password of a URL. */
  readonly secretsIn?: (text: string) => readonly string[];
  /** Older names of the key, still read, with a warning. */
  readonly aliases: readonly string[];
}

/** One key with one value. */
export interface Property<T> extends Described {
  readonly kind: 'property';
  /** The default as text; null: the key may be absent and is then null. */
  readonly fallback: string | null | Required;
  /** Shown as the default in the documentation when it depends on other keys. */
  readonly fallbackDoc?: string;
  /** The default made from the rest of the configuration. */
  readonly derive?: (raw: RawConfig) => string;
  /** Throws {@link ConfigValueError}. */
  parse(text: string, remark: Remark): T;
}

/** A family of keys, such as `column.mask.with.<n>.chars`: its value is the list of all that are set, in their order. */
export interface PatternProperty<E> extends Described {
  readonly kind: 'pattern';
  readonly pattern: RegExp;
  /** Throws {@link ConfigValueError}. */
  parse(match: RegExpExecArray, text: string): E;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of properties of different value types
export type ConfigDef = Readonly<Record<string, Property<any> | PatternProperty<any>>>;

/** The typed form of a configuration: the keys as they are written, verbatim. */
export type ConfigOf<D extends ConfigDef> = {
  readonly [K in keyof D]: D[K] extends Property<infer T>
    ? T
    : D[K] extends PatternProperty<infer E>
      ? readonly E[]
      : never;
};

/**
 * A key that Debezium or Connect knows and tailrace does not implement. `ignored`: leaving it out changes no record, it is
 * warned about. `refused`: leaving it out would change what is delivered. `quiet`: there is nothing that it could do here.
 */
export interface UnsupportedKey {
  /** The key; one that ends in `*` stands for all keys that begin so. */
  readonly key: string;
  readonly effect: 'quiet' | 'ignored' | 'refused';
  readonly reason: string;
  /** Values that mean what tailrace does anyway. */
  readonly inert?: readonly string[];
}

export interface ParseResult<D extends ConfigDef> {
  /** Null when there are errors. */
  readonly config: ConfigOf<D> | null;
  readonly warnings: readonly Issue[];
  readonly errors: readonly Issue[];
}

/** Reads every key of `raw` by its definition. All problems are found at once. */
export function parseConfig<const D extends ConfigDef>(
  def: D,
  unsupported: readonly UnsupportedKey[],
  raw: RawConfig,
): ParseResult<D> {
  const warnings: Issue[] = [];
  const errors: Issue[] = [];
  const known = new Set<string>();
  const config: Record<string, unknown> = {};

  const attempt = <T>(key: string, property: Described, text: string, parse: () => T): T | null => {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof ConfigValueError)) throw error;
      const isSecret = property.secret || (property.secretsIn?.(text).length ?? 0) > 0;
      const shown = isSecret ? 'the value' : text === '' ? 'an empty value' : `'${text}'`;
      errors.push({ key, message: `${shown} ${error.message}` });
      return null;
    }
  };

  for (const [key, property] of Object.entries(def)) {
    if (property.kind === 'pattern') {
      config[key] = Object.entries(raw).flatMap(([name, text]) => {
        const match = property.pattern.exec(name);
        if (match === null) return [];
        known.add(name);
        const secret = match.groups?.secret;
        const shown = secret === undefined ? name : name.replace(secret, '***');
        const entry: unknown = attempt(shown, { ...property, secret: false }, text, () => property.parse(match, text));
        return entry === null ? [] : [entry];
      });
      continue;
    }
    const name = [key, ...property.aliases].find((candidate) => raw[candidate] !== undefined);
    for (const candidate of [key, ...property.aliases]) known.add(candidate);
    const text = name === undefined ? defaultText(property, raw) : raw[name];
    if (name !== undefined && name !== key) warnings.push({ key: name, message: `is an old name of ${key}` });
    if (text === REQUIRED) errors.push({ key, message: 'is required and not set' });
    else if (text === null || text === undefined) config[key] = null;
    else {
      const at = name ?? key;
      config[key] = attempt(at, property, text, () =>
        property.parse(text, (message) => warnings.push({ key: at, message })),
      );
    }
  }
  for (const [key, text] of Object.entries(raw)) {
    if (!known.has(key)) judgeUnknown({ key, text, def, unsupported, warnings, errors });
  }
  return { config: errors.length > 0 ? null : (config as ConfigOf<D>), warnings, errors };
}

function defaultText<T>(property: Property<T>, raw: RawConfig): string | null | Required {
  return property.derive === undefined ? property.fallback : property.derive(raw);
}

function judgeUnknown(at: {
  readonly key: string;
  readonly text: string;
  readonly def: ConfigDef;
  readonly unsupported: readonly UnsupportedKey[];
  readonly warnings: Issue[];
  readonly errors: Issue[];
}): void {
  const { key, text } = at;
  const entry = at.unsupported.find((one) =>
    one.key.endsWith('*') ? key.startsWith(one.key.slice(0, -1)) : one.key === key,
  );
  if (entry === undefined) {
    const names = Object.entries(at.def).flatMap(([name, property]) => (property.kind === 'property' ? [name] : []));
    const suggestion = nearest(key, names);
    at.warnings.push({
      key,
      message:
        suggestion === null ? 'is not a known key, ignored' : `is not a known key, ignored; is ${suggestion} meant?`,
    });
    return;
  }
  if (entry.effect === 'quiet' || text.trim() === '' || entry.inert?.includes(text.trim().toLowerCase())) return;
  const issue = { key, message: `${entry.effect === 'ignored' ? 'is ignored' : 'is not supported'}: ${entry.reason}` };
  (entry.effect === 'ignored' ? at.warnings : at.errors).push(issue);
}

/** The values of `raw` that must never be shown. A word that is also the value of an open key, such as the user's name, is none. */
export function secretsOf(def: ConfigDef, raw: RawConfig): readonly string[] {
  const open = new Set(Object.entries(raw).flatMap(([key, text]) => (isSecretKey(def, key) ? [] : [text])));
  const secrets = Object.entries(def).flatMap(([key, property]) => {
    if (property.secretsIn !== undefined) return property.secretsIn(raw[key] ?? '');
    if (!property.secret) return [];
    if (property.kind === 'property') return [key, ...property.aliases].flatMap((name) => raw[name] ?? []);
    // What is secret in a key family (the salt of a hash) is a part of the key itself.
    return Object.keys(raw).flatMap((name) => property.pattern.exec(name)?.groups?.secret ?? []);
  });
  return secrets.filter((secret) => !open.has(secret));
}

function isSecretKey(def: ConfigDef, key: string): boolean {
  const property = def[key];
  return property?.kind === 'property' && property.secret;
}
