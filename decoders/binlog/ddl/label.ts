import { Tokenizer } from './tokens.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  "'": "''",
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\0': '\\0',
};

/** A label of an ENUM or SET as SHOW CREATE TABLE writes it, which is how Debezium's records have it. */
export function quoteLabel(label: string): string {
  return `'${label.replace(/['\\\n\r\0]/g, (char) => ESCAPES[char]!)}'`;
}

/** The label of a literal in single or double quotes; a text without quotes is itself. */
export function unquoteLabel(text: string): string {
  if (!/^['"]/.test(text)) return text;
  const dialect = { server: 'mysql', ansiQuotes: false, noBackslashEscapes: false } as const;
  const token = new Tokenizer(text, dialect).next();
  return token.kind === 'string' ? token.value : text.slice(1, -1);
}
