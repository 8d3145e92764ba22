import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBinary } from '../../../../decoders/binlog/value/binary.ts';
import { parseBit, parseEnum, parseSet } from '../../../../decoders/binlog/value/bits.ts';
import { type Charset, charsetOfCollation } from '../../../../decoders/binlog/value/collation.ts';
import { CompactJsonWriter } from '../../../../decoders/binlog/value/compact-json-writer.ts';
import { parseCompressed } from '../../../../decoders/binlog/value/compressed.ts';
import { parseDecimal } from '../../../../decoders/binlog/value/decimal.ts';
import { parseFloat32, parseFloat64 } from '../../../../decoders/binlog/value/float.ts';
import { parseGeometry } from '../../../../decoders/binlog/value/geometry.ts';
import {
  parseSigned,
  parseSigned64,
  parseUnsigned,
  parseUnsigned64,
} from '../../../../decoders/binlog/value/integer.ts';
import { parseJson } from '../../../../decoders/binlog/value/json.ts';
import { parseJsonDiffs } from '../../../../decoders/binlog/value/json-diff.ts';
import { parseInet4, parseInet6, parseUuid } from '../../../../decoders/binlog/value/mariadb.ts';
import {
  parseHiresDateTime,
  parseHiresTime,
  parseHiresTimestamp,
} from '../../../../decoders/binlog/value/mariadb-old-temporal.ts';
import {
  createDateTime,
  parseDate,
  parseDateTime,
  parseOldDateTime,
  parseOldTime,
  parseOldTimestamp,
  parsePackedDateTime,
  parsePackedTime,
  parseTime,
  parseTimestamp,
  parseYear,
} from '../../../../decoders/binlog/value/temporal.ts';
import { textParser } from '../../../../decoders/binlog/value/text.ts';
import { parseVector } from '../../../../decoders/binlog/value/vector.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import { compactJson } from '../../../../decoders/mysql-text/json.ts';
import { parseDateText, parseDateTimeText, parseTimeText } from '../../../../decoders/mysql-text/temporal.ts';
import { randomSource, SEED } from '../seeded-random.ts';
import { inside } from './inside.ts';

type Parse = (bytes: Buffer, start: number, end: number) => unknown;

const time = createDateTime();
const charsets = new Set(
  Array.from({ length: 400 }, (_, id) => charsetOfCollation(id)).filter((name) => name !== null),
);
charsets.delete('binary');

const PARSERS: Readonly<Record<string, Parse>> = {
  parseBinary: (bytes, start, end) => parseBinary(bytes, start, end, 8),
  parseBit: (bytes, start, end) => parseBit(bytes, start, end, 13),
  parseEnum: (bytes, start, end) => parseEnum(bytes, start, end, 300),
  parseSet: (bytes, start, end) => parseSet(bytes, start, end, 40),
  parseCompressed,
  parseDecimal: (bytes, start, end) => parseDecimal(bytes, start, end, 14, 4),
  parseFloat32,
  parseFloat64,
  parseGeometry,
  parseSigned,
  parseSigned64,
  parseUnsigned,
  parseUnsigned64,
  parseJson,
  writeCompactJson: (bytes, start, end) => new CompactJsonWriter().write(bytes, start, end),
  parseJsonDiffs,
  parseHiresTimestamp: (bytes, start, end) => parseHiresTimestamp(bytes, start, end, 3),
  parseHiresTime: (bytes, start, end) => parseHiresTime(bytes, start, end, 6),
  parseHiresDateTime: (bytes, start, end) => parseHiresDateTime(bytes, start, end, 5, time),
  parseDateText: (bytes, start, end) => parseDateText(bytes, start, end, time),
  parseDateTimeText: (bytes, start, end) => parseDateTimeText(bytes, start, end, time),
  parseTimeText,
  compactJson: (bytes, start, end) => compactJson(bytes, start, end, Buffer.alloc(end - start)),
  parseInet4,
  parseInet6,
  parseUuid,
  parseDate: (bytes, start, end) => parseDate(bytes, start, end, time),
  parseDateTime: (bytes, start, end) => parseDateTime(bytes, start, end, 3, time),
  parseOldDateTime: (bytes, start, end) => parseOldDateTime(bytes, start, end, time),
  parseOldTime,
  parseOldTimestamp,
  parsePackedDateTime: (bytes, start, end) => parsePackedDateTime(bytes, start, end, time),
  parsePackedTime,
  parseTime: (bytes, start, end) => parseTime(bytes, start, end, 6),
  parseTimestamp: (bytes, start, end) => parseTimestamp(bytes, start, end, 1),
  parseYear,
  parseVector,
  ...Object.fromEntries([...charsets].map((charset) => [charset, textParser(charset as Charset)])),
};

test(`any bytes are a value or a DecodeError inside of them, whatever stands around them (TEST_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  for (let i = 0; i < 1500; i++) {
    const length = random(4) === 0 ? random(30) : random(9);
    const value = Buffer.from(Array.from({ length }, () => [0, 0xff, 0x80, random(16), random(256)][random(5)]!));
    for (const [name, parse] of Object.entries(PARSERS)) {
      const around = outcome(parse, value, (range) => inside(value, range));
      const alone = outcome(parse, value, (range) => range(value, 0, value.length));
      assert.deepEqual(around, alone, `${name} of ${value.toString('hex')}`);
    }
  }
});

function outcome(parse: Parse, value: Buffer, call: (parse: Parse) => unknown): unknown {
  let first = 0;
  try {
    return call((bytes, start, end) => {
      first = start;
      return parse(bytes, start, end);
    });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const at = error.offset - first;
    assert.ok(at >= -1 && at <= value.length, `${error.message} of ${value.toString('hex')}`);
    return { failedAt: at };
  }
}
