import type { Schema, Value } from '../model/schema.ts';

export type BinaryMode = 'bytes' | 'base64' | 'base64-url-safe' | 'hex';

const ENCODINGS = { base64: 'base64', 'base64-url-safe': 'base64url', hex: 'hex' } as const;

/** Schema of a logical message's content under `binary.handling.mode`. */
export function contentSchema(mode: BinaryMode): Schema {
  return { type: mode === 'bytes' ? 'bytes' : 'string', optional: true };
}

/** The content itself; the bytes are borrowed, as those of rows are. */
export function contentValue(mode: BinaryMode, content: Buffer): Value {
  if (mode === 'bytes') return content;
  const text = content.toString(ENCODINGS[mode]);
  // Java's URL-safe encoder pads, Node's does not.
  return mode === 'base64-url-safe' ? text.padEnd(Math.ceil(text.length / 4) * 4, '=') : text;
}
