import { compileJavaRegex } from './java-regex.ts';

/** A list such as `table.include.list`: a name is in it when one of its expressions matches the whole name, in any case. */
export interface RegexList {
  /** As it was written. */
  readonly text: string;
  readonly patterns: readonly RegExp[];
  matches(name: string): boolean;
}

/** Reads comma-separated Java regular expressions; a comma inside one is written `\,`. Throws ConfigValueError. */
export function parseRegexList(text: string): RegexList {
  const patterns = splitRegexList(text).map(compileJavaRegex);
  return { text, patterns, matches: (name) => patterns.some((pattern) => pattern.test(name)) };
}

/** Cuts a list at its commas, but for those after a backslash. Blanks around an entry and empty entries are dropped. */
export function splitRegexList(text: string): readonly string[] {
  const entries: string[] = [];
  let entry = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '\\' && i + 1 < text.length) {
      const escaped = text[++i]!;
      entry += escaped === ',' ? ',' : char + escaped;
    } else if (char === ',') {
      entries.push(entry);
      entry = '';
    } else {
      entry += char;
    }
  }
  entries.push(entry);
  return entries.map((one) => one.trim()).filter((one) => one !== '');
}
