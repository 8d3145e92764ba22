import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { ZstdCompressor } from '../zstd-compressor.ts';
import type { Compression } from './settings.ts';

/** How the records of a batch are compressed. */
export interface Compressor {
  /** The lowest three bits of a batch's attributes. */
  readonly codec: number;
  /** Null: they stay as they are. The result does not share memory with `records`. */
  readonly compress: ((records: Buffer) => Buffer) | null;
}

/** Null: the codec's own default, with which it is quick: gzip 6, zstd 1 (Kafka's 3 costs twice as much for a few per cent). */
export function createCompressor(compression: Compression, level: number | null): Compressor {
  switch (compression) {
    case 'none':
      return { codec: 0, compress: null };
    case 'gzip':
      return {
        codec: 1,
        compress: (records) => gzipSync(records, { level: level ?? constants.Z_DEFAULT_COMPRESSION }),
      };
    case 'snappy':
      return { codec: 2, compress: compressSnappy };
    case 'lz4':
      // Frames of independent blocks, which is all that Java's client reads.
      return { codec: 3, compress: (records) => compressFrameSync(records) };
    case 'zstd':
      return { codec: 4, compress: compressZstd(level) };
  }
}

function compressZstd(level: number | null): (records: Buffer) => Buffer {
  if (level === null) {
    const compressor = new ZstdCompressor();
    return (records) => compressor.compress(records);
  }
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  return (records) => zstdCompressSync(records, { params });
}

/** `\x82SNAPPY\0`, version i32, oldest compatible version i32: the head of snappy-java's SnappyOutputStream. */
const XERIAL_HEADER = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
/** As snappy-java's, whose readers keep a buffer of that size. */
const XERIAL_BLOCK_BYTES = 32 * 1024;

/** Header, then (size i32, block)*. */
function compressSnappy(records: Buffer): Buffer {
  const parts: Buffer[] = [XERIAL_HEADER];
  for (let at = 0; at < records.length; at += XERIAL_BLOCK_BYTES) {
    const block = compressSync(records.subarray(at, at + XERIAL_BLOCK_BYTES));
    const size = Buffer.allocUnsafe(4);
    size.writeInt32BE(block.length);
    parts.push(size, block);
  }
  return Buffer.concat(parts);
}
