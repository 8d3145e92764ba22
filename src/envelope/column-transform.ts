import { createHash } from 'node:crypto';
import type { ColumnRule } from '../config/table-settings.ts';
import type { ValueCodec, ValueSink } from '../model/codec.ts';
import type { ColumnMapping } from '../model/plugin.ts';
import type { Schema, Value } from '../model/schema.ts';

/** Version 1 of a hash takes Java's serialized form of the string, version 2 its UTF-8 bytes. */
export type ColumnTransform = ColumnRule['transform'];

/** The column with its strings replaced (bytes can be cut too). Other columns pass as they are, their schema marked all the same. */
export function transformColumn(column: ColumnMapping, transform: ColumnTransform): ColumnMapping {
  const { codec } = column;
  const marker = transform.kind === 'truncate' ? { truncateLength: String(transform.length) } : { masked: 'true' };
  const tooShort =
    transform.kind === 'truncate' && column.sourceType.length !== null && column.sourceType.length <= transform.length;
  if (tooShort) return column;
  const schema: Schema = { ...codec.schema, parameters: { ...codec.schema.parameters, ...marker } };
  const isPlain = codec.schema.name === undefined;
  if (isPlain && codec.schema.type === 'bytes' && transform.kind === 'truncate') {
    return { ...column, codec: cutBytes(codec, schema, transform.length) };
  }
  const isText = isPlain && codec.schema.type === 'string';
  return {
    ...column,
    codec: isText ? textCodec(codec, schema, replacement(column, transform)) : codecWithSchema(codec, schema),
  };
}

/** The same values under another schema (one that differs in its parameters only). */
export function codecWithSchema(codec: ValueCodec, schema: Schema): ValueCodec {
  return {
    schema,
    missing: codec.missing,
    unavailable: codec.unavailable,
    read: (bytes, start, end) => codec.read(bytes, start, end),
    write: (sink, bytes, start, end) => codec.write(sink, bytes, start, end),
  };
}

/** What a string becomes; a mask also hides whether there was a value. */
function replacement(column: ColumnMapping, transform: ColumnTransform): (text: string | null) => string | null {
  switch (transform.kind) {
    case 'mask':
      return () => transform.text;
    case 'truncate':
      return (text) => (text === null ? null : text.slice(0, transform.length));
    case 'hash': {
      const algorithm = nodeAlgorithm(transform.algorithm);
      const length = column.sourceType.length;
      return (text) => {
        if (text === null) return null;
        const bytes = transform.version === 1 ? javaSerialized(text) : Buffer.from(text, 'utf8');
        const digest = createHash(algorithm).update(transform.salt, 'utf8').update(bytes).digest('hex');
        return length === null ? digest : digest.slice(0, length);
      };
    }
  }
}

function textCodec(codec: ValueCodec, schema: Schema, replace: (text: string | null) => string | null): ValueCodec {
  const read = (bytes: Buffer, start: number, end: number): Value => replace(bytes.toString('utf8', start, end));
  const constant = (value: Value): Value => (typeof value === 'string' || value === null ? replace(value) : value);
  return {
    schema,
    read,
    write(sink: ValueSink, bytes: Buffer, start: number, end: number): void {
      sink.value(schema, read(bytes, start, end));
    },
    missing: constant(codec.missing),
    unavailable: constant(codec.unavailable),
  };
}

function cutBytes(codec: ValueCodec, schema: Schema, length: number): ValueCodec {
  const cut = (value: Value): Value => (value instanceof Uint8Array ? value.subarray(0, length) : value);
  const read = (bytes: Buffer, start: number, end: number): Value => cut(codec.read(bytes, start, end));
  return {
    schema,
    read,
    write: (sink, bytes, start, end) => sink.value(schema, read(bytes, start, end)),
    missing: cut(codec.missing),
    unavailable: cut(codec.unavailable),
  };
}

/** Java's names (`SHA-256`, `MD5`) in OpenSSL's spelling. */
function nodeAlgorithm(javaName: string): string {
  const name = javaName
    .toLowerCase()
    .replace(/^sha-(?=1$|224|256|384|512)/, 'sha')
    .replace('/', '-');
  return name;
}

/** Block data that java.io.ObjectOutputStream writes for a string of at most 65,535 bytes: magic, version, TC_STRING, length, text. */
const STREAM_HEADER = Buffer.from([0xac, 0xed, 0x00, 0x05]);
const TC_STRING = 0x74;
const TC_LONGSTRING = 0x7c;

function javaSerialized(text: string): Buffer {
  const body = modifiedUtf8(text);
  const isLong = body.length > 0xffff;
  const head = Buffer.alloc(isLong ? 9 : 3);
  if (isLong) {
    head[0] = TC_LONGSTRING;
    head.writeBigUInt64BE(BigInt(body.length), 1);
  } else {
    head[0] = TC_STRING;
    head.writeUInt16BE(body.length, 1);
  }
  return Buffer.concat([STREAM_HEADER, head, body]);
}

/** Java's modified UTF-8: NUL takes two bytes, and each half of a surrogate pair takes three. */
function modifiedUtf8(text: string): Buffer {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit !== 0 && unit < 0x80) bytes.push(unit);
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
  }
  return Buffer.from(bytes);
}
