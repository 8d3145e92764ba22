import { DecodeError } from '../../decode-error.ts';

/** Throws unless the value is as long as its column makes it. */
export function expectLength(what: string, start: number, end: number, length: number): void {
  if (end - start !== length) throw new DecodeError(`${what}: ${length} bytes expected, ${end - start} found`, start);
}

/** A big-endian unsigned integer of up to 6 bytes. */
export function bigEndian(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 256 + bytes[at]!;
  return value;
}

/** A little-endian unsigned integer of up to 6 bytes. */
export function littleEndian(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = end - 1; at >= start; at--) value = value * 256 + bytes[at]!;
  return value;
}
