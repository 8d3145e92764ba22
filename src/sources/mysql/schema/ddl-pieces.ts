import type { Statement } from '../../../../decoders/binlog/ddl/statement.ts';
import { type SqlDialect, type Token, Tokenizer } from '../../../../decoders/binlog/ddl/tokens.ts';

/**
 * The text of a statement as Debezium's parsers record it: without what comes before its first and behind its last word
 * (blanks, comments, a semicolon), and of several tables one text for each.
 */
export function ddlPieces(statement: Statement, text: string, dialect: SqlDialect): readonly string[] {
  const read = tokens(text, dialect);
  if (read === null || read.length === 0) return [text.trim()];
  const isMysql = dialect.server === 'mysql';
  const plain = isMysql ? normalized(read, text) : text;
  const all = plain === text ? read : tokens(plain, dialect)!;
  if (statement.kind === 'drop-table') return dropPieces(statement.tables, all, plain);
  if (statement.kind === 'rename-table') return renamePieces(statement.renames.length, all, plain);
  const end = isMysql ? all.length : visibleEnd(all, plain);
  // Of a unique index that becomes a key the parser for MySQL passes on what is behind CREATE.
  const isIndex = isMysql && statement.kind === 'alter-table' && all[0]!.upper === 'CREATE';
  return [plain.slice(all[isIndex ? 1 : 0]!.start, all[end - 1]!.end)];
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

/** Names of window functions, which Debezium's parser for MySQL does not take for names without quotes. */
const WINDOW_FUNCTIONS =
  /^(?:CUME_DIST|DENSE_RANK|FIRST_VALUE|JSON_TABLE|LAG|LAST_VALUE|LEAD|NTH_VALUE|NTILE|PERCENT_RANK|RANK|ROW_NUMBER)$/;
const TYPES =
  /^(?:(?:VAR)?CHAR|INT|BIGINT|DECIMAL|NUMERIC|FLOAT|DOUBLE|JSON|TEXT|BLOB|DATE|DATETIME|TIMESTAMP|TIME|YEAR|ENUM|SET|(?:VAR)?BINARY|BIT|BOOL|BOOLEAN)$/;

/** Strings in single quotes, and some names in backquotes, as Debezium's DdlNormalizer has it. */
function normalized(all: readonly Token[], text: string): string {
  let result = '';
  let from = 0;
  for (const [i, { kind, upper, start, end }] of all.entries()) {
    let token = text.slice(start, end);
    if (kind === 'string' && token.startsWith('"')) token = `'${token.slice(1, -1).replaceAll("'", "''")}'`;
    else if (kind === 'word' && WINDOW_FUNCTIONS.test(upper)) {
      const isTable = all[i - 1]?.upper === 'TABLE';
      if (isTable || TYPES.test(all[i + 1]?.upper ?? '')) token = `\`${token}\``;
    }
    result += text.slice(from, start) + token;
    from = end;
  }
  return result + text.slice(from);
}

/** Number of tokens without those of an executable comment at the end, which Debezium's parser for MariaDB does not see. */
function visibleEnd(all: readonly Token[], text: string): number {
  let opened = all.length;
  for (let i = 1; i < all.length; i++) {
    const gap = text.slice(all[i - 1]!.end, all[i]!.start);
    if (gap.includes('*/')) opened = all.length;
    if (/\/\*M?!/.test(gap)) opened = i;
  }
  return opened;
}

/** `DROP TABLE IF EXISTS` as it is written, the table in backquotes, and RESTRICT or CASCADE. */
function dropPieces(
  tables: readonly { readonly database: string; readonly name: string }[],
  all: readonly Token[],
  text: string,
): readonly string[] {
  const prefix = text.slice(all[0]!.start, all[firstName(all)]!.start);
  const last = all.at(-1)!;
  const suffix = last.upper === 'RESTRICT' || last.upper === 'CASCADE' ? ` ${text.slice(last.start, last.end)}` : '';
  return tables.map(({ database, name }) => `${prefix}${backquoted(database)}.${backquoted(name)}${suffix}`);
}

function renamePieces(count: number, all: readonly Token[], text: string): readonly string[] {
  const first = firstName(all);
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

/** Where the names begin behind TABLE [IF EXISTS]. */
function firstName(all: readonly Token[]): number {
  const verb = all.findIndex(({ upper }) => upper === 'TABLE' || upper === 'TABLES');
  return all[verb + 1]?.upper === 'IF' ? verb + 3 : verb + 1;
}

export function backquoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
