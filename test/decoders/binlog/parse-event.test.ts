import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createColumnLayout } from '../../../decoders/binlog/column-layout.ts';
import type { BinlogEvent } from '../../../decoders/binlog/event.ts';
import { EVENT_TYPE } from '../../../decoders/binlog/event-header.ts';
import { ABSENT_VALUE, NULL_VALUE, type Row } from '../../../decoders/change.ts';
import {
  binlogFixtureNames,
  type ExpectedRow,
  readBinlogFile,
  readBinlogFixture,
} from '../../../fixtures/binlog/fixture.ts';
import { rowsOf, walk } from './binlog-file.ts';

/** What SHOW BINLOG EVENTS calls what we decode to. */
const NAMES: Readonly<Record<string, BinlogEvent['kind']>> = {
  Format_desc: 'format-description',
  Previous_gtids: 'previous-gtids',
  Gtid: 'gtid',
  Anonymous_Gtid: 'gtid',
  Gtid_tagged_log_event: 'gtid',
  Gtid_list: 'mariadb-gtid-list',
  Binlog_checkpoint: 'ignored',
  Query: 'query',
  Query_compressed: 'query',
  Annotate_rows: 'rows-query',
  Rows_query: 'rows-query',
  Table_map: 'table-map',
  Xid: 'xid',
  XA_prepare: 'xa-prepare',
  Rotate: 'rotate',
  Transaction_payload: 'transaction-payload',
  Intvar: 'statement-context',
  'User var': 'statement-context',
  RAND: 'statement-context',
};

/** Digits of the second of the columns of mariadb-old-temporal: id, date, then 0 to 6 of time, datetime and timestamp. */
const OLD_DIGITS = [0, 0, ...Array.from({ length: 21 }, (_, i) => i % 7)];

const fixtures = binlogFixtureNames().map((name) => ({ name, ...readBinlogFixture(name) }));

for (const { name, family, files } of fixtures) {
  test(`${name}: the events are those that the server lists, at the same places`, () => {
    for (const file of files) {
      const found = [...walk(readBinlogFile(file))].map(({ start, end, event }) => [start, kindOf(event, family), end]);
      const listed = file.events.map(([start, type, end]) => [start, listedKind(type, family), end]);
      assert.deepEqual(found, listed, file.path);
    }
  });
}

for (const { name, files, steps } of fixtures) {
  test(`${name}: the rows are those that the server's own SELECTs tell, NULL where they are NULL`, () => {
    const expected = steps.flatMap(({ changes = [] }) => changes);
    const found = files.flatMap((file) => [...walk(readBinlogFile(file))].flatMap(({ event }) => imagesIn(event)));
    for (const { table, ...images } of expected) {
      for (const [side, expected] of Object.entries(images)) {
        if (expected === null) continue;
        const at = found.findIndex((image) => image.table === table && image.side === side && agrees(image, expected));
        assert.notEqual(at, -1, `${table}: no row ${side} for ${JSON.stringify(expected).slice(0, 300)}`);
        found.splice(at, 1);
      }
    }
  });
}

test('every kind of event but those of failing and other servers was recorded', () => {
  const seen = new Set<string>();
  for (const { files } of fixtures) {
    for (const file of files) for (const { event } of walk(readBinlogFile(file))) seen.add(event.kind);
  }
  const all: Record<BinlogEvent['kind'], boolean> = {
    'format-description': true,
    rotate: true,
    gtid: true,
    'previous-gtids': true,
    'mariadb-gtid': true,
    'mariadb-gtid-list': true,
    query: true,
    xid: true,
    'xa-prepare': true,
    'rows-query': true,
    'table-map': true,
    rows: true,
    'transaction-payload': true,
    'statement-context': true,
    ignored: true,
    // Only on the wire, and only when a server lost events.
    heartbeat: false,
    incident: false,
  };
  const recorded = Object.entries(all).flatMap(([kind, is]) => (is ? [kind] : []));
  assert.deepEqual([...seen].sort(), recorded.sort());
});

function kindOf(event: BinlogEvent, family: string): string {
  if (event.kind !== 'rows') return event.kind;
  const { type } = event.header;
  if (type === EVENT_TYPE.partialUpdateRows) return 'rows u partial';
  const compressed = type >= EVENT_TYPE.mariadbWriteRowsCompressedV1;
  return `rows ${event.op} ${family === 'mariadb' ? (compressed ? 'compressed_v1' : 'v1') : ''}`.trim();
}

function listedKind(type: string, family: string): string {
  const rows = /^(Write|Update|Delete)_rows_?(.*)$/.exec(type);
  if (rows !== null) return `rows ${{ Write: 'c', Update: 'u', Delete: 'd' }[rows[1]!]} ${rows[2]}`.trim();
  if (type === 'Gtid' && family === 'mariadb') return 'mariadb-gtid';
  const kind = NAMES[type];
  assert.ok(kind, `${type} is not in this test's table`);
  return kind;
}

interface Image {
  readonly table: string;
  readonly side: 'before' | 'after';
  /** By name of a column that is present: whether it is NULL. */
  readonly nulls: ReadonlyMap<string, boolean>;
}

function imagesIn(event: BinlogEvent): Image[] {
  if (event.kind !== 'rows') return [];
  const { table } = event;
  const isOld = table.layout.unknownDigits.length > 0;
  const layout = isOld ? createColumnLayout(table.columns, 'mariadb', OLD_DIGITS) : table.layout;
  const image = (row: Row, side: Image['side']): Image => {
    const nulls = new Map<string, boolean>();
    for (const [i, column] of table.columns.entries()) {
      const start = row.spans[row.base + 2 * i]!;
      if (column.name !== null && start !== ABSENT_VALUE) nulls.set(column.name, start === NULL_VALUE);
    }
    return { table: table.name, side, nulls };
  };
  return rowsOf(event, layout).flatMap(({ before, after }) => [
    ...(before === null ? [] : [image(before, 'before')]),
    ...(after === null ? [] : [image(after, 'after')]),
  ]);
}

/** Absent columns agree with everything: what they hold is not in the event. */
function agrees({ nulls }: Image, expected: ExpectedRow): boolean {
  return Object.entries(expected).every(([name, value]) => (nulls.get(name) ?? value === null) === (value === null));
}
