import { DecodeError } from '../../decode-error.ts';

const SRID_BYTES = 4;
/** Byte order, type and a count: an empty collection. */
const MIN_WKB_BYTES = 9;

export interface Geometry {
  /** 0 where none was given. */
  readonly srid: number;
  /** Well-known binary, a view. */
  readonly wkb: Buffer;
}

/** POINT, GEOMETRY and the like: the SRID in 4 bytes, little-endian, then well-known binary (manual, "Internal Geometry Storage Format"). */
export function parseGeometry(bytes: Buffer, start: number, end: number): Geometry {
  if (end - start < SRID_BYTES + MIN_WKB_BYTES) throw new DecodeError('geometry: too short', start);
  const wkb = bytes.subarray(start + SRID_BYTES, end);
  if (wkb[0]! > 1) throw new DecodeError(`geometry: no byte order ${wkb[0]}`, start + SRID_BYTES);
  return { srid: bytes.readUInt32LE(start), wkb };
}
