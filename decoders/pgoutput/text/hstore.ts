import { DecodeError } from '../../decode-error.ts';

const PAIR = /"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|(NULL))(?:, |$)/suy;

/** hstore_out's text, `"key"=>"value", "key"=>NULL`, as pairs in its order. */
export function parseHstore(text: string, offset = 0): [key: string, value: string | null][] {
  const pairs: [string, string | null][] = [];
  let at = 0;
  while (at < text.length) {
    PAIR.lastIndex = at;
    const match = PAIR.exec(text);
    if (match === null) throw new DecodeError('"key"=>"value" expected', offset + at);
    pairs.push([unescapeText(match[1]!), match[3] === undefined ? unescapeText(match[2]!) : null]);
    at = PAIR.lastIndex;
  }
  return pairs;
}

function unescapeText(text: string): string {
  return text.includes('\\') ? text.replace(/\\(.)/gsu, '$1') : text;
}
