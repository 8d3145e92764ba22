/**
 * Splits a script into its statements, each without its semicolon: a server runs statements sent together as one
 * transaction, a scenario wants each to be its own. Knows quotes, dollar quotes and comments; not E'' with \'.
 */
export function splitStatements(sql: string): string[] {
  const token = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|;/g;
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
