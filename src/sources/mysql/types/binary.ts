import { DecodeError } from '../../../../decoders/decode-error.ts';
import type { ColumnSchema } from '../../../../decoders/table-schema.ts';
import type { Schema, Value } from '../../../model/schema.ts';
import type { ColumnType, Placeholder, ReadValue, WriteValue } from './column-type.ts';
import { uncompressed } from './text.ts';
import type { TypeOptions } from './type-options.ts';
import type { ValueForm } from './value-form.ts';

type Mode = TypeOptions['binary.handling.mode'];

const ENCODINGS: Readonly<Record<Exclude<Mode, 'bytes'>, 'base64' | 'base64url' | 'hex'>> = {
  base64: 'base64',
  'base64-url-safe': 'base64url',
  hex: 'hex',
};

/** VARBINARY and the BLOBs. */
export function varbinaryType(form: ValueForm, mode: Mode, placeholder: Placeholder): ColumnType {
  const { schema, read, write, constant } = binaryForm(mode);
  return {
    schema,
    ...uncompressed(form, { read, write }),
    fallback: constant(Buffer.alloc(0)),
    unavailable: mode === 'bytes' ? placeholder.bytes : placeholder.text,
    parseDefault: (text) => constant(Buffer.from(text)),
  };
}

/** BINARY(n): the binlog leaves out zero bytes at the end, and the server gives them back. */
export function binaryType(column: ColumnSchema, mode: Mode, placeholder: Placeholder): ColumnType {
  const length = column.length ?? 1;
  const { schema, read, write, constant } = binaryForm(mode);
  const padded = Buffer.alloc(length);
  const pad = (bytes: Buffer, start: number, end: number): Buffer => {
    if (end - start > length) throw new DecodeError(`binary(${length}): ${end - start} bytes found`, start);
    padded.fill(0, bytes.copy(padded, 0, start, end));
    return padded;
  };
  return {
    schema,
    read: (bytes, start, end) =>
      end - start === length ? read(bytes, start, end) : read(pad(bytes, start, end), 0, length),
    write: (sink, bytes, start, end) => {
      if (end - start === length) write(sink, bytes, start, end);
      else write(sink, pad(bytes, start, end), 0, length);
    },
    fallback: constant(Buffer.alloc(0)),
    unavailable: mode === 'bytes' ? placeholder.bytes : placeholder.text,
    parseDefault: (text) => {
      const bytes = Buffer.from(text);
      return constant(Buffer.from(pad(bytes, 0, bytes.length)));
    },
  };
}

interface BinaryForm {
  readonly schema: Schema;
  readonly read: ReadValue;
  readonly write: WriteValue;
  /** The value of bytes that nobody changes. */
  readonly constant: (bytes: Buffer) => Value;
}

function binaryForm(mode: Mode): BinaryForm {
  if (mode === 'bytes') {
    return {
      schema: { type: 'bytes', optional: false },
      read: (bytes, start, end) => Buffer.from(bytes.subarray(start, end)),
      write: (sink, bytes, start, end) => sink.binary(bytes, start, end),
      constant: (bytes) => bytes,
    };
  }
  const encoding = ENCODINGS[mode];
  const read = (bytes: Buffer, start: number, end: number): string => {
    const text = bytes.toString(encoding, start, end);
    // Java's URL-safe encoder pads, Node's does not.
    return mode === 'base64-url-safe' ? text.padEnd(Math.ceil(text.length / 4) * 4, '=') : text;
  };
  return {
    schema: { type: 'string', optional: false },
    read,
    write: (sink, bytes, start, end) => sink.string(read(bytes, start, end)),
    constant: (bytes) => read(bytes, 0, bytes.length),
  };
}
