import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENT_TYPE } from '../../../decoders/binlog/event-header.ts';
import { formatExecutedGtids, parseExecutedGtids } from '../../../decoders/binlog/executed-gtids.ts';
import type { TableMap } from '../../../decoders/binlog/table-map.ts';
import type { TransactionPosition } from '../../../decoders/binlog/transaction-position.ts';
import { ABSENT_VALUE, type Change, NULL_VALUE, type Row } from '../../../decoders/change.ts';
import { DecodeError } from '../../../decoders/decode-error.ts';
import { PositionLostError } from '../../../decoders/position-lost-error.ts';
import {
  type BinlogFixture,
  binlogFixtureNames,
  type ExpectedRow,
  readBinlogFixture,
} from '../../../fixtures/binlog/fixture.ts';
import { seededRandom } from '../../logs/sqlite/log-fixture.ts';
import { mutate } from '../pgoutput/mutate.ts';
import {
  beginning,
  type MappedTable,
  preparedOf,
  Reduction,
  type Seen,
  type SentEvent,
  sentFrom,
  sentWithout,
} from './reduce.ts';
import { SEED } from './seeded-random.ts';
import { serverText } from './value/server-text.ts';

const MUTATIONS = 2_000;
const EVENT_TYPE_AT = 4;

/** MariaDB 5.3's temporal types with fractions: only the schema tells how long their values are. */
const names = binlogFixtureNames().filter((name) => !name.includes('old-temporal'));

/** GTIDs that the recorded server had executed before. */
function gtidsBefore(fixture: BinlogFixture): string | null {
  const [first] = fixture.files[0]!.events.filter(([, type]) => type === 'Previous_gtids' || type === 'Gtid_list');
  if (fixture.scenario === 'anonymous-gtid') return null;
  return first![3].replace(/^\[|\]$|\n/g, '');
}

const OPTIONS = { boundaries: true, keepsQuery: true };

for (const name of names) {
  test(`${name}: stopped anywhere and gone on from the offset, by position or GTID, each change comes exactly once`, () => {
    const fixture = readBinlogFixture(name);
    const gtids = gtidsBefore(fixture);
    const sent = sentFrom(fixture, beginning(fixture));
    const whole = new Reduction({ fixture, gtids, ...OPTIONS }).run(sent);
    assert.ok(whole.seen.length > 0);
    const end = whole.reducer.position;
    // What a stop after the n-th step leaves.
    const first = new Reduction({ fixture, gtids, ...OPTIONS });
    const stops: { seen: number; prepared: Map<string, readonly Buffer[]>; position: typeof end }[] = [];
    first.run(sent, () => {
      first.take();
      stops.push({ seen: first.seen.length, prepared: new Map(first.prepared), position: first.reducer.position });
    });
    assert.deepEqual(first.seen, whole.seen);
    const tried = new Set<string>();
    for (const { seen, prepared, position } of stops) {
      const key = JSON.stringify([seen, position, [...prepared.keys()]]);
      if (tried.has(key)) continue;
      tried.add(key);
      for (const by of position.gtids === null ? ['position'] : ['position', 'gtid']) {
        const events =
          by === 'position'
            ? sentFrom(fixture, position)
            : sentWithout(sent, parseExecutedGtids(fixture.family, position.gtids!));
        const rest = new Reduction({
          fixture,
          ...OPTIONS,
          position: by === 'position' ? position : { ...beginning(fixture), skip: position.skip },
          gtids: position.gtids,
          prepared: preparedOf(prepared),
        }).run(events);
        assert.deepEqual(rest.seen, whole.seen.slice(seen), `by ${by} from ${key}`);
        if (events.length > 0) assert.deepEqual(rest.reducer.position, end, key);
        assert.deepEqual([...rest.prepared.keys()].length, 0);
      }
    }
    assert.ok(tried.size > 3, `${tried.size} stops`);
  });
}

test('without GTIDs what was delivered of a transaction is left out where it began, and nowhere else', () => {
  const fixture = readBinlogFixture('mysql-anonymous-gtid');
  const options = { fixture, gtids: null };
  const sent = sentFrom(fixture, beginning(fixture));
  const first = new Reduction(options);
  const stops: TransactionPosition[] = [];
  first.run(sent, () => {
    if (first.reducer.position.skip !== null) stops.push(first.reducer.position);
  });
  assert.ok(stops.length > 0);
  for (const { file, position, skip } of stops) {
    new Reduction({ ...options, position: { file, position, skip } }).run(sentFrom(fixture, { file, position }));
    const other = new Reduction({ ...options, position: { file, position: position - 1, skip } });
    assert.throws(() => other.run(sentFrom(fixture, { file, position })), PositionLostError);
  }
});

test('stopped in a transaction and gone on from a server that logs it in other events, each change comes exactly once', () => {
  const fixture = readBinlogFixture('mysql-rows-query');
  const options = { fixture, gtids: gtidsBefore(fixture), boundaries: true };
  const sent = sentFrom(fixture, beginning(fixture));
  const whole = new Reduction(options).run(sent);
  const first = new Reduction(options);
  const stops: { seen: number; position: TransactionPosition }[] = [];
  first.run(sent, () => {
    first.take();
    const { position } = first.reducer;
    if (position.skip !== null) stops.push({ seen: first.seen.length, position });
  });
  // A replica without binlog_rows_query_log_events.
  const others = sent.filter(({ bytes }) => bytes[EVENT_TYPE_AT] !== EVENT_TYPE.rowsQuery);
  assert.ok(others.length < sent.length && stops.length > 5, `${stops.length} stops`);
  let stopsAgain = 0;
  for (const { seen, position } of stops) {
    const skip = { ...position.skip!, events: 0, rows: 0 };
    const { gtids } = position;
    const rest = new Reduction({ ...options, gtids, position: { ...beginning(fixture), skip } });
    const events = sentWithout(others, parseExecutedGtids('mysql', gtids!));
    rest.run(events, () => {
      rest.take();
      const again = rest.reducer.position;
      if (again.skip === null || stopsAgain++ % 3 > 0) return;
      const last = new Reduction({
        ...options,
        gtids: again.gtids,
        position: { ...beginning(fixture), skip: again.skip },
      }).run(sentWithout(others, parseExecutedGtids('mysql', again.gtids!)));
      assert.deepEqual(last.seen, whole.seen.slice(seen + rest.seen.length), JSON.stringify(again));
    });
    assert.deepEqual(rest.seen, whole.seen.slice(seen), JSON.stringify(position));
  }
});

/** Of a sequence and of a system-versioned table the server shows other rows than it logs. */
const SHOWN_OTHERWISE = new Set(['numbers', 'versioned']);
/** XA rows are seen before they are committed; differences to JSON that is not sent are refused; labels are in the schema alone;
 * of parts of rows the value tests know more. */
const TOLD_ELSEWHERE = /-(xa|partial-json|metadata-minimal|row-image-.*|limits)$/;

for (const name of names.filter((name) => !TOLD_ELSEWHERE.test(name))) {
  test(`${name}: the rows that come out are those that the server says were changed`, () => {
    const fixture = readBinlogFixture(name);
    const declared = new Map<string, Readonly<Record<string, string>>>();
    const columns = fixture.steps.flatMap((step) => Object.entries(step.columns ?? {}));
    for (const [table, types] of columns) declared.set(table.split('.').at(-1)!, { ...declared.get(table), ...types });
    const read: string[] = [];
    // A row whose key changed is told as one gone and one new.
    const push = (into: string[], table: string, before: ExpectedRow | null, after: ExpectedRow | null): void => {
      if (before !== null) into.push(`- ${table} ${JSON.stringify(before)}`);
      if (after !== null) into.push(`+ ${table} ${JSON.stringify(after)}`);
    };
    const onChange = (change: Change): void => {
      // The fixture's database is what was looked at.
      if (change.kind !== 'row' || change.table.namespace !== 'fixture' || SHOWN_OTHERWISE.has(change.table.name))
        return;
      const { name: table } = change.table;
      const types = declared.get(table) ?? {};
      const row = (one: Row | null) => (one === null ? null : rowText(one, (change.table as MappedTable).map, types));
      push(read, table, row(change.before), row(change.after));
    };
    new Reduction({ fixture, gtids: gtidsBefore(fixture), onChange }).run(sentFrom(fixture, beginning(fixture)));
    const expected: string[] = [];
    for (const { table, before, after } of fixture.steps.flatMap(({ changes = [] }) => changes)) {
      if (!SHOWN_OTHERWISE.has(table)) push(expected, table.split('.').at(-1)!, before, after);
    }
    assert.deepEqual(read.sort(), expected.sort());
  });
}

/** The columns that the row image has. */
function rowText(row: Row, map: TableMap, types: Readonly<Record<string, string>>): ExpectedRow {
  const text: Record<string, string | null> = {};
  for (const [i, column] of map.columns.entries()) {
    const name = column.name!;
    const [start, end] = [row.spans[row.base + 2 * i]!, row.spans[row.base + 2 * i + 1]!];
    if (start === ABSENT_VALUE) continue;
    text[name] = start === NULL_VALUE ? null : serverText(column, types[name] ?? '', row.bytes, start, end);
  }
  return text;
}

/** Seen rows are hex: what matters here is which rows come, and between which borders. */
function story(seen: readonly Seen[]): string[] {
  return seen.map(({ kind, op, table, ddl, tx }) => {
    const { gtid } = tx as { gtid: string | null };
    return [kind, op ?? ddl, table, gtid?.replace(/^.*[:-]/, '')].filter((part) => part !== undefined).join(' ');
  });
}

function reduce(name: string, options: object = {}): Reduction {
  const fixture = readBinlogFixture(name);
  const reduction = new Reduction({ fixture, gtids: gtidsBefore(fixture), ...OPTIONS, ...options });
  return reduction.run(sentFrom(fixture, beginning(fixture)));
}

test('rows of a prepared transaction come with the GTID and the place of its XA COMMIT, and those rolled back never', () => {
  const expected = (first: number, onePhase: number, last: number) => [
    `schema create-table: CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) ${first}`,
    `begin ${first + 2}`,
    `row c fixture.t ${first + 2}`,
    `row u fixture.t ${first + 2}`,
    `commit ${first + 2}`,
    `begin ${onePhase}`,
    `row c fixture.t ${onePhase}`,
    `commit ${onePhase}`,
    `begin ${last}`,
    `row c fixture.t ${last}`,
    `commit ${last}`,
  ];
  const mysql = reduce('mysql-xa');
  assert.deepEqual(story(mysql.seen), expected(74, 77, 80));
  const [, , row] = mysql.seen;
  assert.equal((row!.tx as { position: number }).position, 1076);
  assert.deepEqual(story(reduce('mariadb-xa').seen), expected(73, 76, 79));
});

test('an XA COMMIT whose PREPARE was not seen is told', () => {
  for (const [name, position] of [
    ['mysql-xa', 999],
    ['mariadb-xa', 1090],
  ] as const) {
    const fixture = readBinlogFixture(name);
    const unknown: string[] = [];
    new Reduction({
      fixture,
      position: { ...beginning(fixture), position, skip: null },
      onUnknownXa: (xid, place) => unknown.push(`${xid} ${place}`),
    }).run(sentFrom(fixture, { ...beginning(fixture), position }));
    assert.deepEqual(unknown, [
      `X'636f6d6d6974746564',X'',1 ${beginning(fixture).file}:${name === 'mysql-xa' ? 1076 : 1141}`,
    ]);
  }
});

test('a statement that changed captured rows, or may have, is an error that names the table, the place and the setting', () => {
  for (const family of ['mysql', 'mariadb']) {
    const { unreadable, seen } = reduce(`${family}-statement`, { mayTouch: () => true });
    assert.match(unreadable!.message, /^INSERT on fixture\.t is in the binlog at binlog\.000004:6\d\d as a statement/);
    assert.doesNotMatch(unreadable!.message, /VALUES/);
    assert.match(unreadable!.remedy, /binlog_format = ROW/);
    assert.equal(seen.length, 2);
  }
});

test('JSON differences become the whole document; where the document before was not sent, an error names the settings', () => {
  const { seen, unreadable } = reduce('mysql-partial-json');
  const fixture = readBinlogFixture('mysql-partial-json');
  const expected = fixture.steps.flatMap(({ changes = [] }) => changes.map(({ after }) => after?.a ?? null));
  const rows = seen.filter(({ kind }) => kind === 'row');
  const texts = rows
    .map(({ after }) => (after as (string | number)[])[1])
    .map((hex) => {
      if (typeof hex === 'number' || !hex!.startsWith('ff')) return null;
      return Buffer.from(hex!.slice(2), 'hex').toString('utf8');
    });
  assert.ok(texts.filter((text) => text !== null).length >= 7);
  for (const [i, text] of texts.entries()) if (text !== null) assert.equal(text, expected[i]);
  assert.match(unreadable!.message, /fixture\.t.* JSON in a /);
  assert.match(unreadable!.remedy, /binlog_row_value_options.*binlog_row_image/);
});

test('tables that are not captured are neither divided nor asked for twice, and leave the position moving', () => {
  const asked: string[] = [];
  const { seen, reducer } = reduce('mysql-rows', {
    tableOf: (map: { name: string }) => {
      asked.push(map.name);
      return null;
    },
  });
  assert.deepEqual(
    seen.filter(({ kind }) => kind === 'row'),
    [],
  );
  assert.equal(new Set(asked).size, asked.length);
  assert.equal(reducer.position.skip, null);
});

test('rows of transactions that began on a server that is left out are left out, their GTIDs are not', () => {
  const all = reduce('mariadb-gtid');
  const some = reduce('mariadb-gtid', { capturesSource: (source: string) => source !== '7-4294967295' });
  assert.deepEqual(
    story(some.seen),
    story(all.seen).filter((line) => !/^row .* (1|1000000000000)$/.test(line)),
  );
  assert.equal(some.reducer.position.gtids, all.reducer.position.gtids);
});

test('GTIDs executed grow with each transaction and end where the server’s next file begins', () => {
  for (const name of ['mysql-tagged-gtid', 'mariadb-gtid', 'mysql-rotation', 'mysql-compressed', 'mysql-xa']) {
    const fixture = readBinlogFixture(name);
    if (fixture.files.length < 2) continue;
    const second = fixture.files[1]!.events.find(([, type]) => type === 'Previous_gtids' || type === 'Gtid_list')![3];
    const reduction = new Reduction({ fixture, gtids: gtidsBefore(fixture) });
    reduction.run(sentFrom({ ...fixture, files: fixture.files.slice(0, 1) }, beginning(fixture)));
    const after = parseExecutedGtids(fixture.family, second.replace(/^\[|\]$|\n/g, ''));
    assert.equal(reduction.reducer.position.gtids, formatExecutedGtids(after), name);
  }
});

/** As a server without checksums sends them: only what the bytes say can tell a fault. */
function withoutChecksums(sent: readonly SentEvent[]): SentEvent[] {
  let hasChecksum = false;
  return sent.map(({ bytes, place }) => {
    const plain = Buffer.from(bytes);
    if (bytes[4] === 15) {
      hasChecksum = bytes.at(-5) === 1;
      plain[plain.length - 5] = 0;
      return { bytes: plain, place };
    }
    if (!hasChecksum || place === null) return { bytes, place };
    const cut = plain.subarray(0, plain.length - 4);
    cut.writeUInt32LE(cut.length, 9);
    return { bytes: cut, place };
  });
}

test(`a damaged event ends in an error that says what is wrong, or in changes, never in anything else (TEST_SEED=${SEED})`, () => {
  const random = seededRandom(SEED);
  const all = names.map((name) => {
    const fixture = readBinlogFixture(name);
    return { name, fixture, sent: withoutChecksums(sentFrom(fixture, beginning(fixture))) };
  });
  let refused = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    const { name, fixture, sent } = all[Math.floor(random() * all.length)]!;
    const at = Math.floor(random() * sent.length);
    const damaged = mutate(sent[at]!.bytes, random);
    if (damaged.length >= 13) damaged.writeUInt32LE(damaged.length, 9);
    const reduction = new Reduction({ fixture, gtids: gtidsBefore(fixture), ...OPTIONS });
    const around = sent.slice(0, 60).with(at < 60 ? at : 59, { ...sent[at]!, bytes: damaged });
    try {
      reduction.run(around);
    } catch (error) {
      refused++;
      if (error instanceof DecodeError || error instanceof PositionLostError) continue;
      throw new Error(`${name}, event ${at}, mutation ${i}: ${damaged.toString('hex')}`, { cause: error });
    }
  }
  assert.ok(refused > MUTATIONS / 10, `${refused} of ${MUTATIONS} were refused`);
});
