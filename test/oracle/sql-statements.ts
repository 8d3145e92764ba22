/** What the servers' lexers take as one piece, in which a semicolon ends nothing. */
const tokens = {
  /** Quotes, dollar quotes and comments; not E'' with \'. */
  postgres: /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|;/g,
  /** Quotes with backslashes, names in backticks, comments; bodies of BEGIN and END in a line of their own. */
  mysql:
    /--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|''|\\[\s\S])*'|"(?:[^"\\]|""|\\[\s\S])*"|`(?:[^`]|``)*`|^BEGIN\n[\s\S]*?^END\b|;/gm,
} as const;

/**
 * Splits a script into its statements, each without its semicolon: a server runs statements sent together as one
 * transaction, a scenario wants each to be its own.
 */
export function splitStatements(sql: string, dialect: keyof typeof tokens = 'postgres'): string[] {
  const token = tokens[dialect];
  const statements: string[] = [];
  let start = 0;
  for (const match of sql.matchAll(token)) {
    if (match[0] !== ';') continue;
    statements.push(sql.slice(start, match.index).trim());
    start = match.index + 1;
  }
  if (sql.slice(start).replace(token, '').trim() !== '') {
    throw new Error(`The last statement of a script needs a semicolon: ${sql.slice(start).trim()}`);
  }
  return statements.filter((statement) => statement !== '');
}
