import { DecodeError } from '../../decode-error.ts';
import { parseHex } from './bytea.ts';

const SRID_FLAG = 0x2000_0000;
/** Byte order, type and one more word: an empty geometry. */
const MIN_BYTES = 9;

export interface Geometry {
  /** The EWKB as it is, its SRID included. */
  readonly ewkb: Buffer;
  readonly srid: number | null;
}

/** PostGIS' text of a geometry or geography: the hexadecimal digits of its EWKB. */
export function parseEwkb(bytes: Uint8Array, start: number, end: number): Geometry {
  const ewkb = parseHex(bytes, start, end);
  if (ewkb.length < MIN_BYTES || ewkb[0]! > 1) throw new DecodeError('EWKB expected', start);
  const isLittleEndian = ewkb[0] === 1;
  const type = isLittleEndian ? ewkb.readUInt32LE(1) : ewkb.readUInt32BE(1);
  if ((type & SRID_FLAG) === 0) return { ewkb, srid: null };
  return { ewkb, srid: isLittleEndian ? ewkb.readInt32LE(5) : ewkb.readInt32BE(5) };
}
