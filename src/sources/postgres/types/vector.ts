import { parseSparseVector, parseVector } from '../../../../decoders/pgoutput/text/vector.ts';
import { createStruct, type Schema, type Struct } from '../../../model/schema.ts';
import type { ColumnType, TypeContext } from './column-type.ts';
import { javaHashOrder } from './java-hash-order.ts';

/** pgvector's dense vectors. */
export function vectorType(name: 'DoubleVector' | 'FloatVector'): (context: TypeContext) => ColumnType {
  const isFloat = name === 'FloatVector';
  const schema: Schema = {
    type: 'array',
    optional: false,
    name: `io.debezium.data.${name}`,
    version: 1,
    items: { type: isFloat ? 'float32' : 'float64', optional: false },
  };
  return ({ placeholder }) => ({
    schema,
    read: (bytes, start, end) => {
      const elements = parseVector(bytes.toString('latin1', start, end), start);
      return isFloat ? elements.map(Math.fround) : elements;
    },
    fallback: [],
    unavailable: [...placeholder.bytes],
  });
}

const SPARSE: Schema = {
  type: 'struct',
  optional: false,
  name: 'io.debezium.data.SparseDoubleVector',
  version: 1,
  doc: 'Sparse double vector',
  fields: [
    { name: 'dimensions', schema: { type: 'int16', optional: false } },
    {
      name: 'vector',
      schema: {
        type: 'map',
        optional: false,
        keys: { type: 'int16', optional: false },
        values: { type: 'float64', optional: false },
      },
    },
  ],
};

export function sparseVectorType({ placeholder }: TypeContext): ColumnType {
  return {
    schema: SPARSE,
    read: (bytes, start, end) => {
      const { dimensions, elements } = parseSparseVector(bytes.toString('latin1', start, end), start);
      return sparse(
        dimensions,
        javaHashOrder(elements, ([index]) => index, elements.length),
      );
    },
    fallback: sparse(0, []),
    unavailable: sparse(
      0,
      [...placeholder.bytes].map((byte, i) => [i + 1, byte]),
    ),
  };
}

function sparse(dimensions: number, elements: readonly (readonly [number, number])[]): Struct {
  const struct = createStruct();
  struct.dimensions = dimensions;
  struct.vector = new Map(elements);
  return struct;
}
