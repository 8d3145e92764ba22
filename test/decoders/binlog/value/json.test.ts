import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COLUMN_TYPE } from '../../../../decoders/binlog/column-type.ts';
import { EventParser } from '../../../../decoders/binlog/parse-event.ts';
import { RowsReader } from '../../../../decoders/binlog/rows-reader.ts';
import { CompactJsonWriter } from '../../../../decoders/binlog/value/compact-json-writer.ts';
import { parseJson } from '../../../../decoders/binlog/value/json.ts';
import { applyJsonDiffs, parseJsonDiffs } from '../../../../decoders/binlog/value/json-diff.ts';
import { COMPACT_JSON, formatJson, SERVER_JSON } from '../../../../decoders/binlog/value/json-text.ts';
import { parseUtf8 } from '../../../../decoders/binlog/value/unicode-text.ts';
import { DecodeError } from '../../../../decoders/decode-error.ts';
import { readBinlogFile, readBinlogFixture } from '../../../../fixtures/binlog/fixture.ts';
import { mutate } from '../../pgoutput/mutate.ts';
import { randomSource, SEED } from '../seeded-random.ts';
import { inside } from './inside.ts';

const json = (hex: string, style = SERVER_JSON) => formatJson(inside(hex, parseJson), style);

/** {"a": 1, "bb": "x"}: count, size, key entries, value entries, keys, value. */
const OBJECT = '000200170012000100130002000501000c15006162620178';
/** [[], 2] */
const ARRAY = '0202000e00020a0005020000000400';

test('scalars of every kind have the server’s text', () => {
  const texts: [hex: string, text: string][] = [
    ['', 'null'],
    ['0400', 'null'],
    ['0401', 'true'],
    ['0402', 'false'],
    ['05ffff', '-1'],
    ['06ffff', '65535'],
    ['0700000080', '-2147483648'],
    ['08ffffffff', '4294967295'],
    ['090000000000000080', '-9223372036854775808'],
    ['0affffffffffffffff', '18446744073709551615'],
    ['0b000000000000f03f', '1.0'],
    ['0b0000000000000080', '-0.0'],
    ['0c0161', '"a"'],
    ['0c00', '""'],
    ['0c03225c0a', '"\\"\\\\\\n"'],
    ['0c011f', '"\\u001f"'],
    ['0c04f09f9880', '"😀"'],
    ['0ff60403028117', '1.23'],
    ['0f0f03616263', '"base64:type15:YWJj"'],
  ];
  for (const [hex, text] of texts) assert.equal(json(hex), text, hex);
});

test('containers have the server’s text, or the same without spaces', () => {
  assert.equal(json(OBJECT), '{"a": 1, "bb": "x"}');
  assert.equal(json(OBJECT, COMPACT_JSON), '{"a":1,"bb":"x"}');
  assert.equal(json(ARRAY), '[[], 2]');
});

test('a value that contains itself, shares its bytes or is nested too deeply is an error', () => {
  // An array whose element is the array.
  assert.throws(() => inside('020100070002000000', parseJson), DecodeError);
  // 30 levels of two elements that are the same next level: 2^30 values if each was followed.
  const levels: string[] = [];
  for (let level = 0; level < 30; level++) {
    const size = Buffer.alloc(2);
    size.writeUInt16LE(10 * (30 - level) + 4);
    levels.push(`0200${size.toString('hex')}020a00020a00`);
  }
  assert.throws(() => inside(`02${levels.join('')}00000400`, parseJson), DecodeError);
  const nested = (depth: number): string => {
    let array = '00000400';
    for (let level = 1; level < depth; level++) {
      const size = Buffer.alloc(2);
      size.writeUInt16LE(array.length / 2 + 7);
      array = `0100${size.toString('hex')}020700${array}`;
    }
    return `02${array}`;
  };
  assert.equal(json(nested(100)), '['.repeat(100) + ']'.repeat(100));
  assert.throws(() => inside(nested(101), parseJson), DecodeError);
});

test('diffs replace, insert and remove, and throw where they have no place', () => {
  const apply = (document: string, diffs: string) =>
    formatJson(applyJsonDiffs(inside(document, parseJson), inside(diffs, parseJsonDiffs)), SERVER_JSON);
  const path = (text: string) => Buffer.from([text.length]).toString('hex') + Buffer.from(text).toString('hex');
  const seven = '03050700';
  assert.equal(apply(OBJECT, ''), '{"a": 1, "bb": "x"}');
  assert.equal(apply(OBJECT, `00${path('$.a')}${seven}`), '{"a": 7, "bb": "x"}');
  assert.equal(apply(OBJECT, `00${path('$')}${seven}`), '7');
  assert.equal(apply(OBJECT, `01${path('$.c')}${seven}`), '{"a": 1, "c": 7, "bb": "x"}');
  assert.equal(apply(OBJECT, `01${path('$."a.b\\"[0]"')}${seven}`), '{"a": 1, "bb": "x", "a.b\\"[0]": 7}');
  assert.equal(apply(OBJECT, `02${path('$.a')}`), '{"bb": "x"}');
  assert.equal(apply(ARRAY, `01${path('$[0][0]')}${seven}02${path('$[1]')}`), '[[7]]');
  assert.equal(apply(ARRAY, `01${path('$[9]')}${seven}`), '[[], 2, 7]');
  const misplaced = [
    `00${path('$.c')}${seven}`,
    `01${path('$.a')}${seven}`,
    `02${path('$.c')}`,
    `02${path('$')}`,
    `00${path('$[0]')}${seven}`,
    `00${path('$.a.b')}${seven}`,
    `00${path('$.*')}${seven}`,
    `00${path('a')}${seven}`,
    `03${path('$.a')}${seven}`,
    `00${path('$.a')}`,
  ];
  for (const diffs of misplaced) assert.throws(() => apply(OBJECT, diffs), DecodeError, diffs);
});

/** The documents and diffs that a real server wrote. */
function recorded(name: string): { documents: Buffer[]; diffs: Buffer[] } {
  const [documents, diffs]: Buffer[][] = [[], []];
  const parser = new EventParser();
  const reader = new RowsReader();
  const bytes = readBinlogFile(readBinlogFixture(name).files[0]!);
  for (let at = 4; at < bytes.length; ) {
    const end = at + bytes.readUInt32LE(at + 9);
    const event = parser.parse(bytes, at, end);
    at = end;
    if (event.kind !== 'rows') continue;
    reader.begin(event);
    while (reader.next()) {
      const row = reader.after;
      for (const [i, { type }] of event.table.columns.entries()) {
        const start = row === null ? -1 : row.spans[row.base + 2 * i]!;
        if (row === null || type !== COLUMN_TYPE.json || start < 0) continue;
        const value = row.bytes.subarray(start, row.spans[row.base + 2 * i + 1]!);
        // The largest are only more of the same.
        if (value.length < 2000) (reader.diffs?.[i] === 1 ? diffs : documents)!.push(value);
      }
    }
  }
  return { documents: documents!, diffs: diffs! };
}

/** Compact text by way of a tree, or written at once; null where it is refused. */
function compactTexts(value: Buffer): [string | null, string | null] {
  const textOrNull = (format: (bytes: Buffer, start: number, end: number) => string): string | null => {
    try {
      return inside(value, format);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return null;
    }
  };
  const writer = new CompactJsonWriter();
  return [
    textOrNull((bytes, start, end) => formatJson(parseJson(bytes, start, end), COMPACT_JSON)),
    textOrNull((bytes, start, end) => {
      writer.write(bytes, start, end);
      return parseUtf8(writer.bytes, 0, writer.length);
    }),
  ];
}

test(`compact text that is written at once is that of the tree (TEST_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  const { documents } = recorded('mysql-json');
  const scalars = [
    '',
    '0403',
    '07fbffffff',
    '0700000080',
    '05ff7f',
    '0c0422c3a92f',
    '0c021f07',
    '0c01ff',
    OBJECT,
    ARRAY,
  ];
  for (const document of [...documents, ...scalars.map((hex) => Buffer.from(hex, 'hex'))]) {
    const [tree, written] = compactTexts(document);
    assert.equal(written, tree);
    for (let i = 0; i < 50; i++) {
      const changed = mutate(document, () => random(1 << 30) / (1 << 30));
      const [changedTree, changedWritten] = compactTexts(changed);
      assert.equal(changedWritten, changedTree, changed.toString('hex'));
    }
  }
});

function acceptsOrRefuses(value: Buffer, parse: (bytes: Buffer, start: number, end: number) => unknown): void {
  try {
    inside(value, parse);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}

test(`recorded JSON cut short is an error, and changed is one or another value (TEST_SEED=${SEED})`, () => {
  const random = randomSource(SEED);
  const { documents } = recorded('mysql-json');
  assert.ok(documents.length > 30);
  for (const document of documents) {
    for (let length = 1; length < document.length; length++) {
      assert.throws(() => inside(document.subarray(0, length), parseJson), DecodeError);
    }
    for (let i = 0; i < 30; i++)
      acceptsOrRefuses(
        mutate(document, () => random(1 << 30) / (1 << 30)),
        parseJson,
      );
  }
  const { diffs } = recorded('mysql-partial-json');
  assert.ok(diffs.length > 5);
  for (const diff of diffs) {
    for (let i = 0; i < 100; i++)
      acceptsOrRefuses(
        mutate(diff, () => random(1 << 30) / (1 << 30)),
        parseJsonDiffs,
      );
  }
});
