import { DecodeError } from '../../decode-error.ts';
import { parseDecimal } from './decimal.ts';
import type { JsonMember, JsonValue } from './json-value.ts';
import { createDateTime, type DateTime, parsePackedDateTime, parsePackedTime } from './temporal.ts';
import { parseUtf8 } from './unicode-text.ts';

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

const LITERALS: readonly JsonValue[] = [
  { kind: 'null' },
  { kind: 'boolean', value: true },
  { kind: 'boolean', value: false },
];

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
export function parseJson(bytes: Buffer, start: number, end: number): JsonValue {
  if (start === end) return LITERALS[0]!;
  return parseValue(bytes, bytes[start]!, start + 1, end, { depth: 0, left: end - start });
}

/** Keeps a corrupt document, whose parts share their bytes, from growing without end. */
interface Bounds {
  depth: number;
  /** Each value takes a byte at least, and each text its length: together no more than there are bytes. */
  left: number;
}

function spend(bounds: Bounds, length: number, offset: number): void {
  bounds.left -= length;
  if (bounds.left < 0) throw new DecodeError('json: parts share their bytes', offset);
}

function parseValue(bytes: Buffer, type: number, start: number, end: number, bounds: Bounds): JsonValue {
  spend(bounds, 1, start);
  switch (type) {
    case SMALL_OBJECT:
    case LARGE_OBJECT:
    case SMALL_ARRAY:
    case LARGE_ARRAY:
      return parseContainer(bytes, type, start, end, bounds);
    case LITERAL:
      return literal(bytes[take(start, end, 1)]!, start);
    case INT16:
      return { kind: 'integer', value: bytes.readInt16LE(take(start, end, 2)) };
    case UINT16:
      return { kind: 'integer', value: bytes.readUInt16LE(take(start, end, 2)) };
    case INT32:
      return { kind: 'integer', value: bytes.readInt32LE(take(start, end, 4)) };
    case UINT32:
      return { kind: 'integer', value: bytes.readUInt32LE(take(start, end, 4)) };
    case INT64:
      return { kind: 'integer', value: narrow(bytes.readBigInt64LE(take(start, end, 8))) };
    case UINT64:
      return { kind: 'integer', value: narrow(bytes.readBigUInt64LE(take(start, end, 8))) };
    case DOUBLE:
      return { kind: 'double', value: bytes.readDoubleLE(take(start, end, 8)) };
    case STRING: {
      const text = lengthPrefixed(bytes, start, end);
      spend(bounds, text.end - text.start, start);
      return { kind: 'string', value: parseUtf8(bytes, text.start, text.end) };
    }
    case OPAQUE: {
      const content = lengthPrefixed(bytes, take(start, end, 1) + 1, end);
      spend(bounds, content.end - content.start, start);
      return parseOpaque(bytes, bytes[start]!, content.start, content.end);
    }
    default:
      throw new DecodeError(`json: no value has the type ${type}`, start - 1);
  }
}

/**
 * `count size key-entry* value-entry* key* value*`; counts, sizes and offsets have 2 bytes in a small container, 4 in a large
 * one, and offsets count from `start`. A key entry is `offset length:2`, a value entry `type (offset | the value)`.
 */
function parseContainer(bytes: Buffer, type: number, start: number, end: number, bounds: Bounds): JsonValue {
  bounds.depth++;
  if (bounds.depth > MAX_DEPTH) throw new DecodeError(`json: deeper than ${MAX_DEPTH} levels`, start);
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

  const elements: JsonValue[] = [];
  for (let i = 0; i < count; i++) {
    const entry = valueEntries + i * valueEntryLength;
    const valueType = bytes[entry]!;
    if (isInlined(valueType, width)) {
      elements.push(parseValue(bytes, valueType, entry + 1, entry + valueEntryLength, bounds));
      continue;
    }
    const offset = unsigned(bytes, entry + 1, containerEnd, width);
    // A value before the container's own content could contain itself, without end.
    if (start + offset < content) throw new DecodeError('json: a value inside its container’s head', entry);
    elements.push(parseValue(bytes, valueType, start + offset, containerEnd, bounds));
  }
  if (!isObject) {
    bounds.depth--;
    return { kind: 'array', elements };
  }

  const members = elements.map((value, i): JsonMember => {
    const entry = keyEntries + i * keyEntryLength;
    const keyStart = start + unsigned(bytes, entry, containerEnd, width);
    const keyEnd = keyStart + bytes.readUInt16LE(entry + width);
    if (keyStart < content || keyEnd > containerEnd) throw new DecodeError('json: a key beyond its object', entry);
    spend(bounds, keyEnd - keyStart, entry);
    return [parseUtf8(bytes, keyStart, keyEnd), value];
  });
  bounds.depth--;
  return { kind: 'object', members };
}

/** Values that fit the place of an offset stand there themselves. */
function isInlined(type: number, width: number): boolean {
  return type === LITERAL || type === INT16 || type === UINT16 || (width === 4 && (type === INT32 || type === UINT32));
}

/** A decimal is `precision scale digits`; dates and times are packed in 8 bytes, little-endian. */
function parseOpaque(bytes: Buffer, type: number, start: number, end: number): JsonValue {
  switch (type) {
    case TYPE_NEWDECIMAL: {
      const precision = bytes[take(start, end, 2)]!;
      const scale = bytes[start + 1]!;
      return { kind: 'decimal', unscaled: parseDecimal(bytes, start + 2, end, precision, scale), scale };
    }
    case TYPE_DATE:
      return { kind: 'date', value: packedDateTime(bytes, start, end) };
    case TYPE_DATETIME:
      return { kind: 'datetime', value: packedDateTime(bytes, start, end) };
    case TYPE_TIMESTAMP:
      return { kind: 'timestamp', value: packedDateTime(bytes, start, end) };
    case TYPE_TIME:
      return { kind: 'time', micros: parsePackedTime(bytes, start, end) };
    default:
      return { kind: 'opaque', type, bytes: bytes.subarray(start, end) };
  }
}

function packedDateTime(bytes: Buffer, start: number, end: number): DateTime {
  const value = createDateTime();
  parsePackedDateTime(bytes, start, end, value);
  return value;
}

function literal(code: number, offset: number): JsonValue {
  const value = LITERALS[code];
  if (value === undefined) throw new DecodeError(`json: no literal ${code}`, offset);
  return value;
}

function lengthPrefixed(bytes: Buffer, start: number, end: number): { start: number; end: number } {
  let length = 0;
  for (let i = 0; i < MAX_LENGTH_BYTES; i++) {
    const byte = bytes[take(start + i, end, 1)]!;
    length += (byte & 0x7f) * 128 ** i;
    if ((byte & 0x80) !== 0) continue;
    const content = take(start + i + 1, end, length);
    return { start: content, end: content + length };
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
