import { parseString } from './column-definition.ts';
import { acceptCharset, parseCharsetName } from './column-type.ts';
import type { TokenReader } from './token-reader.ts';

/** What of a table's or a database's options concerns its rows. */
export interface TableOptions {
  charset: string | null;
  collation: string | null;
  comment: string | null;
}

/** Takes one option of a table or database that has to do with character sets or its comment, if one comes next. */
export function acceptTextOption(reader: TokenReader, options: TableOptions): boolean {
  const mark = reader.mark;
  reader.accept('DEFAULT');
  if (acceptCharset(reader)) {
    reader.accept('=');
    options.charset = parseCharsetName(reader);
    return true;
  }
  if (reader.accept('COLLATE')) {
    reader.accept('=');
    options.collation = parseCharsetName(reader);
    return true;
  }
  reader.reset(mark);
  if (!reader.accept('COMMENT')) return false;
  reader.accept('=');
  options.comment = parseString(reader);
  return true;
}

/** `name [=] value`, the value being a word, a literal or a list in parentheses. */
export function skipOption(reader: TokenReader): void {
  if (reader.accept('DATA', 'DIRECTORY') || reader.accept('INDEX', 'DIRECTORY')) reader.accept('=');
  else {
    reader.identifier();
    reader.accept('=');
  }
  const { kind, upper } = reader.peek();
  if (upper === '(') reader.skipParentheses();
  else if (kind === 'word' || kind === 'quoted' || kind === 'string' || kind === 'number') reader.next();
  else throw reader.notUnderstood('the value of an option');
}
