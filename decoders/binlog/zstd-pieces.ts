import { constants, ZstdDecompress, zstdDecompressSync } from 'node:zlib';
import { DecodeError } from '../decode-error.ts';

/** What a decompressor of zlib has inside; a test pins it. */
interface Inside {
  readonly _handle: Handle | null;
  /** Bytes left after a call: of the output, of the input. */
  readonly _writeState: Uint32Array;
}

interface Handle {
  onerror(message: string): void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputBytes: number,
    output: Uint8Array,
    outputAt: number,
    outputBytes: number,
  ): void;
  close(): void;
}

/** Some thirty row events; decompressing costs no less in larger pieces. */
export const PIECE_BYTES = 256 * 1024;

/**
 * The content of zstd frames, one behind the other, in new buffers of at most {@link PIECE_BYTES}, each of them decompressed
 * when it is asked for. DecodeError unless they are `size` bytes in all. (RFC 8878)
 */
export function* zstdPieces(bytes: Buffer, size: number): Generator<Buffer, void, undefined> {
  // zlib would otherwise have room of its own for output.
  const inside = new ZstdDecompress({ chunkSize: constants.Z_MIN_CHUNK }) as unknown as Inside;
  const { _handle: handle, _writeState: left } = inside;
  // Another Node: all of it at once.
  const pieces =
    typeof handle?.writeSync === 'function' && left instanceof Uint32Array
      ? streamed(handle, left, { bytes, size })
      : frames(bytes, size);
  let length = 0;
  for (const piece of pieces) {
    length += piece.length;
    if (length > size) break;
    yield piece;
  }
  if (length !== size) {
    const gives = length > size ? 'more' : length;
    throw new DecodeError(`transaction payload gives ${gives} bytes, ${size} were announced`, 0);
  }
}

interface Input {
  readonly bytes: Buffer;
  readonly size: number;
}

function* streamed(handle: Handle, left: Uint32Array, { bytes, size }: Input): Generator<Buffer, void, undefined> {
  let failure: string | null = null;
  handle.onerror = (message) => {
    failure = message;
  };
  try {
    let at = 0;
    let given = 0;
    for (;;) {
      // One byte more would be too many.
      const room = Math.min(PIECE_BYTES, Math.max(1, size - given));
      const piece = Buffer.allocUnsafeSlow(room);
      handle.writeSync(constants.ZSTD_e_continue, bytes, at, bytes.length - at, piece, 0, room);
      if (failure !== null) throw broken(failure, at);
      const [outputLeft, inputLeft] = left as unknown as readonly [number, number];
      const length = room - outputLeft;
      if (length === 0 && inputLeft === bytes.length - at && inputLeft > 0) throw broken('no zstd frame', at);
      at = bytes.length - inputLeft;
      given += length;
      if (length > 0) yield piece.subarray(0, length);
      if (inputLeft === 0 && outputLeft > 0) return;
    }
  } finally {
    handle.close();
  }
}

/** What zlib gives with `info: true`, which its types leave out. */
interface Decompressed {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** zlib stops behind a frame. */
function* frames(bytes: Buffer, size: number): Generator<Buffer, void, undefined> {
  let limit = size;
  for (let at = 0; at < bytes.length; ) {
    let frame: Decompressed;
    try {
      const options = { maxOutputLength: Math.max(1, limit), info: true };
      frame = zstdDecompressSync(bytes.subarray(at), options) as unknown as Decompressed;
    } catch (error) {
      throw broken((error as Error).message, at);
    }
    if (frame.engine.bytesWritten === 0) throw broken('no zstd frame', at);
    at += frame.engine.bytesWritten;
    limit -= frame.buffer.length;
    yield frame.buffer;
  }
}

function broken(why: string, at: number): DecodeError {
  return new DecodeError(`transaction payload cannot be decompressed: ${why}`, at);
}
