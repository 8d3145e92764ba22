import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { createColumnLayout } from '../../../decoders/binlog/column-layout.ts';
import { COLUMN_TYPE } from '../../../decoders/binlog/column-type.ts';
import { EVENT_TYPE } from '../../../decoders/binlog/event-header.ts';
import { EventParser } from '../../../decoders/binlog/parse-event.ts';
import type { RowsEvent } from '../../../decoders/binlog/rows-event.ts';
import { RowsReader } from '../../../decoders/binlog/rows-reader.ts';
import { ABSENT_VALUE, NULL_VALUE, type Row } from '../../../decoders/change.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { readBinlogFile } from '../../../fixtures/binlog/fixture.ts';
import { rowsOf, span, walk } from './binlog-file.ts';
import { event, formatDescription, text, u8, u16, u48 } from './event-bytes.ts';

const STATEMENT_END = 1;
const TABLE_ID = 0x0102_0304_0506;

interface Fields {
  readonly types: readonly number[];
  readonly metadata?: string;
  readonly type: number;
  /** Everything behind the table's id and flags. */
  readonly body: string;
  readonly mariadb?: boolean;
}

function parse({ types, metadata = '', type, body, mariadb = false }: Fields): RowsEvent {
  const parser = new EventParser();
  const format = formatDescription({ mariadb });
  parser.parse(format, 0, format.length);
  const meta = Buffer.from(metadata, 'hex');
  const names = [text('d'), u8(0), text('t'), u8(0)];
  const nullable = Buffer.alloc((types.length + 7) >> 3);
  const columns = [u8(types.length), Buffer.from(types), u8(meta.length), meta, nullable];
  const map = event(EVENT_TYPE.tableMap, [u48(TABLE_ID), u16(1), ...names, ...columns]);
  parser.parse(map, 0, map.length);
  const rows = event(type, [u48(TABLE_ID), u16(STATEMENT_END), Buffer.from(body, 'hex')]);
  const decoded = parser.parse(rows, 0, rows.length);
  assert.ok(decoded.kind === 'rows');
  return decoded;
}

function values(row: Row | null, event: RowsEvent): (string | number)[] | null {
  return row === null ? null : event.table.columns.map((_, i) => span(row, i));
}

function images(event: RowsEvent) {
  return rowsOf(event).map(({ before, after }) => [values(before, event), values(after, event)]);
}

const { tiny, short, varchar, json, blob } = COLUMN_TYPE;

test('rows of an insert and a delete are divided by NULL bits and lengths, of either version', () => {
  const types = [tiny, varchar, varchar, blob];
  const metadata = 'ff00000103';
  const rows = '00 05 026869 0100ee 010000aa  0e 07'.replaceAll(' ', '');
  const expected = [
    ['05', '6869', 'ee', 'aa'],
    ['07', NULL_VALUE, NULL_VALUE, NULL_VALUE],
  ];
  const inserted = parse({ types, metadata, type: EVENT_TYPE.writeRowsV1, body: `04ff${rows}` });
  assert.equal(inserted.op, 'c');
  assert.equal(inserted.endsStatement, true);
  assert.deepEqual(
    images(inserted),
    expected.map((row) => [null, row]),
  );
  // The extra information (a partition here) is passed over by its length.
  const deleted = parse({ types, metadata, type: EVENT_TYPE.deleteRows, body: `0500010100${'04ff'}${rows}` });
  assert.deepEqual(
    images(deleted),
    expected.map((row) => [row, null]),
  );
  assert.equal(rowsOf(deleted)[0]!.before!.image, 'full');
});

test('columns that an image leaves out are absent, not NULL, and have no NULL bit', () => {
  const types = [tiny, short, tiny];
  // Before: the second and third column, and bits beyond the last that say nothing. After: the first and second.
  const body = '0200 03 fe 03  02 2222  01 3333'.replaceAll(' ', '');
  const updated = parse({ types, type: EVENT_TYPE.updateRows, body });
  const [row] = rowsOf(updated);
  assert.deepEqual(values(row!.before, updated), [ABSENT_VALUE, '2222', NULL_VALUE]);
  assert.deepEqual(values(row!.after, updated), [NULL_VALUE, '3333', ABSENT_VALUE]);
  assert.deepEqual([row!.before!.image, row!.after!.image], ['partial', 'partial']);
});

test('the last row ends where the event does, or it is a DecodeError', () => {
  const types = [tiny, varchar];
  const of = (rows: string) =>
    images(parse({ types, metadata: 'ff00', type: EVENT_TYPE.writeRowsV1, body: `02ff${rows}` }));
  assert.deepEqual(of(''), []);
  assert.deepEqual(of('00010161'), [[null, ['01', '61']]]);
  for (const rows of ['00', '0001', '000102', '00010261', '0001016100', '000101610005']) {
    assert.throws(() => of(rows), DecodeError, rows);
  }
});

test('lengths of four bytes are unsigned', () => {
  const body = '01ff00ffffffff61';
  assert.throws(
    () => images(parse({ types: [blob], metadata: '04', type: EVENT_TYPE.writeRowsV1, body })),
    DecodeError,
  );
});

test('an image without a byte is a DecodeError, not rows for ever', () => {
  const body = '010061';
  assert.throws(() => images(parse({ types: [tiny], type: EVENT_TYPE.writeRowsV1, body })), /row of no bytes/);
});

test('a head that does not agree with the table, or with itself, is a DecodeError', () => {
  const of = (type: number, body: string) => parse({ types: [tiny], type, body });
  assert.throws(() => of(EVENT_TYPE.writeRowsV1, '02ff0001'), /rows of 2 columns for d\.t/);
  assert.throws(() => of(EVENT_TYPE.writeRowsV1, ''), DecodeError);
  assert.throws(() => of(EVENT_TYPE.writeRowsV1, '01'), DecodeError);
  assert.throws(() => of(EVENT_TYPE.updateRowsV1, '01ff'), DecodeError);
  assert.throws(() => of(EVENT_TYPE.writeRows, '010001ff0001'), DecodeError);
  assert.throws(() => of(EVENT_TYPE.writeRows, 'ff0001ff0001'), DecodeError);
});

test('rows without a table map of their statement are a DecodeError', () => {
  const parser = new EventParser();
  const format = formatDescription();
  parser.parse(format, 0, format.length);
  const rows = event(EVENT_TYPE.writeRowsV1, [u48(TABLE_ID), u16(0), Buffer.from('01ff0001', 'hex')]);
  assert.throws(() => parser.parse(rows, 0, rows.length), /not announced/);
});

test('diffs are told from values by a bit for each JSON column of the table, also where it is absent', () => {
  const types = [tiny, json, json, json];
  const of = (options: string) => {
    // Before: all columns. After: all but the first JSON column.
    const before = '00 01 01000000aa 01000000bb 01000000cc';
    const body = `0200 04 0f 0d ${before} ${options} 00 02 01000000b1 02000000d1d2`.replaceAll(' ', '');
    const updated = parse({ types, metadata: '040404', type: EVENT_TYPE.partialUpdateRows, body });
    return rowsOf(updated).map(({ before, after, diffs }) => {
      return { before: values(before, updated), after: values(after, updated), diffs };
    });
  };
  const row = { before: ['01', 'aa', 'bb', 'cc'], after: ['02', ABSENT_VALUE, 'b1', 'd1d2'] };
  assert.deepEqual(of('01 05'), [{ ...row, diffs: [0, 1, 0, 1] }]);
  assert.deepEqual(of('01 00'), [{ ...row, diffs: null }]);
  assert.deepEqual(of('00'), [{ ...row, diffs: null }]);
  assert.throws(() => of('02 05'), /unknown value options 2/);
});

test("MariaDB's compressed rows are divided as if they had come as they are", () => {
  const rows = Buffer.from('0001016100020162', 'hex');
  const data = Buffer.concat([Buffer.of(0x81, rows.length), deflateSync(rows)]).toString('hex');
  const type = EVENT_TYPE.mariadbWriteRowsCompressedV1;
  const decoded = parse({ types: [tiny, varchar], metadata: 'ff00', type, body: `02ff${data}`, mariadb: true });
  assert.deepEqual(images(decoded), [
    [null, ['01', '61']],
    [null, ['02', '62']],
  ]);
});

test("a row of MariaDB's old temporal types is not divided until their digits are told", () => {
  const types = [tiny, COLUMN_TYPE.time, COLUMN_TYPE.datetime, COLUMN_TYPE.timestamp];
  const body = `04ff00 01 aaaaaaaa bbbbbbbbbbbbbb cccccccc`.replaceAll(' ', '');
  const decoded = parse({ types, type: EVENT_TYPE.writeRowsV1, body, mariadb: true });
  assert.throws(() => new RowsReader().begin(decoded), /digits of the second/);
  const layout = createColumnLayout(decoded.table.columns, 'mariadb', [0, 2, 4, 0]);
  const [row] = rowsOf(decoded, layout);
  assert.deepEqual(values(row!.after, decoded), ['01', 'aaaaaaaa', 'bbbbbbbbbbbbbb', 'cccccccc']);
});

test('a row stays what it is while others are read: a batch may hold it', () => {
  const reader = new RowsReader();
  const held: { row: Row; text: string }[] = [];
  for (let round = 0; round < 200; round++) {
    for (const { event } of walk(readBinlogFile({ path: 'mysql-strings.bin' }))) {
      if (event.kind !== 'rows') continue;
      reader.begin(event);
      while (reader.next()) {
        for (const row of [reader.before, reader.after]) {
          if (row !== null) held.push({ row, text: JSON.stringify(values(row, event)) });
        }
      }
      for (const { row, text } of held.splice(0, Math.max(0, held.length - 500))) {
        assert.equal(JSON.stringify(Array.from({ length: JSON.parse(text).length }, (_, i) => span(row, i))), text);
      }
    }
  }
  assert.ok(held.length > 100);
});
