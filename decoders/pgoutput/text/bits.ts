import { DecodeError } from '../../decode-error.ts';

const ZERO = 0x30;
const ONE = 0x31;

/** bit_out's text, most significant bit first, as little-endian bytes up to the one that holds the highest 1 bit. */
export function parseBits(bytes: Uint8Array, start: number, end: number): Buffer {
  let first = start;
  while (first < end && bytes[first] === ZERO) first++;
  const result = Buffer.alloc((end - first + 7) >> 3);
  for (let at = first; at < end; at++) {
    const bit = end - 1 - at;
    if (bytes[at] === ONE) result[bit >> 3]! |= 1 << (bit & 7);
    else if (bytes[at] !== ZERO) throw new DecodeError('0 or 1 expected', at);
  }
  return result;
}
