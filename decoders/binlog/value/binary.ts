import { DecodeError } from '../../decode-error.ts';

/** BINARY(length): the binlog leaves out zero bytes at the end, and the server gives them back. */
export function parseBinary(bytes: Buffer, start: number, end: number, length: number): Buffer {
  const missing = length - (end - start);
  if (missing < 0) throw new DecodeError(`binary(${length}): ${end - start} bytes found`, start);
  if (missing === 0) return bytes.subarray(start, end);
  const padded = Buffer.alloc(length);
  bytes.copy(padded, 0, start, end);
  return padded;
}
