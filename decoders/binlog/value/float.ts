import { expectLength } from './fixed-length.ts';

/** FLOAT: IEEE 754 single, little-endian, as the double that equals it. */
export function parseFloat32(bytes: Buffer, start: number, end: number): number {
  expectLength('float', start, end, 4);
  return bytes.readFloatLE(start);
}

/** DOUBLE: IEEE 754 double, little-endian. */
export function parseFloat64(bytes: Buffer, start: number, end: number): number {
  expectLength('double', start, end, 8);
  return bytes.readDoubleLE(start);
}

/** From so many digits before the point on, and from as many zeros behind it, the server writes an exponent (DBL_DIG). */
const PLAIN_DIGITS = 15;

/**
 * The text that the server gives for a DOUBLE: the shortest digits that read back as the same double, plain or as
 * `1.5e-20` without a plus or padding (my_gcvt in the server's strings/dtoa.cc).
 */
export function formatFloat64(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa, exponentText] = value.toExponential().split('e');
  const sign = mantissa!.startsWith('-') ? '-' : '';
  const digits = mantissa!.replace(/[-.]/g, '');
  const exponent = Number(exponentText);
  const point = exponent + 1;
  if (point <= -PLAIN_DIGITS || point > PLAIN_DIGITS) {
    return `${sign}${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ''}e${exponent}`;
  }
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return `${sign}${digits}${'0'.repeat(point - digits.length)}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
