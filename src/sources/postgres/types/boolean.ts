import { DecodeError } from '../../../../decoders/decode-error.ts';
import { parseBits } from '../../../../decoders/pgoutput/text/bits.ts';
import type { Schema } from '../../../model/schema.ts';
import type { ColumnType, TypeContext } from './column-type.ts';

const BOOLEAN: Schema = { type: 'boolean', optional: false };
/** What `varbit` without a length has as its length. */
const UNLIMITED_BITS = 2_147_483_647;

/** `t` or `f`. */
export function booleanType(): ColumnType {
  return {
    ...booleanCodec((bytes, start, end) => {
      const letter = end - start === 1 ? bytes[start] : 0;
      if (letter === 0x74) return true;
      if (letter === 0x66) return false;
      throw new DecodeError('t or f expected', start);
    }),
    defaults: { computed: false, parse: (text) => /^t/i.test(text) },
  };
}

/** `bit(n)` and `varbit(n)`: a boolean for one bit, else Debezium's Bits. */
export function bitType({ modifier, placeholder }: TypeContext): ColumnType {
  if (modifier === 1) {
    return {
      ...booleanCodec((bytes, start, end) => parseBits(bytes, start, end).length > 0),
      defaults: { computed: false },
    };
  }
  const empty = Buffer.alloc(0);
  return {
    schema: {
      type: 'bytes',
      optional: false,
      name: 'io.debezium.data.Bits',
      version: 1,
      parameters: { length: String(modifier === -1 ? UNLIMITED_BITS : modifier) },
    },
    read: parseBits,
    write: (sink, bytes, start, end) => {
      const bits = parseBits(bytes, start, end);
      sink.binary(bits, 0, bits.length);
    },
    fallback: empty,
    unavailable: placeholder.bytes,
    defaults: { computed: empty },
  };
}

function booleanCodec(read: (bytes: Buffer, start: number, end: number) => boolean): ColumnType {
  return {
    schema: BOOLEAN,
    read,
    write: (sink, bytes, start, end) => sink.boolean(read(bytes, start, end)),
    fallback: false,
  };
}
