import { createHash } from 'node:crypto';
import { parseArray } from '../../../../decoders/pgoutput/text/array.ts';
import type { Value } from '../../../model/schema.ts';
import type { ColumnType, Placeholder } from './column-type.ts';

const UUID = 'io.debezium.data.Uuid';

export interface ArrayOptions {
  /** Whether the schema allows NULL elements; Debezium forgets it for some types. */
  readonly optionalItems: boolean;
  /** The character between elements: the element type's typdelim. */
  readonly delimiter: string;
}

/** Elements as the scalar mapping has them; those of several dimensions in row-major order. */
export function arrayType(element: ColumnType, placeholder: Placeholder, options: ArrayOptions): ColumnType {
  const delimiter = options.delimiter.charCodeAt(0);
  return {
    schema: {
      type: 'array',
      optional: false,
      items: options.optionalItems ? { ...element.schema, optional: true } : element.schema,
    },
    read: (bytes, start, end) => {
      const { elements } = parseArray(bytes, start, end, delimiter);
      return elements.map((text) => (text === null ? null : element.read(text, 0, text.length)));
    },
    fallback: [],
    unavailable: unavailableElements(element, placeholder),
  };
}

function unavailableElements(element: ColumnType, { bytes }: Placeholder): Value {
  const { type, name } = element.schema;
  switch (type) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'float32':
    case 'float64':
      return Array.from(bytes, signed);
    case 'int64':
      return Array.from(bytes, (byte) => BigInt(signed(byte)));
    case 'boolean':
      return [];
    default:
      return [name === UUID ? nameUuid(bytes) : (element.unavailable ?? element.fallback)];
  }
}

/** A Java byte. */
function signed(byte: number): number {
  return byte < 128 ? byte : byte - 256;
}

/** java.util.UUID.nameUUIDFromBytes. */
function nameUuid(bytes: Buffer): string {
  const digest = createHash('md5').update(bytes).digest();
  digest[6] = (digest[6]! & 0x0f) | 0x30;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  return digest.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
