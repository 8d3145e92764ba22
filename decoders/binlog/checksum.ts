import { crc32 } from 'node:zlib';
import { DecodeError } from '../decode-error.ts';
import { EVENT_FLAG } from './event-header.ts';

/** `enum_binlog_checksum_alg`: what ends each event of a file. */
export type ChecksumAlgorithm = 'none' | 'crc32';

export const CHECKSUM_BYTES = 4;
/** Offset of the flags in the event header. */
const FLAGS_OFFSET = 17;

/** Throws {@link DecodeError} unless the last four bytes of the event are the CRC32 of what is before them. */
export function verifyChecksum(bytes: Buffer, start: number, end: number): void {
  const at = end - CHECKSUM_BYTES;
  if (at < start) throw new DecodeError('event without room for its checksum', start);
  const stored = bytes.readUInt32LE(at);
  const computed = crc32(bytes.subarray(start, at));
  if (stored !== computed) throw checksumError(stored, computed, at);
}

/** Whether the event ends in its own CRC32. */
export function hasChecksum(bytes: Buffer, start: number, end: number): boolean {
  const at = end - CHECKSUM_BYTES;
  return at > start && bytes.readUInt32LE(at) === crc32(bytes.subarray(start, at));
}

/** As {@link verifyChecksum}; the checksum of a format description was taken before its in-use flag was set. */
export function verifyFormatDescriptionChecksum(bytes: Buffer, start: number, end: number): void {
  const at = end - CHECKSUM_BYTES;
  const stored = bytes.readUInt32LE(at);
  const flags = start + FLAGS_OFFSET;
  const cleared = Buffer.of(bytes[flags]! & ~EVENT_FLAG.binlogInUse);
  const before = crc32(bytes.subarray(start, flags));
  const computed = crc32(bytes.subarray(flags + 1, at), crc32(cleared, before));
  if (stored !== computed) throw checksumError(stored, computed, at);
}

function checksumError(stored: number, computed: number, at: number): DecodeError {
  const hex = (value: number) => value.toString(16).padStart(8, '0');
  return new DecodeError(
    `event checksum is ${hex(stored)}, its bytes give ${hex(computed)}: corrupt in file or transit`,
    at,
  );
}
