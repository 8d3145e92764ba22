/**
 * Java's Double.toString and Float.toString (JDK 19 and later): the shortest digits that read back as the same value,
 * at least one after the point, an exponent outside 10^-3 <= |value| < 10^7.
 */
export function formatDouble(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return `${Object.is(value, -0) ? '-0' : value}.0`;
  if (!Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  // Here both languages print the shortest digits without an exponent.
  if (magnitude >= 1e-3 && magnitude < 1e7) return String(value);
  // JavaScript's exponential form is the shortest; where that is one digit Java wants the closest of two digits.
  let text = value.toExponential();
  if (text[value < 0 ? 2 : 1] === 'e') text = value.toExponential(1);
  return formatDigits(text);
}

/** The same for a value that is a float32. */
export function formatFloat(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return `${Object.is(value, -0) ? '-0' : value}.0`;
  if (!Number.isFinite(value)) return String(value);
  for (let fractionDigits = 1; fractionDigits < MAX_FLOAT_DIGITS - 1; fractionDigits++) {
    const text = value.toExponential(fractionDigits);
    if (Math.fround(Number(text)) === value) return formatDigits(text);
    // Below a power of two floats are twice as dense: the nearest decimal may miss while the next one outwards does not.
    const next = isPowerOfTwo(value) ? nextDecimal(text, fractionDigits) : null;
    if (next !== null && Math.fround(Number(next)) === value) return formatDigits(next);
  }
  return formatDigits(value.toExponential(MAX_FLOAT_DIGITS - 1));
}

/** So many significant digits tell every float32 from its neighbours. */
const MAX_FLOAT_DIGITS = 9;

const FLOAT_BITS = new DataView(new ArrayBuffer(4));

function isPowerOfTwo(float: number): boolean {
  FLOAT_BITS.setFloat32(0, float);
  return (FLOAT_BITS.getUint32(0) & 0x7f_ffff) === 0;
}

/** The decimal with the same number of digits that is one unit further from zero. */
function nextDecimal(text: string, fractionDigits: number): string {
  const [mantissa, exponent] = text.split('e') as [string, string];
  const sign = mantissa.startsWith('-') ? '-' : '';
  const digits = Number(mantissa.replace('-', '').replace('.', '')) + 1;
  return Number(`${sign}${digits}e${Number(exponent) - fractionDigits}`).toExponential(fractionDigits);
}

/** Lays the digits of `d.ddde+x` out as Java does. */
function formatDigits(text: string): string {
  const e = text.indexOf('e');
  const exponent = Number(text.slice(e + 1));
  const sign = text.startsWith('-') ? '-' : '';
  const digits = trimZeros(text.slice(sign.length, e).replace('.', ''));
  if (exponent < -3 || exponent > 6) return `${sign}${digits[0]}.${digits.slice(1) || '0'}E${exponent}`;
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

function trimZeros(digits: string): string {
  let end = digits.length;
  while (end > 1 && digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}
