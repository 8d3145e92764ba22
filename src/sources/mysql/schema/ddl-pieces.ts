import type { Statement } from '../../../../decoders/binlog/ddl/statement.ts';
import { type SqlDialect, type Token, Tokenizer } from '../../../../decoders/binlog/ddl/tokens.ts';

/**
 * The text of a statement as Debezium records it: without what comes before its first and behind its last word
 * (blanks, comments, a semicolon), and of several tables one text for each.
 */
export function ddlPieces(statement: Statement, text: string, dialect: SqlDialect): readonly string[] {
  const all = tokens(text, dialect);
  if (all === null || all.length === 0) return [text.trim()];
  if (statement.kind === 'drop-table') return dropPieces(statement.tables, all, text);
  if (statement.kind === 'rename-table') return renamePieces(statement.renames.length, all, text);
  return [text.slice(all[0]!.start, all[visibleEnd(all, text) - 1]!.end)];
}

/** Number of tokens without those of an executable comment at the end, such as SHOW CREATE TABLE's partitions. */
function visibleEnd(all: readonly Token[], text: string): number {
  let opened = all.length;
  for (let i = 1; i < all.length; i++) {
    const gap = text.slice(all[i - 1]!.end, all[i]!.start);
    if (gap.includes('*/')) opened = all.length;
    if (/\/\*M?!/.test(gap)) opened = i;
  }
  return opened;
}

/** Null where the text cannot be read to its end. */
function tokens(text: string, dialect: SqlDialect): readonly Token[] | null {
  const tokenizer = new Tokenizer(text, dialect);
  const all: Token[] = [];
  for (;;) {
    const token = tokenizer.next();
    if (token.kind === 'broken') return null;
    if (token.kind === 'end') break;
    all.push(token);
  }
  while (all.at(-1)?.upper === ';') all.pop();
  return all;
}

/** `DROP TABLE IF EXISTS` as it is written, the table in backquotes, and RESTRICT or CASCADE. */
function dropPieces(
  tables: readonly { readonly database: string; readonly name: string }[],
  all: readonly Token[],
  text: string,
): readonly string[] {
  const verb = all.findIndex(({ upper }) => upper === 'TABLE' || upper === 'TABLES');
  const first = all[verb + 1]?.upper === 'IF' ? verb + 3 : verb + 1;
  const prefix = text.slice(all[0]!.start, all[first]!.start);
  const last = all.at(-1)!;
  const suffix = last.upper === 'RESTRICT' || last.upper === 'CASCADE' ? ` ${text.slice(last.start, last.end)}` : '';
  return tables.map(({ database, name }) => `${prefix}${backquoted(database)}.${backquoted(name)}${suffix}`);
}

function renamePieces(count: number, all: readonly Token[], text: string): readonly string[] {
  const verb = all.findIndex(({ upper }) => upper === 'TABLE' || upper === 'TABLES');
  const first = all[verb + 1]?.upper === 'IF' ? verb + 3 : verb + 1;
  const prefix = text.slice(all[0]!.start, all[first]!.start);
  const pieces: string[] = [];
  let from = first;
  for (let i = first; i <= all.length; i++) {
    if (i < all.length && all[i]!.upper !== ',') continue;
    pieces.push(prefix + text.slice(all[from]!.start, all[i - 1]!.end));
    from = i + 1;
  }
  // Each rename is text of its own; where they could not be told apart, all of them have the whole text.
  return pieces.length === count ? pieces : new Array<string>(count).fill(text.trim());
}

export function backquoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
