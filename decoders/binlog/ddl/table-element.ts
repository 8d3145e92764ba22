import { parseColumnDefinition } from './column-definition.ts';
import type { ColumnDefinition } from './table-definition.ts';
import type { TokenReader } from './token-reader.ts';

/** One element between the parentheses of CREATE TABLE, or after ALTER TABLE ... ADD. */
export type TableElement =
  | { readonly kind: 'column'; readonly column: ColumnDefinition }
  | { readonly kind: 'primary-key'; readonly columns: readonly string[] }
  | { readonly kind: 'unique-key'; readonly columns: readonly string[] }
  /** MariaDB: PERIOD FOR name (start, end), which makes its columns NOT NULL. */
  | { readonly kind: 'period'; readonly columns: readonly string[] }
  /** Another index or a constraint. */
  | { readonly kind: 'other' };

/** Stops before `,`, `)`, the end, or what ALTER TABLE lets follow a column. */
export function parseTableElement(reader: TokenReader): TableElement {
  return parseKeyOrConstraint(reader) ?? { kind: 'column', column: parseColumnDefinition(reader) };
}

/** Null, and nothing taken, when no key or constraint begins here. */
export function parseKeyOrConstraint(reader: TokenReader): Exclude<TableElement, { kind: 'column' }> | null {
  if (reader.accept('CONSTRAINT')) {
    const { upper } = reader.peek();
    if (!['PRIMARY', 'UNIQUE', 'FOREIGN', 'CHECK'].includes(upper)) {
      if (reader.accept('IF')) reader.expect('NOT', 'EXISTS');
      reader.identifier();
    }
    const constraint = parseKeyOrConstraint(reader);
    if (constraint === null) throw reader.notUnderstood('a constraint');
    return constraint;
  }
  if (reader.accept('PRIMARY', 'KEY')) {
    const columns = parsePrimaryKey(reader);
    reader.skipItem();
    return { kind: 'primary-key', columns };
  }
  if (reader.accept('PERIOD', 'FOR')) {
    reader.identifier();
    return { kind: 'period', columns: parsePeriod(reader) };
  }
  const [first, second] = [reader.peek().upper, reader.peek(1).upper];
  const isOther =
    ['UNIQUE', 'INDEX', 'KEY', 'FULLTEXT', 'SPATIAL', 'FOREIGN', 'CHECK'].includes(first) ||
    (first === 'VECTOR' && (second === 'INDEX' || second === 'KEY'));
  if (!isOther) return null;
  const columns = reader.accept('UNIQUE') ? parseUniqueKey(reader) : null;
  reader.skipItem();
  return columns === null ? { kind: 'other' } : { kind: 'unique-key', columns };
}

/** `[KEY] [name] [USING type] (columns)`; null, and what is before them taken, where a part is an expression or a period. */
export function parseUniqueKey(reader: TokenReader): readonly string[] | null {
  while (reader.peek().kind === 'word' || reader.peek().kind === 'quoted') reader.next();
  const mark = reader.mark;
  reader.expect('(');
  const columns: string[] = [];
  do {
    const { kind } = reader.peek();
    if (kind !== 'word' && kind !== 'quoted') break;
    columns.push(reader.identifier());
    if (reader.peek().upper === '(') reader.skipParentheses();
    reader.acceptAny(['ASC', 'DESC']);
  } while (reader.accept(','));
  if (reader.accept(')')) return columns;
  reader.reset(mark);
  return null;
}

/** `[IF NOT EXISTS] [name] [USING type] (column [(length)] [ASC | DESC], ...)`, the columns. */
function parsePrimaryKey(reader: TokenReader): readonly string[] {
  while (reader.peek().upper !== '(') {
    const { kind } = reader.peek();
    if (kind !== 'word' && kind !== 'quoted') throw reader.notUnderstood('the columns of the primary key');
    reader.next();
  }
  reader.expect('(');
  const columns: string[] = [];
  do {
    const name = reader.identifier();
    // MariaDB: the last part of the key may be a period, whose columns stand for it.
    if (reader.accept('WITHOUT', 'OVERLAPS')) throw reader.notUnderstood('a column of the primary key');
    columns.push(name);
    if (reader.peek().upper === '(') reader.skipParentheses();
    reader.acceptAny(['ASC', 'DESC']);
  } while (reader.accept(','));
  reader.expect(')');
  return columns;
}

function parsePeriod(reader: TokenReader): readonly string[] {
  reader.expect('(');
  const start = reader.identifier();
  reader.expect(',');
  const end = reader.identifier();
  reader.expect(')');
  return [start, end];
}
