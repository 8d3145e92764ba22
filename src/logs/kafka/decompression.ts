import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { decompressFrameSync } from 'lz4-napi';
import { uncompressSync } from 'snappy';
import { DecodeError } from '../../../decoders/decode-error.ts';

/** `\x82SNAPPY\0`, version i32, compatible version i32, then (size i32, block)*: the stream format of snappy-java. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;

/** The records of a batch by the codec of its attributes: 1 gzip, 2 snappy, 3 lz4 (frames), 4 zstd. */
export function decompress(codec: number, bytes: Buffer): Buffer {
  switch (codec) {
    case 1:
      return gunzipSync(bytes);
    case 2:
      return decompressSnappy(bytes);
    case 3:
      return decompressFrameSync(bytes);
    case 4:
      return zstdDecompressSync(bytes);
    default:
      throw new DecodeError(`compression codec ${codec}`, 0);
  }
}

/** As snappy-java's stream, as Java's client writes it, or as one block, as some others do. */
function decompressSnappy(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return uncompressSync(bytes) as Buffer;
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at + 4 <= bytes.length; ) {
    const size = bytes.readInt32BE(at);
    at += 4;
    if (size < 0 || size > bytes.length - at) throw new DecodeError(`snappy block of ${size} bytes`, at);
    blocks.push(uncompressSync(bytes.subarray(at, at + size)) as Buffer);
    at += size;
  }
  return Buffer.concat(blocks);
}
