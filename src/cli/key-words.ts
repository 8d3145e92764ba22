import { mysqlDef } from '../config/mysql.ts';
import { postgresDef } from '../config/postgres.ts';
import { TailraceError } from '../model/errors.ts';

/** What stands for a key, or for a `key=value`, where there is no configuration: part of the URL, an option. */
export type KeyWords = Readonly<Record<string, string>>;

/** A key with its value, but not where it is part of another name or of SQL. */
const KEY = new RegExp(
  `(?<![\\w."])(${[...new Set([...Object.keys(postgresDef), ...Object.keys(mysqlDef)])]
    .filter((key) => key.includes('.'))
    .map((key) => key.replaceAll('.', '\\.'))
    .join('|')})(?:=([\\w-]+))?(?![\\w"]|\\.\\w)`,
  'g',
);
/** Remedies are alternatives, "this; or that". */
const ALTERNATIVE = /(?=[;,] or )/;

/** Runs `work`; what its errors tell to do is told in `words`. */
export async function inWords<T>(words: KeyWords, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TailraceError) || error.remedy === undefined) throw error;
    const remedy = reword(error.remedy, words);
    throw new TailraceError(error.code, error.message, { ...(remedy === null ? {} : { remedy }), cause: error });
  }
}

/** What a remedy says that a running task does of its own. */
const RECONNECTS = /^tailrace reconnects[^.]*\.$/;
const KEEPS_TRYING = /; tailrace keeps trying\.$/;

/** An error as the end of a command: nobody is left to do of their own what its remedy says of a running task. */
export function asLastWord(error: unknown): unknown {
  if (!(error instanceof TailraceError) || error.remedy === undefined) return error;
  const { code, message, remedy } = error;
  const left = remedy
    .replace(RECONNECTS, 'Try again when the server is back.')
    .replace(KEEPS_TRYING, ', and try again.');
  return left === remedy ? error : new TailraceError(code, message, { remedy: left, cause: error });
}

/** A remedy without keys: an alternative that needs a key for which there is no word falls away. Null: all of them do. */
export function reword(remedy: string, words: KeyWords): string | null {
  const wordOf = (key: string, value: string | undefined): string | null =>
    value === undefined ? (words[key] ?? null) : (words[`${key}=${value}`] ?? withValue(words[key], value));
  const isPossible = (text: string): boolean =>
    [...text.matchAll(KEY)].every(([, key, value]) => wordOf(key!, value) !== null);
  const alternatives = remedy.split(ALTERNATIVE);
  const kept = alternatives.filter(isPossible);
  if (kept.length === 0) return null;
  const text = kept
    .join('')
    .replace(/^[;,] or (.)/, (_, first: string) => first.toUpperCase())
    .replace(KEY, (_, key: string, value: string | undefined) => wordOf(key, value)!);
  // What ended the sentence may have gone with the last alternative: SQL keeps its semicolon.
  if (kept.at(-1) === alternatives.at(-1)) return text;
  return alternatives[alternatives.indexOf(kept.at(-1)!) + 1]!.startsWith(';') ? `${text};` : `${text}.`;
}

function withValue(word: string | undefined, value: string): string | null {
  return word === undefined ? null : `${word}=${value}`;
}
