import { DecodeError } from '../../decode-error.ts';
import { parseFloatText } from './float.ts';

/** point_out's text: `(x,y)`. */
export function parsePoint(text: string, offset = 0): { readonly x: number; readonly y: number } {
  const comma = text.indexOf(',');
  if (comma === -1 || !text.startsWith('(') || !text.endsWith(')')) throw new DecodeError('(x,y) expected', offset);
  return { x: parseFloatText(text.slice(1, comma), offset), y: parseFloatText(text.slice(comma + 1, -1), offset) };
}
