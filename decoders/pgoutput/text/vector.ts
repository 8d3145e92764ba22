import { DecodeError } from '../../decode-error.ts';
import { parseFloatText } from './float.ts';

/** pgvector's `[x,y,z]`, of vector and halfvec. */
export function parseVector(text: string, offset = 0): number[] {
  if (!text.startsWith('[') || !text.endsWith(']')) throw new DecodeError('[x,y,...] expected', offset);
  return text
    .slice(1, -1)
    .split(',')
    .map((element) => parseFloatText(element, offset));
}

export interface SparseVector {
  readonly dimensions: number;
  /** Pairs of index, from 1, and value. */
  readonly elements: readonly (readonly [index: number, value: number])[];
}

/** pgvector's `{index:value,...}/dimensions`. */
export function parseSparseVector(text: string, offset = 0): SparseVector {
  const match = /^\{([^}]*)\}\/(\d+)$/.exec(text);
  if (match === null) throw new DecodeError('{index:value,...}/dimensions expected', offset);
  const elements = match[1] === '' ? [] : match[1]!.split(',');
  return { dimensions: Number(match[2]), elements: elements.map((element) => parseElement(element, offset)) };
}

function parseElement(text: string, offset: number): readonly [number, number] {
  const match = /^(\d+):(.+)$/.exec(text);
  if (match === null) throw new DecodeError('index:value expected', offset);
  return [Number(match[1]), parseFloatText(match[2]!, offset)];
}
