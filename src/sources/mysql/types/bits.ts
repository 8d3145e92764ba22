import { DecodeError } from '../../../../decoders/decode-error.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import type { ColumnType } from './column-type.ts';

/** BIT(1) is a boolean, BIT(n) Debezium's Bits: little-endian, where the server has big-endian, in both forms. */
export function bitType({ length }: ColumnSchema): ColumnType {
  const bits = length ?? 1;
  const size = (bits + 7) >> 3;
  if (bits === 1) {
    const read = (bytes: Buffer, start: number, end: number): boolean => {
      expectBytes(start, end, size);
      return bytes[start] !== 0;
    };
    return {
      schema: { type: 'boolean', optional: false },
      read,
      write: (sink, bytes, start, end) => sink.boolean(read(bytes, start, end)),
      fallback: false,
      parseDefault: (text) => parseDefaultBits(text) !== 0n,
    };
  }
  const scratch = Buffer.alloc(size);
  const reverse = (bytes: Buffer, start: number, end: number, out: Buffer): Buffer => {
    expectBytes(start, end, size);
    for (let i = 0; i < size; i++) out[i] = bytes[end - 1 - i]!;
    return out;
  };
  return {
    schema: {
      type: 'bytes',
      optional: false,
      name: 'io.debezium.data.Bits',
      version: 1,
      parameters: { length: String(bits) },
    },
    read: (bytes, start, end) => reverse(bytes, start, end, Buffer.alloc(size)),
    write: (sink, bytes, start, end) => sink.binary(reverse(bytes, start, end, scratch), 0, size),
    fallback: Buffer.alloc(0),
    parseDefault: (text) => {
      const value = parseDefaultBits(text);
      if (BigInt.asUintN(bits, value) !== value) throw new DecodeError(`bit(${bits}): a default of more bits`, 0);
      const hex = value.toString(16).padStart(2 * size, '0');
      return Buffer.from(hex, 'hex').reverse();
    },
  };
}

function expectBytes(start: number, end: number, size: number): void {
  if (end - start !== size) throw new DecodeError(`bit: ${size} bytes expected, ${end - start} found`, start);
}

/** The digits of `b'101'`, which is how the server prints a default; else a number or a truth value. */
function parseDefaultBits(text: string): bigint {
  const plain = text.trim();
  const binary = /^(?:b'([01]+)'|([01]+))$/i.exec(plain);
  if (binary !== null) return BigInt(`0b${binary[1] ?? binary[2]}`);
  if (/^\d+$/.test(plain)) return BigInt(plain);
  if (/^(?:true|false)$/i.test(plain)) return plain.toLowerCase() === 'true' ? 1n : 0n;
  throw new DecodeError('bits expected', 0);
}
