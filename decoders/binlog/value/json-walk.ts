import { DecodeError } from '../../decode-error.ts';
import { parseDecimal } from './decimal.ts';
import { createDateTime, type DateTime, parsePackedDateTime, parsePackedTime } from './temporal.ts';

/** Type bytes of values (sql-common/json_binary.h). */
const SMALL_OBJECT = 0x00;
const LARGE_OBJECT = 0x01;
const SMALL_ARRAY = 0x02;
const LARGE_ARRAY = 0x03;
const LITERAL = 0x04;
const INT16 = 0x05;
const UINT16 = 0x06;
const INT32 = 0x07;
const UINT32 = 0x08;
const INT64 = 0x09;
const UINT64 = 0x0a;
const DOUBLE = 0x0b;
const STRING = 0x0c;
const OPAQUE = 0x0f;

/**
 * Takes a document's values in their order. Bytes are borrowed, texts are UTF-8 that nobody has checked, a `DateTime` is filled
 * anew for each call.
 */
export interface JsonVisitor {
  null(): void;
  boolean(value: boolean): void;
  /** A bigint where it is beyond 2^53 - 1. */
  integer(value: number | bigint): void;
  double(value: number): void;
  string(bytes: Buffer, start: number, end: number): void;
  decimal(unscaled: number | bigint, scale: number): void;
  date(kind: 'date' | 'datetime' | 'timestamp', value: DateTime): void;
  /** Signed microseconds. */
  time(micros: number): void;
  /** Of any other SQL type, by its column type code. */
  opaque(type: number, bytes: Buffer, start: number, end: number): void;
  beginArray(): void;
  endArray(): void;
  beginObject(): void;
  /** Before its value; in the server's order: by length in bytes, then by the bytes. */
  key(bytes: Buffer, start: number, end: number): void;
  endObject(): void;
}

/** Column type codes of the opaque values that have a text of their own. */
const TYPE_TIMESTAMP = 7;
const TYPE_DATE = 10;
const TYPE_TIME = 11;
const TYPE_DATETIME = 12;
const TYPE_NEWDECIMAL = 246;

/** JSON_DOCUMENT_MAX_DEPTH of the server. */
const MAX_DEPTH = 100;
/** A length has 7 bits a byte, in at most 5 bytes. */
const MAX_LENGTH_BYTES = 5;

/**
 * A column's binary JSON: a type byte, then the value (the grammar is at the head of sql-common/json_binary.h).
 * No bytes at all are the null literal, as the server reads them: `INSERT IGNORE` and new columns leave such values.
 */
export function walkJson(bytes: Buffer, start: number, end: number, visitor: JsonVisitor): void {
  if (start === end) visitor.null();
  else walkValue(bytes, bytes[start]!, start + 1, end, { depth: 0, left: end - start, length: 0, visitor });
}

/** A walk under way; it keeps a corrupt document, whose parts share their bytes, from growing without end. */
interface Walk {
  depth: number;
  /** Each value takes a byte at least, and each text its length: together no more than there are bytes. */
  left: number;
  /** What was read last. */
  length: number;
  readonly visitor: JsonVisitor;
}

function spend(walk: Walk, length: number, offset: number): void {
  walk.left -= length;
  if (walk.left < 0) throw new DecodeError('json: parts share their bytes', offset);
}

function walkValue(bytes: Buffer, type: number, start: number, end: number, walk: Walk): void {
  const { visitor } = walk;
  spend(walk, 1, start);
  switch (type) {
    case SMALL_OBJECT:
    case LARGE_OBJECT:
    case SMALL_ARRAY:
    case LARGE_ARRAY:
      walkContainer(bytes, type, start, end, walk);
      return;
    case LITERAL:
      walkLiteral(bytes[take(start, end, 1)]!, start, visitor);
      return;
    case INT16:
      visitor.integer(bytes.readInt16LE(take(start, end, 2)));
      return;
    case UINT16:
      visitor.integer(bytes.readUInt16LE(take(start, end, 2)));
      return;
    case INT32:
      visitor.integer(bytes.readInt32LE(take(start, end, 4)));
      return;
    case UINT32:
      visitor.integer(bytes.readUInt32LE(take(start, end, 4)));
      return;
    case INT64:
      visitor.integer(narrow(bytes.readBigInt64LE(take(start, end, 8))));
      return;
    case UINT64:
      visitor.integer(narrow(bytes.readBigUInt64LE(take(start, end, 8))));
      return;
    case DOUBLE:
      visitor.double(bytes.readDoubleLE(take(start, end, 8)));
      return;
    case STRING: {
      const content = contentStart(bytes, start, end, walk);
      const { length } = walk;
      spend(walk, length, start);
      visitor.string(bytes, content, content + length);
      return;
    }
    case OPAQUE: {
      const content = contentStart(bytes, take(start, end, 1) + 1, end, walk);
      const { length } = walk;
      spend(walk, length, start);
      walkOpaque(bytes, bytes[start]!, content, content + length, visitor);
      return;
    }
    default:
      throw new DecodeError(`json: no value has the type ${type}`, start - 1);
  }
}

/**
 * `count size key-entry* value-entry* key* value*`; counts, sizes and offsets have 2 bytes in a small container, 4 in a large
 * one, and offsets count from `start`. A key entry is `offset length:2`, a value entry `type (offset | the value)`.
 */
function walkContainer(bytes: Buffer, type: number, start: number, end: number, walk: Walk): void {
  const { visitor } = walk;
  walk.depth++;
  if (walk.depth > MAX_DEPTH) throw new DecodeError(`json: deeper than ${MAX_DEPTH} levels`, start);
  const isObject = type === SMALL_OBJECT || type === LARGE_OBJECT;
  const width = type === SMALL_OBJECT || type === SMALL_ARRAY ? 2 : 4;
  const count = unsigned(bytes, start, end, width);
  const size = unsigned(bytes, start + width, end, width);
  const keyEntryLength = isObject ? width + 2 : 0;
  const valueEntryLength = width + 1;
  const keyEntries = start + 2 * width;
  const valueEntries = keyEntries + count * keyEntryLength;
  const content = valueEntries + count * valueEntryLength;
  const containerEnd = start + size;
  if (containerEnd > end || content > containerEnd) throw new DecodeError('json: a container beyond its end', start);

  if (isObject) visitor.beginObject();
  else visitor.beginArray();
  for (let i = 0; i < count; i++) {
    if (isObject) {
      const entry = keyEntries + i * keyEntryLength;
      const keyStart = start + unsigned(bytes, entry, containerEnd, width);
      const keyEnd = keyStart + bytes.readUInt16LE(entry + width);
      if (keyStart < content || keyEnd > containerEnd) throw new DecodeError('json: a key beyond its object', entry);
      spend(walk, keyEnd - keyStart, entry);
      visitor.key(bytes, keyStart, keyEnd);
    }
    const entry = valueEntries + i * valueEntryLength;
    const valueType = bytes[entry]!;
    if (isInlined(valueType, width)) {
      walkValue(bytes, valueType, entry + 1, entry + valueEntryLength, walk);
      continue;
    }
    const offset = unsigned(bytes, entry + 1, containerEnd, width);
    // A value before the container's own content could contain itself, without end.
    if (start + offset < content) throw new DecodeError('json: a value inside its container’s head', entry);
    walkValue(bytes, valueType, start + offset, containerEnd, walk);
  }
  if (isObject) visitor.endObject();
  else visitor.endArray();
  walk.depth--;
}

/** Values that fit the place of an offset stand there themselves. */
function isInlined(type: number, width: number): boolean {
  return type === LITERAL || type === INT16 || type === UINT16 || (width === 4 && (type === INT32 || type === UINT32));
}

const dateTime = createDateTime();

/** A decimal is `precision scale digits`; dates and times are packed in 8 bytes, little-endian. */
function walkOpaque(bytes: Buffer, type: number, start: number, end: number, visitor: JsonVisitor): void {
  switch (type) {
    case TYPE_NEWDECIMAL: {
      const precision = bytes[take(start, end, 2)]!;
      const scale = bytes[start + 1]!;
      visitor.decimal(parseDecimal(bytes, start + 2, end, precision, scale), scale);
      return;
    }
    case TYPE_DATE:
    case TYPE_DATETIME:
    case TYPE_TIMESTAMP:
      parsePackedDateTime(bytes, start, end, dateTime);
      visitor.date(type === TYPE_DATE ? 'date' : type === TYPE_DATETIME ? 'datetime' : 'timestamp', dateTime);
      return;
    case TYPE_TIME:
      visitor.time(parsePackedTime(bytes, start, end));
      return;
    default:
      visitor.opaque(type, bytes, start, end);
  }
}

function walkLiteral(code: number, offset: number, visitor: JsonVisitor): void {
  if (code === 0) visitor.null();
  else if (code <= 2) visitor.boolean(code === 1);
  else throw new DecodeError(`json: no literal ${code}`, offset);
}

/** Behind a length in groups of 7 bits, the lowest first, which it leaves in `walk`. */
function contentStart(bytes: Buffer, start: number, end: number, walk: Walk): number {
  let length = 0;
  for (let i = 0; i < MAX_LENGTH_BYTES; i++) {
    const byte = bytes[take(start + i, end, 1)]!;
    length += (byte & 0x7f) * 128 ** i;
    if ((byte & 0x80) !== 0) continue;
    walk.length = length;
    return take(start + i + 1, end, length);
  }
  throw new DecodeError('json: a length of more than 5 bytes', start);
}

/** `start`, if so many bytes are there. */
function take(start: number, end: number, length: number): number {
  if (length > end - start) throw new DecodeError(`json: need ${length} bytes, ${end - start} are left`, start);
  return start;
}

function unsigned(bytes: Buffer, start: number, end: number, width: number): number {
  take(start, end, width);
  return width === 2 ? bytes.readUInt16LE(start) : bytes.readUInt32LE(start);
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
