import { parseGeometry } from '../../../../decoders/binlog/value/geometry.ts';
import { parseVector } from '../../../../decoders/binlog/value/vector.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import { createStruct, type Field, type Schema, type Struct } from '../../../model/schema.ts';
import type { ColumnType } from './column-type.ts';

const SRID: Field = { name: 'srid', schema: { type: 'int32', optional: true } };
/** Byte order, type, two doubles. */
const WKB_POINT_BYTES = 21;
const WKB_POINT = 1;
/** An empty collection, which stands for a geometry that is missing. */
const EMPTY_COLLECTION = Buffer.from('010700000000000000', 'hex');

const POINT: Schema = {
  type: 'struct',
  optional: false,
  name: 'io.debezium.data.geometry.Point',
  version: 1,
  doc: 'Geometry (POINT)',
  fields: [
    { name: 'x', schema: { type: 'float64', optional: false } },
    { name: 'y', schema: { type: 'float64', optional: false } },
    { name: 'wkb', schema: { type: 'bytes', optional: true } },
    SRID,
  ],
};

/** Debezium's Geometry is optional even in a column that is not. */
const GEOMETRY: Schema = {
  type: 'struct',
  optional: true,
  name: 'io.debezium.data.geometry.Geometry',
  version: 1,
  doc: 'Geometry',
  fields: [{ name: 'wkb', schema: { type: 'bytes', optional: false } }, SRID],
};

/** Both forms are the server's own: SRID, then well-known binary. */
export function pointType(): ColumnType {
  return {
    schema: POINT,
    read: (bytes, start, end) => {
      const { srid, wkb } = parseGeometry(bytes, start, end);
      const isLittleEndian = wkb[0] === 1;
      const type = wkb.length !== WKB_POINT_BYTES ? 0 : isLittleEndian ? wkb.readUInt32LE(1) : wkb.readUInt32BE(1);
      if (type !== WKB_POINT) throw new DecodeError('geometry: a point expected', start);
      const x = isLittleEndian ? wkb.readDoubleLE(5) : wkb.readDoubleBE(5);
      const y = isLittleEndian ? wkb.readDoubleLE(13) : wkb.readDoubleBE(13);
      return point(x, y, Buffer.from(wkb), srid);
    },
    fallback: point(0, 0, originWkb(), 0),
  };
}

/** All other kinds. */
export function geometryType(): ColumnType {
  return {
    schema: GEOMETRY,
    read: (bytes, start, end) => {
      const { srid, wkb } = parseGeometry(bytes, start, end);
      return geometry(Buffer.from(wkb), srid);
    },
    fallback: geometry(EMPTY_COLLECTION, 0),
  };
}

function point(x: number, y: number, wkb: Buffer, srid: number): Struct {
  const struct = createStruct();
  struct.x = x;
  struct.y = y;
  struct.wkb = wkb;
  struct.srid = sridValue(srid);
  return struct;
}

function geometry(wkb: Buffer, srid: number): Struct {
  const struct = createStruct();
  struct.wkb = wkb;
  struct.srid = sridValue(srid);
  return struct;
}

/** 0 is none; beyond 2^31 it is the negative number of the same bits, as in Debezium. */
function sridValue(srid: number): number | null {
  return srid === 0 ? null : srid | 0;
}

function originWkb(): Buffer {
  const wkb = Buffer.alloc(WKB_POINT_BYTES);
  wkb[0] = 1;
  wkb.writeUInt32LE(WKB_POINT, 1);
  return wkb;
}

/** VECTOR: singles, little-endian in both forms. */
export function vectorType(): ColumnType {
  return {
    schema: {
      type: 'array',
      optional: false,
      name: 'io.debezium.data.FloatVector',
      version: 1,
      items: { type: 'float32', optional: false },
    },
    read: parseVector,
    fallback: [],
  };
}
