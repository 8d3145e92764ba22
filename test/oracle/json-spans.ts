/** Where a member's value lies in a JSON text. */
export interface Span {
  readonly start: number;
  /** One past the value's last character. */
  readonly end: number;
}

/** Spans of an object's members, by name; null when the text at `start` is no object. Compact JSON, as converters write. */
export function memberSpans(text: string, start: number): Map<string, Span> | null {
  if (text[start] !== '{') return null;
  const members = new Map<string, Span>();
  let at = start + 1;
  while (text[at] !== '}') {
    const nameEnd = valueEnd(text, at);
    const value = nameEnd + 1;
    const end = valueEnd(text, value);
    members.set(JSON.parse(text.slice(at, nameEnd)) as string, { start: value, end });
    at = text[end] === ',' ? end + 1 : end;
  }
  return members;
}

function valueEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === '"') {
      at = closingQuote(text, at);
      if (depth === 0) return at + 1;
    } else if (char === '{' || char === '[') {
      depth++;
    } else if (char === '}' || char === ']') {
      if (depth === 0) return at; // the end of what holds a bare value
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (char === ',' || char === ':')) {
      return at;
    }
  }
  if (depth !== 0) throw new Error(`JSON text ends inside a value: ...${text.slice(-80)}`);
  return text.length;
}

function closingQuote(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  throw new Error(`JSON text ends inside a string: ...${text.slice(-80)}`);
}
