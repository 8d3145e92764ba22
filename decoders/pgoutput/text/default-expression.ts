/** What pg_get_expr's text of a column default says before it is evaluated. */
export type DefaultExpression =
  | { readonly kind: 'literal'; readonly text: string }
  /** A call: its value is known only to the server. */
  | { readonly kind: 'function' };

const CALL = /^\(?[A-Za-z0-9_.]+\(.*\)/;
const SQL_VALUE_FUNCTION =
  /^(?:CURRENT_(?:DATE|TIME|TIMESTAMP|USER|ROLE|CATALOG|SCHEMA)|LOCALTIME|LOCALTIMESTAMP|SESSION_USER|USER)$/i;
const PLAIN_LITERAL = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|true|false)$/i;
/** `'text'` with doubled quotes, `B'bits'`. */
const QUOTED_LITERAL = /^B?'((?:[^']|'')*)'$/s;
/** `::type`: a name, qualified or quoted, its further words, its modifier, array brackets. */
const CAST =
  /::(?:"(?:[^"]|"")*"|[A-Za-z_][\w$]*)(?:\.(?:"(?:[^"]|"")*"|[A-Za-z_][\w$]*))?(?: varying| precision)?(?:\([\d, -]*\))?(?: with(?:out)? time zone)?(?:\[\])*$/;

/**
 * Understands literals (plain, quoted, cast, in parentheses) and calls; null for NULL and for every other expression,
 * whose value the text does not tell.
 */
export function parseDefaultExpression(expression: string): DefaultExpression | null {
  const text = expression.trim();
  if (SQL_VALUE_FUNCTION.test(text)) return { kind: 'function' };
  const literal = parseLiteral(text);
  if (literal !== null) return { kind: 'literal', text: literal };
  return CALL.test(text) ? { kind: 'function' } : null;
}

function parseLiteral(text: string): string | null {
  if (PLAIN_LITERAL.test(text)) return text;
  const quoted = QUOTED_LITERAL.exec(text);
  if (quoted !== null) return quoted[1]!.replaceAll("''", "'");
  const cast = CAST.exec(text);
  if (cast !== null && cast.index > 0) return parseLiteral(text.slice(0, cast.index));
  return text.startsWith('(') && text.endsWith(')') ? parseLiteral(text.slice(1, -1)) : null;
}
