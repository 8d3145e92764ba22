import { createHash } from 'node:crypto';
import { COLUMN_TYPE } from '../../../../decoders/binlog/column-type.ts';
import type { TableMapColumn } from '../../../../decoders/binlog/table-map.ts';
import { parseBinary } from '../../../../decoders/binlog/value/binary.ts';
import { parseBit, parseEnum, parseSet } from '../../../../decoders/binlog/value/bits.ts';
import { charsetOfCollation } from '../../../../decoders/binlog/value/collation.ts';
import { parseCompressed } from '../../../../decoders/binlog/value/compressed.ts';
import { parseDecimal } from '../../../../decoders/binlog/value/decimal.ts';
import { formatFloat64, parseFloat32, parseFloat64 } from '../../../../decoders/binlog/value/float.ts';
import { parseGeometry } from '../../../../decoders/binlog/value/geometry.ts';
import {
  parseSigned,
  parseSigned64,
  parseUnsigned,
  parseUnsigned64,
} from '../../../../decoders/binlog/value/integer.ts';
import { parseJson } from '../../../../decoders/binlog/value/json.ts';
import { formatJson, SERVER_JSON } from '../../../../decoders/binlog/value/json-text.ts';
import { parseInet4, parseInet6, parseUuid } from '../../../../decoders/binlog/value/mariadb.ts';
import {
  createDateTime,
  formatDate,
  formatDateTime,
  formatTime,
  parseDate,
  parseDateTime,
  parseOldDateTime,
  parseOldTime,
  parseOldTimestamp,
  parseTime,
  parseTimestamp,
  parseYear,
} from '../../../../decoders/binlog/value/temporal.ts';
import { textParser } from '../../../../decoders/binlog/value/text.ts';
import { parseVector } from '../../../../decoders/binlog/value/vector.ts';
import { formatDecimal } from '../../../../decoders/pgoutput/text/numeric.ts';

/** Fixtures keep so many characters; of a longer text they keep a hash. */
const MAX_CHARACTERS = 4000;
const BINARY_COLLATION = 63;

/**
 * A value as `ExpectedRow` of fixtures/binlog has it. `declared` is the column's COLUMN_TYPE: MariaDB's UUID and INET look
 * like BINARY in the binlog.
 */
export function serverText(
  column: TableMapColumn,
  declared: string,
  bytes: Buffer,
  start: number,
  end: number,
): string {
  return shortened(valueText(column, declared, bytes, start, end));
}

export function shortened(text: string): string {
  return [...text].length > MAX_CHARACTERS ? `sha256:${createHash('sha256').update(text).digest('hex')}` : text;
}

function valueText(column: TableMapColumn, declared: string, bytes: Buffer, start: number, end: number): string {
  const { type, metadata, members } = column;
  const isUnsigned = column.unsigned === true;
  switch (type) {
    case COLUMN_TYPE.tiny:
    case COLUMN_TYPE.short:
    case COLUMN_TYPE.int24:
    case COLUMN_TYPE.long:
      return String((isUnsigned ? parseUnsigned : parseSigned)(bytes, start, end));
    case COLUMN_TYPE.longlong:
      return String((isUnsigned ? parseUnsigned64 : parseSigned64)(bytes, start, end));
    case COLUMN_TYPE.float:
      return formatFloat64(parseFloat32(bytes, start, end));
    case COLUMN_TYPE.double: {
      // DOUBLE(M,D) is printed with D digits, which only the declaration tells.
      const digits = /^double\(\d+,(\d+)\)/.exec(declared)?.[1];
      const value = parseFloat64(bytes, start, end);
      return digits === undefined ? formatFloat64(value) : value.toFixed(Number(digits));
    }
    case COLUMN_TYPE.newdecimal: {
      const scale = metadata & 0xff;
      return formatDecimal(parseDecimal(bytes, start, end, metadata >> 8, scale), scale);
    }
    case COLUMN_TYPE.date:
    case COLUMN_TYPE.newdate: {
      const date = createDateTime();
      parseDate(bytes, start, end, date);
      return formatDate(date);
    }
    case COLUMN_TYPE.time:
      return formatTime(parseOldTime(bytes, start, end), 0);
    case COLUMN_TYPE.time2:
      return formatTime(parseTime(bytes, start, end, metadata), metadata);
    case COLUMN_TYPE.datetime: {
      const time = createDateTime();
      parseOldDateTime(bytes, start, end, time);
      return formatDateTime(time, 0);
    }
    case COLUMN_TYPE.datetime2: {
      const time = createDateTime();
      parseDateTime(bytes, start, end, metadata, time);
      return formatDateTime(time, metadata);
    }
    case COLUMN_TYPE.timestamp:
      return timestampText(parseOldTimestamp(bytes, start, end), 0);
    case COLUMN_TYPE.timestamp2:
      return timestampText(parseTimestamp(bytes, start, end, metadata), metadata);
    case COLUMN_TYPE.year:
      return String(parseYear(bytes, start, end)).padStart(4, '0');
    case COLUMN_TYPE.bit:
      return String(parseBit(bytes, start, end, metadata));
    case COLUMN_TYPE.enum: {
      const index = parseEnum(bytes, start, end, members?.length ?? null);
      return `${index}:${index === 0 ? '' : memberText(column, index - 1)}`;
    }
    case COLUMN_TYPE.set: {
      const bitmap = BigInt(parseSet(bytes, start, end, members?.length ?? null));
      const chosen = (members ?? []).map((_, i) => i).filter((i) => (bitmap >> BigInt(i)) & 1n);
      return `${bitmap}:${chosen.map((i) => memberText(column, i)).join()}`;
    }
    case COLUMN_TYPE.json:
      return formatJson(parseJson(bytes, start, end), SERVER_JSON);
    case COLUMN_TYPE.geometry: {
      const { srid, wkb } = parseGeometry(bytes, start, end);
      const head = Buffer.alloc(4);
      head.writeUInt32LE(srid);
      return hexText(Buffer.concat([head, wkb]));
    }
    case COLUMN_TYPE.vector:
      return hexText(Buffer.from(Float32Array.from(parseVector(bytes, start, end)).buffer));
    case COLUMN_TYPE.varcharCompressed:
    case COLUMN_TYPE.blobCompressed: {
      const value = parseCompressed(bytes, start, end);
      return characters(column, value, 0, value.length);
    }
    case COLUMN_TYPE.string:
      if (declared === 'uuid') return parseUuid(bytes, start, end);
      if (declared === 'inet4') return parseInet4(bytes, start, end);
      if (declared === 'inet6') return parseInet6(bytes, start, end);
      if (column.collation === BINARY_COLLATION) return hexText(parseBinary(bytes, start, end, metadata));
      return characters(column, bytes, start, end);
    default:
      return characters(column, bytes, start, end);
  }
}

function characters(column: TableMapColumn, bytes: Buffer, start: number, end: number): string {
  const { collation } = column;
  if (collation === null) throw new Error(`no collation of ${column.name}`);
  if (collation === BINARY_COLLATION) return hexText(bytes.subarray(start, end));
  const charset = charsetOfCollation(collation);
  if (charset === null) throw new Error(`unknown collation ${collation}`);
  return textParser(charset)(bytes, start, end);
}

function memberText(column: TableMapColumn, index: number): string {
  const member = column.members![index]!;
  return characters(column, member, 0, member.length);
}

function hexText(bytes: Buffer): string {
  return `0x${bytes.toString('hex').toUpperCase()}`;
}

function timestampText(micros: number, digits: number): string {
  const time = createDateTime();
  if (micros > 0) {
    const date = new Date(Math.floor(micros / 1000));
    time.year = date.getUTCFullYear();
    time.month = date.getUTCMonth() + 1;
    time.day = date.getUTCDate();
    time.hour = date.getUTCHours();
    time.minute = date.getUTCMinutes();
    time.second = date.getUTCSeconds();
    time.micros = micros % 1_000_000;
  }
  return formatDateTime(time, digits);
}
