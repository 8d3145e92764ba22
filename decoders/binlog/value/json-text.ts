import { formatDecimal } from '../../pgoutput/text/numeric.ts';
import { formatFloat64 } from './float.ts';
import type { JsonValue } from './json-value.ts';
import { formatDate, formatDateTime, formatTime } from './temporal.ts';

/** How a text of JSON is written, where writers differ. */
export interface JsonStyle {
  /** Between elements or members, e.g. `, `. */
  readonly separator: string;
  /** Between a key and its value, e.g. `: `. */
  readonly colon: string;
  readonly formatDouble: (value: number) => string;
}

/** Not all doubles look like one: the server marks those that would read as an integer. */
function formatServerDouble(value: number): string {
  const text = formatFloat64(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** What the server prints: `{"a": [1, 2.0]}`. */
export const SERVER_JSON: JsonStyle = { separator: ', ', colon: ': ', formatDouble: formatServerDouble };
/** The same without spaces. */
export const COMPACT_JSON: JsonStyle = { separator: ',', colon: ':', formatDouble: formatServerDouble };

/** The text of a value; SQL types that JSON does not have are strings in it, as the server writes them. */
export function formatJson(value: JsonValue, style: JsonStyle): string {
  switch (value.kind) {
    case 'null':
      return 'null';
    case 'boolean':
      return value.value ? 'true' : 'false';
    case 'integer':
      return String(value.value);
    case 'double':
      return style.formatDouble(value.value);
    case 'string':
      return quoted(value.value);
    case 'decimal':
      return formatDecimal(value.unscaled, value.scale);
    case 'date':
      return `"${formatDate(value.value)}"`;
    case 'datetime':
    case 'timestamp':
      return `"${formatDateTime(value.value, 6)}"`;
    case 'time':
      return `"${formatTime(value.micros, 6)}"`;
    case 'opaque':
      return quoted(`base64:type${value.type}:${base64Lines(value.bytes)}`);
    case 'array':
      return `[${value.elements.map((element) => formatJson(element, style)).join(style.separator)}]`;
    case 'object': {
      const members = value.members.map(([key, member]) => quoted(key) + style.colon + formatJson(member, style));
      return `{${members.join(style.separator)}}`;
    }
  }
}

/** The server breaks Base64 into lines (base64_encode in mysys/base64.cc). */
const BASE64_LINE_CHARACTERS = 76;

/** Base64 as the server has it in a document's text. */
export function base64Lines(bytes: Buffer): string {
  const text = bytes.toString('base64');
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += BASE64_LINE_CHARACTERS)
    lines.push(text.slice(at, at + BASE64_LINE_CHARACTERS));
  return lines.join('\n');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** Escapes what JSON demands and no more (double_quote in sql-common/json_dom.cc). */
function quoted(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
  const escaped = text.replace(/["\\\u0000-\u001f]/g, (character) => {
    return ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}
