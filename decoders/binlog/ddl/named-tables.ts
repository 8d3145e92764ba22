import type { TableName } from './statement.ts';
import { type SqlDialect, Tokenizer } from './tokens.ts';

/**
 * Every table that a statement of unknown form could name: each identifier by itself (`t`, also as the table of a column
 * `t.c`) and each pair (`d.t`); too many, never too few. Null when the text cannot be read to its end.
 */
export function namedTables(text: string, dialect: SqlDialect, defaultDatabase: string): readonly TableName[] | null {
  const tokenizer = new Tokenizer(text, dialect);
  const found = new Map<string, TableName>();
  const add = (database: string, name: string): void => {
    found.set(JSON.stringify([database, name]), { database, name });
  };
  let previous: string | null = null;
  let isAfterDot = false;
  for (;;) {
    const { kind, value } = tokenizer.next();
    if (kind === 'broken') return null;
    if (kind === 'end') return [...found.values()];
    if (kind === 'word' || kind === 'quoted') {
      add(defaultDatabase, value);
      if (isAfterDot && previous !== null) add(previous, value);
      previous = value;
      isAfterDot = false;
    } else {
      isAfterDot = kind === 'symbol' && value === '.';
      if (!isAfterDot) previous = null;
    }
  }
}
