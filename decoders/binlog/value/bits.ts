import { DecodeError } from '../../decode-error.ts';

/** BIT, ENUM and SET have at most 64 bits. */
const MAX_BYTES = 8;

/** BIT(n): its bits as an unsigned number, a bigint where it is beyond 2^53 - 1; big-endian, ceil(n / 8) bytes. */
export function parseBit(bytes: Uint8Array, start: number, end: number, bits: number): number | bigint {
  if (bits < 1 || bits > 64 || end - start !== (bits + 7) >> 3) {
    throw new DecodeError(`bit(${bits}): ${end - start} bytes found`, start);
  }
  const unusedBits = (8 - (bits & 7)) & 7;
  if (unusedBits > 0 && bytes[start]! >> (8 - unusedBits) !== 0) {
    throw new DecodeError(`bit(${bits}): a bit beyond the last is set`, start);
  }
  let value = 0n;
  for (let at = start; at < end; at++) value = (value << 8n) | BigInt(bytes[at]!);
  return narrow(value);
}

/**
 * ENUM: the index of its member from 1; 0 is the empty string that the server stores for an invalid value.
 * `members` is the number of the column's members, null where it is not known.
 */
export function parseEnum(bytes: Uint8Array, start: number, end: number, members: number | null): number {
  const length = end - start;
  if (length !== 1 && length !== 2) throw new DecodeError(`enum: 1 or 2 bytes expected, ${length} found`, start);
  const index = length === 1 ? bytes[start]! : bytes[start]! | (bytes[start + 1]! << 8);
  if (members !== null && index > members) throw new DecodeError(`enum: no member ${index} of ${members}`, start);
  return index;
}

/**
 * SET: its bitmap, little-endian, the first member in the lowest bit; a bigint where it is beyond 2^53 - 1.
 * `members` is the number of the column's members, null where it is not known.
 */
export function parseSet(bytes: Uint8Array, start: number, end: number, members: number | null): number | bigint {
  const length = end - start;
  if (length < 1 || length > MAX_BYTES) throw new DecodeError(`set: 1 to 8 bytes expected, ${length} found`, start);
  let bitmap = 0n;
  for (let at = end - 1; at >= start; at--) bitmap = (bitmap << 8n) | BigInt(bytes[at]!);
  if (members !== null && bitmap >> BigInt(members) !== 0n) {
    throw new DecodeError(`set: a member beyond the ${members} of the column`, start);
  }
  return narrow(bitmap);
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
