import { parseEwkb } from '../../../../decoders/pgoutput/text/ewkb.ts';
import { parsePoint } from '../../../../decoders/pgoutput/text/point.ts';
import { createStruct, type Field, type Schema, type Struct } from '../../../model/schema.ts';
import type { ColumnType, TypeContext } from './column-type.ts';

const SRID: Field = { name: 'srid', schema: { type: 'int32', optional: true } };
/** Byte order, type, two doubles. */
const WKB_POINT_BYTES = 21;
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

export function pointType(): ColumnType {
  return {
    schema: POINT,
    read: (bytes, start, end) => {
      const { x, y } = parsePoint(bytes.toString('latin1', start, end), start);
      return point(x, y);
    },
    fallback: point(0, 0),
  };
}

function point(x: number, y: number): Struct {
  const wkb = Buffer.alloc(WKB_POINT_BYTES);
  wkb[0] = 1;
  wkb.writeUInt32LE(1, 1);
  wkb.writeDoubleLE(x, 5);
  wkb.writeDoubleLE(y, 13);
  const struct = createStruct();
  struct.x = x;
  struct.y = y;
  struct.wkb = wkb;
  struct.srid = null;
  return struct;
}

/** PostGIS. Debezium's Geometry is optional even in a column that is not. */
export function geometryType(name: 'Geometry' | 'Geography'): (context: TypeContext) => ColumnType {
  const schema: Schema = {
    type: 'struct',
    optional: name === 'Geometry',
    name: `io.debezium.data.geometry.${name}`,
    version: 1,
    doc: name,
    fields: [{ name: 'wkb', schema: { type: 'bytes', optional: false } }, SRID],
  };
  return ({ placeholder }) => ({
    schema,
    read: (bytes, start, end) => {
      const { ewkb, srid } = parseEwkb(bytes, start, end);
      return geometry(ewkb, srid);
    },
    fallback: geometry(EMPTY_COLLECTION, null),
    unavailable: geometry(placeholder.bytes, null),
  });
}

function geometry(wkb: Buffer, srid: number | null): Struct {
  const struct = createStruct();
  struct.wkb = wkb;
  struct.srid = srid;
  return struct;
}
