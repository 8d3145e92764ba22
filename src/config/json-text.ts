/** A JSON text that is not JSON, with the place where it stops being it (both from 1). */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
  readonly line: number;
  readonly column: number;

  constructor(message: string, text: string, at: number) {
    super(message);
    const before = text.slice(0, at).split('\n');
    this.line = before.length;
    this.column = before.at(-1)!.length + 1;
  }
}

export interface JsonEntry {
  readonly value: JsonValue;
  /** Line of the key, from 1. */
  readonly line: number;
}
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | ReadonlyMap<string, JsonEntry>;

/** As deep as a configuration can sensibly be; the parser recurses. */
const MAX_DEPTH = 32;

/**
 * Parses JSON, keeping the line of every key, so that later complaints can name it. A key that stands twice in one object
 * is an error. Throws {@link JsonTextError}.
 */
export function parseJsonText(text: string): JsonValue {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;

  const fail = (message: string, where = at): never => {
    throw new JsonTextError(message, text, where);
  };
  const skipBlanks = (): void => {
    while (/[ \t\r\n]/.test(text[at] ?? '')) at++;
  };
  const found = (): string => (at >= text.length ? 'the end of the file' : `'${text[at]}'`);

  const string = (): string => {
    const start = at;
    const match = /"(?:[^"\\\n\r]|\\.)*"/y;
    match.lastIndex = at;
    const token = match.exec(text)?.[0];
    if (token === undefined) return fail("a string is not closed with '\"'", start);
    at += token.length;
    try {
      return JSON.parse(token) as string;
    } catch {
      return fail('a string holds a character or an escape that JSON does not have', start);
    }
  };

  const value = (depth: number): JsonValue => {
    if (depth > MAX_DEPTH) fail(`it is nested more than ${MAX_DEPTH} levels deep`);
    const char = text[at];
    if (char === '{') return object(depth);
    if (char === '[') return array(depth);
    if (char === '"') return string();
    const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
    literal.lastIndex = at;
    const token = literal.exec(text)?.[0];
    if (token === undefined) return fail(`a value is expected, not ${found()}`);
    at += token.length;
    if (token === 'true' || token === 'false') return token === 'true';
    return token === 'null' ? null : Number(token);
  };

  const object = (depth: number): ReadonlyMap<string, JsonEntry> => {
    const entries = new Map<string, JsonEntry>();
    at++;
    skipBlanks();
    if (text[at] === '}') {
      at++;
      return entries;
    }
    while (true) {
      skipBlanks();
      if (text[at] !== '"') fail(`a key in double quotes is expected, not ${found()}`);
      const start = at;
      const line = text.slice(0, at).split('\n').length;
      const key = string();
      if (entries.has(key)) fail(`the key '${key}' stands here a second time`, start);
      skipBlanks();
      if (text[at] !== ':') fail(`':' is expected after the key '${key}', not ${found()}`);
      at++;
      skipBlanks();
      entries.set(key, { value: value(depth + 1), line });
      skipBlanks();
      if (text[at] === ',') at++;
      else if (text[at] === '}') {
        at++;
        return entries;
      } else fail(`',' or '}' is expected, not ${found()}`);
    }
  };

  const array = (depth: number): readonly JsonValue[] => {
    const items: JsonValue[] = [];
    at++;
    skipBlanks();
    if (text[at] === ']') {
      at++;
      return items;
    }
    while (true) {
      skipBlanks();
      items.push(value(depth + 1));
      skipBlanks();
      if (text[at] === ',') at++;
      else if (text[at] === ']') {
        at++;
        return items;
      } else fail(`',' or ']' is expected, not ${found()}`);
    }
  };

  skipBlanks();
  const result = value(0);
  skipBlanks();
  if (at < text.length) fail(`nothing may follow the value, but ${found()} does`);
  return result;
}
