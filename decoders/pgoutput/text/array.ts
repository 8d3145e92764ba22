import { DecodeError } from '../../decode-error.ts';
import { isText } from './digits.ts';

const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const EQUALS = 0x3d;

export interface ArrayText {
  /** Texts of the elements in row-major order, as views where they can be; null is NULL. */
  readonly elements: readonly (Buffer | null)[];
  /** 0 for an empty array. */
  readonly dimensions: number;
}

/**
 * array_out's text: `[bounds]={element,...}`, elements quoted where need be, sub-arrays in braces.
 * `delimiter` is the element type's typdelim: a comma, a semicolon for boxes. Lower bounds are dropped.
 */
export function parseArray(bytes: Buffer, start: number, end: number, delimiter = 0x2c): ArrayText {
  const elements: (Buffer | null)[] = [];
  let dimensions = 0;
  let depth = 0;
  let at = start;
  if (bytes[at] === BRACKET) {
    while (at < end && bytes[at] !== EQUALS) at++;
    at++;
  }
  if (at >= end || bytes[at] !== OPEN) throw new DecodeError('{ expected at the beginning of an array', at);
  /** An element or a sub-array may begin here. */
  let isOpen = true;
  do {
    const byte = bytes[at]!;
    if (byte === CLOSE) {
      // `{}` is the empty array; a closing brace after a delimiter is not array_out's.
      if (isOpen && !(depth === 1 && elements.length === 0 && dimensions === 1)) {
        throw new DecodeError('an element expected', at);
      }
      depth--;
      isOpen = false;
      at++;
    } else if (byte === delimiter) {
      if (isOpen) throw new DecodeError('an element expected', at);
      isOpen = true;
      at++;
    } else if (!isOpen) {
      throw new DecodeError('a delimiter or } expected', at);
    } else if (byte === OPEN) {
      depth++;
      if (depth > dimensions) dimensions = depth;
      at++;
    } else {
      at = parseElement(bytes, at, end, delimiter, elements);
      isOpen = false;
    }
    if (at >= end && depth > 0) throw new DecodeError('unterminated array', start);
  } while (depth > 0);
  if (at !== end) throw new DecodeError('unexpected text after an array', at);
  return { elements, dimensions: elements.length === 0 ? 0 : dimensions };
}

/** Pushes the text of the element at `start` and returns where it ends; only an escaped text is copied. */
function parseElement(bytes: Buffer, start: number, end: number, delimiter: number, into: (Buffer | null)[]): number {
  const isQuoted = bytes[start] === QUOTE;
  const first = isQuoted ? start + 1 : start;
  let escapes = 0;
  let at = first;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === BACKSLASH) {
      escapes++;
      at++;
    } else if (isQuoted ? byte === QUOTE : byte === delimiter || byte === CLOSE) {
      break;
    }
  }
  if (at >= end) throw new DecodeError('unterminated array element', start);
  const isNull = !isQuoted && escapes === 0 && isText(bytes, first, at, 'NULL');
  const text = bytes.subarray(first, at);
  into.push(isNull ? null : escapes === 0 ? text : unescaped(text, escapes));
  return isQuoted ? at + 1 : at;
}

function unescaped(text: Buffer, escapes: number): Buffer {
  const result = Buffer.allocUnsafe(text.length - escapes);
  for (let from = 0, to = 0; from < text.length; from++, to++) {
    if (text[from] === BACKSLASH) from++;
    result[to] = text[from]!;
  }
  return result;
}
