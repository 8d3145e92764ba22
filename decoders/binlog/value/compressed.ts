import { inflateRawSync, inflateSync } from 'node:zlib';
import { DecodeError } from '../../decode-error.ts';

const METHOD_MASK = 0xf0;
const STORED = 0x00;
const ZLIB = 0x80;
/** The data is without zlib's header and checksum (column_compression_zlib_wrap=OFF, the default). */
const RAW = 0x08;
const LENGTH_BYTES_MASK = 0x07;

/**
 * A MariaDB column `COMPRESSED`: nothing for the empty string, else a head byte: 0 and the value as it is, or 0x80 with
 * the flag of data without zlib's wrapping and the bytes of the value's length, that length, big-endian, and the deflated value
 * (compress_zlib in sql/field_comp.cc).
 */
export function parseCompressed(bytes: Buffer, start: number, end: number): Buffer {
  if (start === end) return bytes.subarray(start, end);
  const head = bytes[start]!;
  const method = head & METHOD_MASK;
  if (method === STORED && head === 0) return bytes.subarray(start + 1, end);
  const lengthBytes = head & LENGTH_BYTES_MASK;
  const content = start + 1 + lengthBytes;
  if (method !== ZLIB || lengthBytes < 1 || lengthBytes > 4 || content > end) {
    throw new DecodeError(`compressed column: no such head 0x${head.toString(16)}`, start);
  }
  const length = bytes.readUIntBE(start + 1, lengthBytes);
  const inflate = (head & RAW) === 0 ? inflateSync : inflateRawSync;
  let value: Buffer;
  try {
    value = inflate(bytes.subarray(content, end), { maxOutputLength: Math.max(length, 1) });
  } catch (error) {
    throw new DecodeError(`compressed column: ${(error as Error).message}`, content);
  }
  if (value.length !== length) throw new DecodeError(`compressed column: ${value.length} of ${length} bytes`, content);
  return value;
}
