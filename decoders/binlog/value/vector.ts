import { DecodeError } from '../../decode-error.ts';

const FLOAT_BYTES = 4;

/** VECTOR: IEEE 754 singles, little-endian, of both servers; as the doubles that equal them. */
export function parseVector(bytes: Buffer, start: number, end: number): number[] {
  const length = end - start;
  if (length % FLOAT_BYTES !== 0) throw new DecodeError(`vector: ${length} bytes are no floats`, start);
  return Array.from({ length: length / FLOAT_BYTES }, (_, i) => bytes.readFloatLE(start + i * FLOAT_BYTES));
}
