/** A `.properties` text with an escape that Java would refuse; the line counts from 1. */
export class PropertiesTextError extends Error {
  override readonly name = 'PropertiesTextError';
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

export interface PropertyEntry {
  readonly value: string;
  /** Line on which the entry begins, from 1. */
  readonly line: number;
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

/**
 * Parses the syntax of java.util.Properties.load: `#` and `!` comments, `=`, `:` or blanks between key and value, lines
 * continued by a backslash, `\uXXXX`. The text is UTF-8. Of a key that stands twice the last one counts, as in Java.
 */
export function parseJavaProperties(text: string): ReadonlyMap<string, PropertyEntry> {
  const entries = new Map<string, PropertyEntry>();
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
  for (let i = 0; i < lines.length; i++) {
    let logical = lines[i]!.trimStart();
    if (logical === '' || logical.startsWith('#') || logical.startsWith('!')) continue;
    const line = i + 1;
    while (/(?:^|[^\\])(?:\\\\)*\\$/.test(logical) && i + 1 < lines.length) {
      logical = logical.slice(0, -1) + lines[++i]!.trimStart();
    }
    // Key: up to the first unescaped '=', ':' or blank; then blanks, at most one '=' or ':', blanks.
    const [, key, value] = /^((?:\\.|[^\\=:\s])*)\s*[=:]?\s*(.*)$/s.exec(logical)!;
    entries.set(unescapeText(key!, line), { value: unescapeText(value!, line), line });
  }
  return entries;
}

function unescapeText(text: string, line: number): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{0,4})|(.?))/gs, (_, hex: string | undefined, char: string | undefined) => {
    if (hex === undefined) return ESCAPES[char!] ?? char!;
    if (hex.length < 4) throw new PropertiesTextError("'\\u' must be followed by four hexadecimal digits", line);
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
}
