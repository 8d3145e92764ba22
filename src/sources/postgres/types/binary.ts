import { parseBytea } from '../../../../decoders/pgoutput/text/bytea.ts';
import { formatDouble } from '../../../converters/json/format-float.ts';
import type { ColumnType, TypeContext, TypeOptions } from './column-type.ts';

type StringMode = Exclude<TypeOptions['binary.handling.mode'], 'bytes'>;

const ENCODINGS: Readonly<Record<StringMode, 'base64' | 'base64url' | 'hex'>> = {
  base64: 'base64',
  'base64-url-safe': 'base64url',
  hex: 'hex',
};

export function byteaType(context: TypeContext): ColumnType {
  return binaryType(context, parseBytea);
}

/** box, circle, line, lseg, path, polygon. */
const GEOMETRIC_OIDS: ReadonlySet<number> = new Set([603, 718, 628, 601, 602, 604]);
const NUMBER = /-?(?:\d[\d.]*(?:e[+-]?\d+)?|Infinity)|NaN/g;

/** A type without a mapping: the bytes of its text, numbers of geometric types being as Java prints them. */
export function unknownType(context: TypeContext): ColumnType {
  if (!GEOMETRIC_OIDS.has(context.type.oid)) {
    return binaryType(context, (bytes, start, end) => Buffer.from(bytes.subarray(start, end)));
  }
  return binaryType(context, (bytes, start, end) => {
    const text = bytes.toString('latin1', start, end);
    return Buffer.from(text.replace(NUMBER, (number) => formatDouble(Number(number))));
  });
}

function binaryType(
  { options, placeholder }: TypeContext,
  parse: (bytes: Buffer, start: number, end: number) => Buffer,
): ColumnType {
  const mode = options['binary.handling.mode'];
  if (mode === 'bytes') {
    return {
      schema: { type: 'bytes', optional: false },
      read: parse,
      write: (sink, bytes, start, end) => {
        const value = parse(bytes, start, end);
        sink.binary(value, 0, value.length);
      },
      fallback: Buffer.alloc(0),
      unavailable: placeholder.bytes,
    };
  }
  const encode = (value: Buffer): string => {
    const text = value.toString(ENCODINGS[mode]);
    // Java's URL-safe encoder pads, Node's does not.
    return mode === 'base64-url-safe' ? text.padEnd(Math.ceil(text.length / 4) * 4, '=') : text;
  };
  return {
    schema: { type: 'string', optional: false },
    read: (bytes, start, end) => encode(parse(bytes, start, end)),
    fallback: '',
    unavailable: placeholder.text,
  };
}
