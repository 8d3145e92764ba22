import { type SqlDialect, type Token, Tokenizer } from '../../../../decoders/binlog/ddl/tokens.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';

export type DefaultValue = Pick<ColumnSchema, 'hasDefault' | 'defaultValue'>;

/** What Debezium puts in the place of a time that only the server knows. */
export const NOW = '1970-01-01 00:00:00';
const NOW_FUNCTIONS = ['CURRENT_TIMESTAMP', 'NOW', 'LOCALTIME', 'LOCALTIMESTAMP'];

const NO_DEFAULT: DefaultValue = { hasDefault: false, defaultValue: null };
/** NULL, and an expression, whose value cannot be told. */
const UNTOLD: DefaultValue = { hasDefault: true, defaultValue: null };

/**
 * A column's default from the text in its definition. A column that may be NULL has one in any case, NULL.
 */
export function defaultValue(text: string | null, optional: boolean, dialect: SqlDialect): DefaultValue {
  const written = text === null ? NO_DEFAULT : literal(tokens(text, dialect), text);
  return written.hasDefault || !optional ? written : UNTOLD;
}

function literal(all: readonly Token[], text: string): DefaultValue {
  const [first, second] = all;
  if (first === undefined) return NO_DEFAULT;
  const told = (value: string): DefaultValue => ({ hasDefault: true, defaultValue: value });
  switch (first.kind) {
    case 'string':
      return told(strings(all));
    case 'number':
      if (/^0x/i.test(first.value)) return hexadecimal(first.value.slice(2));
      return told(/^0b/i.test(first.value) ? first.value.slice(2) : first.value);
    case 'symbol':
      return first.upper !== '(' && second?.kind === 'number' ? told(first.value + second.value) : UNTOLD;
    case 'word':
      break;
    default:
      return UNTOLD;
  }
  if (first.upper === 'NULL') return NO_DEFAULT;
  if (NOW_FUNCTIONS.includes(first.upper)) return told(NOW);
  if (first.upper === 'TRUE' || first.upper === 'FALSE') return told(text);
  // A word before a string: its type, or its character set.
  if (second?.kind === 'string') return first.upper === 'X' ? hexadecimal(second.value) : told(strings(all.slice(1)));
  return UNTOLD;
}

/** Bytes in no certain character set: a text where they are one in ASCII, which is in all of them, else as if there were none. */
function hexadecimal(digits: string): DefaultValue {
  const text = Buffer.from(digits, 'hex').toString('latin1');
  return /^[ -~]*$/.test(text) ? { hasDefault: true, defaultValue: text } : NO_DEFAULT;
}

function strings(all: readonly Token[]): string {
  let value = '';
  for (const token of all) {
    if (token.kind !== 'string') break;
    value += token.value;
  }
  return value;
}

function tokens(text: string, dialect: SqlDialect): readonly Token[] {
  const tokenizer = new Tokenizer(text, dialect);
  const all: Token[] = [];
  for (;;) {
    const token = tokenizer.next();
    if (token.kind === 'end' || token.kind === 'broken') return all;
    all.push(token);
  }
}
