import type { Schema } from '../../../model/schema.ts';

/** Connect's Decimal. */
export function decimalSchema(scale: number, precision: number): Schema {
  return {
    type: 'bytes',
    optional: false,
    name: 'org.apache.kafka.connect.data.Decimal',
    version: 1,
    parameters: { scale: String(scale), 'connect.decimal.precision': String(precision) },
  };
}
