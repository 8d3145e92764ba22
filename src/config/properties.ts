import {
  type ConfigType,
  ConfigValueError,
  type Importance,
  type PatternProperty,
  type Property,
  type RawConfig,
  REQUIRED,
  type Remark,
  type Required,
} from './config-def.ts';
import { parseRegexList, type RegexList } from './regex-list.ts';

/** What every property is described by. */
export interface Facts {
  readonly doc: string;
  readonly importance?: Importance;
  readonly secret?: boolean;
  readonly aliases?: readonly string[];
}

interface Shape<T> {
  readonly type: ConfigType;
  readonly fallback: T | null | Required;
  readonly format?: (value: T) => string;
  readonly allowed?: readonly string[];
  readonly parse: (text: string, remark: Remark) => T;
}

function property<T>(shape: Shape<T>, facts: Facts): Property<T> {
  const { fallback, format = String } = shape;
  return {
    kind: 'property',
    type: facts.secret === true ? 'PASSWORD' : shape.type,
    importance: facts.importance ?? 'low',
    doc: facts.doc,
    allowed: shape.allowed ?? [],
    secret: facts.secret ?? false,
    aliases: facts.aliases ?? [],
    fallback: fallback === null ? null : isRequired(fallback) ? REQUIRED : format(fallback),
    parse: shape.parse,
  };
}

function isRequired(fallback: unknown): fallback is Required {
  return fallback === REQUIRED;
}

type Check = (text: string) => string | null;
interface TextFacts extends Facts {
  readonly type?: ConfigType;
  /** Null when the text is fine, else what follows the value in the message: "is not ...". */
  readonly check?: Check;
}

/** Any text; surrounding blanks are dropped unless it is a secret. */
export function text(fallback: null, facts: TextFacts): Property<string | null>;
export function text(fallback: string | Required, facts: TextFacts): Property<string>;
export function text(fallback: string | null | Required, facts: TextFacts): Property<string | null> {
  const parse = (given: string): string => {
    const value = facts.secret === true ? given : given.trim();
    if (fallback === REQUIRED && value === '') throw new ConfigValueError('is not allowed: the key needs a value');
    const complaint = facts.check?.(value) ?? null;
    if (complaint !== null) throw new ConfigValueError(complaint);
    return value;
  };
  return property<string | null>({ type: facts.type ?? 'STRING', fallback, parse }, facts);
}

/** Text whose default is made from other keys; `shown` is that default in the documentation. */
export function derivedText(derive: (raw: RawConfig) => string, shown: string, facts: TextFacts): Property<string> {
  return derivedWith(text('', facts), derive, shown);
}

/** A property whose default is made from other keys; `shown` is that default in the documentation. */
export function derivedWith<T>(of: Property<T>, derive: (raw: RawConfig) => string, shown: string): Property<T> {
  return { ...of, derive, fallbackDoc: shown };
}

export interface IntegerFacts extends Facts {
  readonly min?: number;
  readonly max?: number;
}

/** A whole number; up to 2^53 - 1 where `max` does not say less. */
export function integer(fallback: null, facts: IntegerFacts): Property<number | null>;
export function integer(fallback: number | Required, facts: IntegerFacts): Property<number>;
export function integer(fallback: number | null | Required, facts: IntegerFacts): Property<number | null> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = facts;
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `between ${min} and ${max}`;
  const parse = (given: string): number => {
    const value = /^\s*[+-]?\d+\s*$/.test(given) ? Number(given) : Number.NaN;
    if (!(value >= min && value <= max)) throw new ConfigValueError(`is not a whole number ${range}`);
    return value;
  };
  return property<number | null>({ type: max > 0x7fff_ffff ? 'LONG' : 'INT', fallback, parse }, facts);
}

export function flag(fallback: boolean, facts: Facts): Property<boolean> {
  const parse = (given: string): boolean => {
    const value = given.trim().toLowerCase();
    if (value !== 'true' && value !== 'false') throw new ConfigValueError('is neither true nor false');
    return value === 'true';
  };
  return property({ type: 'BOOLEAN', fallback, allowed: ['true', 'false'], parse }, facts);
}

interface ChoiceFacts<V extends string> extends Facts {
  readonly type?: ConfigType;
  /** Other spellings of a value; `deprecated` ones are remarked upon. */
  readonly synonyms?: Readonly<Record<string, V>>;
  readonly deprecated?: Readonly<Record<string, V>>;
  /** Values that exist in Debezium or Connect but not here, with the reason. */
  readonly refused?: Readonly<Record<string, string>>;
}

/** One of a few values, in any case. */
export function choice<const A extends readonly string[]>(
  allowed: A,
  fallback: A[number] | Required,
  facts: ChoiceFacts<A[number]>,
): Property<A[number]> {
  const parse = (given: string, remark: Remark): A[number] => {
    const is = (name: string): boolean => name.toLowerCase() === given.trim().toLowerCase();
    const lookUp = <R>(table: Readonly<Record<string, R>> | undefined): R | undefined =>
      Object.entries(table ?? {}).find(([name]) => is(name))?.[1];
    const value = allowed.find(is) ?? lookUp<A[number]>(facts.synonyms);
    if (value !== undefined) return value;
    const renamed = lookUp<A[number]>(facts.deprecated);
    if (renamed !== undefined) {
      remark(`'${given.trim()}' is an old name of ${renamed}`);
      return renamed;
    }
    const reason = lookUp(facts.refused);
    throw new ConfigValueError(
      reason === undefined ? `is not one of ${allowed.join(', ')}` : `is not supported: ${reason}`,
    );
  };
  return property({ type: facts.type ?? 'STRING', fallback, allowed, parse }, facts);
}

interface ListFacts extends Facts {
  readonly allowed?: readonly string[];
  readonly check?: Check;
}

/** Comma-separated words. */
export function list(fallback: readonly string[], facts: ListFacts): Property<readonly string[]> {
  const { allowed = [] } = facts;
  const parse = (given: string): readonly string[] => {
    const words = given
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== '');
    for (const word of words) {
      if (allowed.length > 0 && !allowed.includes(word)) {
        throw new ConfigValueError(`holds '${word}', which is not one of ${allowed.join(', ')}`);
      }
      const complaint = facts.check?.(word) ?? null;
      if (complaint !== null) throw new ConfigValueError(`holds '${word}', which ${complaint}`);
    }
    return words;
  };
  const format = (value: readonly string[]): string => value.join(',');
  return property({ type: 'LIST', fallback, format, allowed, parse }, facts);
}

/** Comma-separated regular expressions; null when the key is absent or empty. */
export function regexList(facts: Facts): Property<RegexList | null> {
  return property<RegexList | null>(
    { type: 'LIST', fallback: null, parse: (given) => (given.trim() === '' ? null : parseRegexList(given)) },
    facts,
  );
}

/** Text with a form of its own; null when the key is absent or empty. */
export function structured<T>(parse: (text: string) => T, facts: Facts): Property<T | null> {
  return property<T | null>(
    { type: 'STRING', fallback: null, parse: (given) => (given.trim() === '' ? null : parse(given)) },
    facts,
  );
}

/** Text with a form of its own and a default. */
export function structuredOr<T>(fallback: string, parse: (text: string) => T, facts: Facts): Property<T> {
  return { ...property<T>({ type: 'STRING', fallback: null, parse }, facts), fallback };
}

/** A family of keys. */
export function keyFamily<E>(
  pattern: RegExp,
  parse: (match: RegExpExecArray, text: string) => E,
  facts: Facts,
): PatternProperty<E> {
  return {
    kind: 'pattern',
    pattern,
    type: 'LIST',
    importance: facts.importance ?? 'low',
    doc: facts.doc,
    allowed: [],
    secret: facts.secret ?? false,
    aliases: facts.aliases ?? [],
    parse,
  };
}
