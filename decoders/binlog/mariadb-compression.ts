import { inflateSync } from 'node:zlib';
import { DecodeError } from '../decode-error.ts';

const COMPRESSED = 0x80;
const ALGORITHM_MASK = 0x70;
const LENGTH_MASK = 0x07;
/** Longest value of `max_allowed_packet`; the server refuses to make more of compressed bytes. */
const MAX_BYTES = 1024 * 1024 * 1024;

/**
 * The compressed part of MariaDB's *_COMPRESSED events:
 *
 *     uint8 0x80 | algorithm << 4 | bytes of length, uint8..uint32 length (big-endian, uncompressed), zlib stream
 *
 * Algorithm 0, zlib, is the only one (MariaDB source, sql/log_event.cc, `binlog_buf_compress`).
 * Gives new bytes; {@link DecodeError} unless they are exactly as many as announced.
 */
export function decompress(bytes: Buffer, start: number, end: number): Buffer {
  const head = start < end ? bytes[start]! : 0;
  const lengthBytes = head & LENGTH_MASK;
  if ((head & COMPRESSED) === 0 || (head & ALGORITHM_MASK) !== 0 || lengthBytes < 1 || lengthBytes > 4) {
    throw new DecodeError(`0x${head.toString(16)} begins nothing that MariaDB compressed`, start);
  }
  const dataStart = start + 1 + lengthBytes;
  if (dataStart >= end) throw new DecodeError('compressed event ends before its data', start);
  const length = bytes.readUIntBE(start + 1, lengthBytes);
  if (length > MAX_BYTES) throw new DecodeError(`compressed event of ${length} bytes`, start + 1);
  let data: Buffer;
  try {
    data = inflateSync(bytes.subarray(dataStart, end), { maxOutputLength: Math.max(1, length) });
  } catch (error) {
    throw new DecodeError(`compressed event cannot be decompressed: ${(error as Error).message}`, dataStart);
  }
  if (data.length !== length) {
    throw new DecodeError(`compressed event gives ${data.length} bytes, ${length} were announced`, dataStart);
  }
  return data;
}
