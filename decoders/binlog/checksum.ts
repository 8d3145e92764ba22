import { crc32 as zlibCrc32 } from 'node:zlib';
import { DecodeError } from '../decode-error.ts';
import { EVENT_FLAG } from './event-header.ts';

/** `enum_binlog_checksum_alg`: what ends each event of a file. */
export type ChecksumAlgorithm = 'none' | 'crc32';

export const CHECKSUM_BYTES = 4;
/** Row events of single rows are shorter, those of many have some 8 KB. */
const ZLIB_FROM_BYTES = 250;
/** Offset of the flags in the event header. */
const FLAGS_OFFSET = 17;

/** Throws {@link DecodeError} unless the last four bytes of the event are the CRC32 of what is before them. */
export function verifyChecksum(bytes: Buffer, start: number, end: number): void {
  const at = end - CHECKSUM_BYTES;
  if (at < start) throw new DecodeError('event without room for its checksum', start);
  const stored = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  const computed = crc32(bytes, start, at);
  if (stored !== computed) throw checksumError(stored, computed, at);
}

/** Whether the event ends in its own CRC32. */
export function hasChecksum(bytes: Buffer, start: number, end: number): boolean {
  const at = end - CHECKSUM_BYTES;
  return at > start && bytes.readUInt32LE(at) === crc32(bytes, start, at);
}

/** As {@link verifyChecksum}; the checksum of a format description was taken before its in-use flag was set. */
export function verifyFormatDescriptionChecksum(bytes: Buffer, start: number, end: number): void {
  const at = end - CHECKSUM_BYTES;
  const stored = bytes.readUInt32LE(at);
  const flags = start + FLAGS_OFFSET;
  const cleared = Buffer.of(bytes[flags]! & ~EVENT_FLAG.binlogInUse);
  const before = zlibCrc32(bytes.subarray(start, flags));
  const computed = zlibCrc32(bytes.subarray(flags + 1, at), zlibCrc32(cleared, before));
  if (stored !== computed) throw checksumError(stored, computed, at);
}

/** CRC-32 of zlib, of `bytes[start, end)`; measured: a call of zlib costs what 250 bytes cost here. */
export function crc32(bytes: Buffer, start: number, end: number): number {
  if (end - start > ZLIB_FROM_BYTES) return zlibCrc32(bytes.subarray(start, end));
  let crc = -1;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc = TABLE_3[crc & 0xff]! ^ TABLE_2[(crc >>> 8) & 0xff]! ^ TABLE_1[(crc >>> 16) & 0xff]! ^ TABLE_0[crc >>> 24]!;
  }
  for (; at < end; at++) crc = TABLE_0[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Of each byte with nothing behind it. 0xedb88320 is the reflected polynomial of CRC-32. */
const TABLE_0 = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb8_8320;
  return crc;
});
/** Of each byte with one, two and three bytes behind it. */
const TABLE_1 = TABLE_0.map((crc) => TABLE_0[crc & 0xff]! ^ (crc >>> 8));
const TABLE_2 = TABLE_1.map((crc) => TABLE_0[crc & 0xff]! ^ (crc >>> 8));
const TABLE_3 = TABLE_2.map((crc) => TABLE_0[crc & 0xff]! ^ (crc >>> 8));

function checksumError(stored: number, computed: number, at: number): DecodeError {
  const hex = (value: number) => value.toString(16).padStart(8, '0');
  return new DecodeError(
    `event checksum is ${hex(stored)}, its bytes give ${hex(computed)}: corrupt in file or transit`,
    at,
  );
}
