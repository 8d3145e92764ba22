/** The connector properties that decide how values appear, by their own names. */
export interface TypeOptions {
  readonly 'decimal.handling.mode': 'precise' | 'double' | 'string';
  readonly 'bigint.unsigned.handling.mode': 'long' | 'precise';
  readonly 'time.precision.mode':
    | 'adaptive_time_microseconds'
    | 'connect'
    | 'microseconds'
    | 'nanoseconds'
    | 'isostring';
  readonly 'binary.handling.mode': 'bytes' | 'base64' | 'base64-url-safe' | 'hex';
  /** Text, or `hex:` and the bytes of a text in hexadecimal digits. */
  readonly 'unavailable.value.placeholder': string;
}
