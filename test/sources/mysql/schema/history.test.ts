import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifyStatement } from '../../../../decoders/binlog/ddl/classify.ts';
import { dialectOf } from '../../../../decoders/binlog/ddl/tokens.ts';
import { TailraceError } from '../../../../src/model/errors.ts';
import type { SourceOffset } from '../../../../src/model/log.ts';
import type { StateReader } from '../../../../src/model/plugin.ts';
import { isAtOrBefore } from '../../../../src/sources/mysql/schema/history-position.ts';
import {
  formatHistoryRecord,
  type HistoryRecord,
  parseHistoryRecord,
} from '../../../../src/sources/mysql/schema/history-record.ts';
import { recover } from '../../../../src/sources/mysql/schema/recover.ts';
import { SchemaModel } from '../../../../src/sources/mysql/schema/schema-model.ts';
import { randomSource, SEED } from '../../../decoders/binlog/seeded-random.ts';
import { RandomDdl } from './random-ddl.ts';

const SOURCE = { server: 'app' };

function emptyModel(family: 'mysql' | 'mariadb' = 'mysql'): SchemaModel {
  return new SchemaModel({ family, lowerCaseTableNames: 0, comments: true, explicitDefaultsForTimestamp: true });
}

function at(pos: number): SourceOffset {
  return { file: 'binlog.000002', pos };
}

function readerOf(records: readonly (Buffer | null)[]): StateReader {
  return {
    async *read(topic) {
      assert.equal(topic, 'history');
      for (const value of records) yield { key: null, value };
    },
  };
}

/** The statements' records, the n-th at position n. */
function history(model: SchemaModel, statements: readonly string[], withChanges = true): Buffer[] {
  const dialect = dialectOf(model.options.family, 0n);
  return statements.flatMap((ddl, i) => {
    const statement = classifyStatement(ddl, dialect, 'd');
    const { events } = model.apply(statement, { ddl, defaultDatabase: 'd', dialect, status: null });
    return events.map(({ database, ddl, change }) => {
      const changes = change === null || !withChanges ? [] : [change];
      return formatHistoryRecord({ source: SOURCE, position: at(i), timestampMs: 5, database, ddl, changes });
    });
  });
}

function byName(model: SchemaModel): unknown {
  return [...model.tables()].sort((a, b) => (`${a.database}.${a.name}` < `${b.database}.${b.name}` ? -1 : 1));
}

for (const family of ['mysql', 'mariadb'] as const) {
  test(`${family}: a history replayed to any point gives the tables of that point (TEST_SEED=${SEED})`, async () => {
    const program = new RandomDdl(randomSource(SEED), family, ['d', 'o']);
    const statements = ['CREATE DATABASE d CHARACTER SET latin1', ...Array.from({ length: 120 }, () => program.next())];
    for (const end of [1, 40, 90, statements.length]) {
      const whole = emptyModel(family);
      const records = history(whole, statements);
      const then = emptyModel(family);
      history(then, statements.slice(0, end));
      const model = emptyModel(family);
      await recover({ reader: readerOf(records), topic: 'history', source: SOURCE, upTo: at(end - 1), model });
      assert.deepEqual(byName(model), byName(then), `up to ${end}: ${statements[end - 1]}`);
    }
  });
}

for (const withChanges of [true, false]) {
  const how = withChanges ? 'with table changes' : 'by their DDL';
  test(`what was durable before its offset is recorded twice, and comes to the same ${how} (TEST_SEED=${SEED})`, async () => {
    const below = randomSource(SEED);
    const program = new RandomDdl(below, 'mysql', ['d', 'o']);
    const statements = ['CREATE DATABASE d CHARACTER SET latin1', ...Array.from({ length: 80 }, () => program.next())];
    const records = history(emptyModel(), statements, withChanges);
    const positions = records.map((value) => Number(parseHistoryRecord(value).position.pos));
    for (let run = 0; run < 15; run++) {
      // The task ended when more was durable than its offset, `stored`, says; the next one read that again, and was at `now`.
      const stored = below(71);
      const [durable, now] = [stored + 1 + below(8), stored + below(11)];
      const log = [
        ...records.filter((_, i) => positions[i]! <= durable),
        ...records.filter((_, i) => positions[i]! > stored && positions[i]! <= now),
      ];
      const [model, once] = [emptyModel(), emptyModel()];
      const input = { topic: 'history', source: SOURCE, upTo: at(now) };
      await recover({ ...input, reader: readerOf(log), model });
      await recover({ ...input, reader: readerOf(records), model: once });
      assert.deepEqual(byName(model), byName(once), JSON.stringify({ stored, durable, now }));
    }
  });
}

test('records without table changes are replayed by their DDL', async () => {
  const statements = [
    'SET character_set_server=latin1',
    'CREATE TABLE t (a VARCHAR(3), PRIMARY KEY (a))',
    'CREATE DATABASE o CHARACTER SET utf8mb4',
    'CREATE TABLE o.u (a TEXT)',
    'ALTER TABLE t ADD b INT',
    'RENAME TABLE t TO v',
    'DROP DATABASE o',
  ];
  const records = history(emptyModel(), statements, false);
  const model = emptyModel();
  const upTo = at(5);
  const { applied, unknown } = await recover({
    reader: readerOf(records),
    topic: 'history',
    source: SOURCE,
    upTo,
    model,
  });
  assert.deepEqual([applied, unknown, model.serverCharset], [6, [], 'latin1']);
  assert.deepEqual(
    model.tables().map(({ database, name, columns }) => [database, name, columns.map(({ charset }) => charset)]),
    [
      ['o', 'u', ['utf8mb4']],
      ['d', 'v', ['latin1', null]],
    ],
  );
});

test('records of other sources and tombstones are passed over', async () => {
  const [record] = history(emptyModel(), ['CREATE TABLE t (a INT)']);
  const foreign = Buffer.from(record!.toString().replace('"app"', '"other"'));
  const model = emptyModel();
  const input = { topic: 'history', source: SOURCE, upTo: at(9), model };
  assert.deepEqual(await recover({ ...input, reader: readerOf([foreign, null]) }), {
    records: 0,
    applied: 0,
    unknown: [],
  });
  assert.deepEqual(model.tables(), []);
});

test('a record that is none stops the recovery and says so', async () => {
  for (const text of [
    '',
    '[]',
    '{"position":{}}',
    '{"source":{},"position":{},"tableChanges":[{"type":"NEW","id":"t"}]}',
  ]) {
    await assert.rejects(
      recover({
        reader: readerOf([Buffer.from(text)]),
        topic: 'history',
        source: {},
        upTo: at(9),
        model: emptyModel(),
      }),
      (error) => error instanceof TailraceError && error.code === 'log.corrupt',
      text,
    );
  }
});

test('a record survives its text', () => {
  const record: HistoryRecord = {
    source: SOURCE,
    position: { ts_sec: 1, file: 'binlog.000001', pos: 4_294_967_296, gtids: 'a:1-3', snapshot: true },
    timestampMs: 1_700_000_000_123,
    database: 'a "quoted" one',
    ddl: 'CREATE TABLE `é😀` (\n a INT)',
    changes: [
      {
        type: 'ALTER',
        database: 'a "quoted" one',
        name: 'b.c',
        previous: { database: 'x', name: '`y"' },
        table: {
          database: 'a "quoted" one',
          name: 'b.c',
          columns: [
            {
              name: 'e',
              position: 1,
              typeName: 'ENUM',
              jdbcType: 1,
              length: 1,
              scale: null,
              charset: 'utf8mb4',
              optional: false,
              autoIncremented: false,
              generated: false,
              comment: 'why',
              hasDefault: true,
              defaultValue: "it's",
              labels: ["it's", 'back\\slash', 'a\nb', '', '"'],
            },
          ],
          primaryKey: ['e'],
          keyIsUnique: true,
          charset: 'utf8mb4',
          comment: 'table',
        },
      },
      { type: 'DROP', database: 'x', name: 'gone', previous: null, table: null },
    ],
  };
  assert.deepEqual(parseHistoryRecord(formatHistoryRecord(record)), record);
});

test('positions are in the order of the history: GTIDs, then file, position, event and row', () => {
  const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
  const gtids = (set: string, more: SourceOffset = {}): SourceOffset => ({ gtids: `${uuid}:${set}`, ...more });
  const cases: readonly (readonly [recorded: SourceOffset, desired: SourceOffset, expected: boolean])[] = [
    [gtids('1-5'), gtids('1-6'), true],
    [gtids('1-6'), gtids('1-5'), false],
    [gtids('1-5'), gtids('1-5'), true],
    [gtids('1-5', { event: 2 }), gtids('1-5', { event: 1 }), false],
    [gtids('1-5'), gtids('1-5', { snapshot: true }), false],
    [gtids('1-5', { snapshot: true }), gtids('1-5', { snapshot: true }), true],
    [gtids('7'), gtids('1-5'), false],
    [at(9), gtids('1'), true],
    [gtids('1'), at(9), false],
    [at(4), at(4), true],
    [at(5), at(4), false],
    [{ file: 'binlog.000009', pos: 4 }, { file: 'binlog.000010', pos: 4 }, true],
    [{ file: 'binlog.1000000', pos: 4 }, { file: 'binlog.999999', pos: 9 }, false],
    [{ ...at(4), event: 1 }, { ...at(4), event: 2 }, true],
    [{ ...at(4), event: 2, row: 3 }, { ...at(4), event: 2, row: 2 }, false],
    [{ ...at(9), server_id: 1, ts_sec: 5 }, { ...at(4), server_id: 2, ts_sec: 6 }, true],
    [{ ...at(9), server_id: 1, ts_sec: 7 }, { ...at(4), server_id: 2, ts_sec: 6 }, false],
  ];
  for (const [recorded, desired, expected] of cases) {
    assert.equal(isAtOrBefore(recorded, desired, { family: 'mysql' }), expected, JSON.stringify([recorded, desired]));
  }
  assert.equal(isAtOrBefore({ gtids: '0-1-5,1-1-2' }, { gtids: '0-1-5,1-1-3' }, { family: 'mariadb' }), true);
  assert.equal(isAtOrBefore({ gtids: '0-1-5,1-1-2' }, { gtids: '0-1-5' }, { family: 'mariadb' }), false);
});

test('of our own records those of statements that are read again are not in order, whatever times and ids say', () => {
  const gtids = { gtids: '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5' };
  const ours = { server_uuid: 'a' };
  const cases: readonly (readonly [recorded: SourceOffset, desired: SourceOffset, expected: boolean])[] = [
    [{ ...gtids, ...ours }, { ...gtids, ...ours }, false],
    [{ ...gtids, ...ours, event: 1 }, { ...gtids, ...ours, event: 2 }, true],
    [{ ...gtids, ...ours, snapshot: 'INITIAL' }, { ...gtids, ...ours }, true],
    // GTIDs were given up in between: the server's files go on from each other.
    [{ ...gtids, ...at(4), ...ours }, { ...at(5), ...ours }, true],
    [{ ...gtids, ...at(6), ...ours }, { ...at(5), ...ours }, false],
    [{ ...gtids, ...at(4), ...ours }, { ...at(5), server_uuid: 'b' }, false],
    [{ ...at(4), ...ours }, { ...at(4), ...ours }, false],
    [{ ...at(4), ...ours, event: 1 }, { ...at(4), ...ours, event: 2 }, true],
    [{ ...at(4), ...ours, snapshot: 'INITIAL', ts_sec: 9 }, { ...at(4), ...ours, server_id: 1 }, true],
    [{ ...at(4), ...ours, server_id: 2, ts_sec: 9 }, { ...at(5), ...ours, server_id: 1, ts_sec: 8 }, true],
    [{ ...at(5), ...ours, server_id: 2, ts_sec: 7 }, { ...at(4), ...ours, server_id: 1, ts_sec: 8 }, false],
    [{ ...at(9), ...ours, server_id: 1, ts_sec: 7 }, { ...at(4), server_uuid: 'b', server_id: 2, ts_sec: 8 }, true],
  ];
  for (const [recorded, desired, expected] of cases) {
    assert.equal(isAtOrBefore(recorded, desired, { family: 'mysql' }), expected, JSON.stringify([recorded, desired]));
  }
});

test('of servers that are left out Debezium’s positions tell nothing, and nothing is asked of them; ours tell all', () => {
  const [a, b] = ['3e11fa47-71ca-11e1-9e33-c80aa9429562', '7024545c-e5c5-11f1-93a1-02fc00000001'];
  const mysql = { family: 'mysql' as const, capturesSource: (uuid: string) => uuid === a };
  const mariadb = { family: 'mariadb' as const, capturesSource: (source: string) => source === '0-1' };
  const ours = { server_uuid: a };
  for (const [order, seen, both] of [
    [mysql, `${a}:1-5`, `${a}:1-4,${b}:1-9`],
    [mariadb, '0-1-5', '0-1-4,7-2-9'],
  ] as const) {
    assert.equal(isAtOrBefore({ gtids: both }, { gtids: seen }, order), true);
    assert.equal(isAtOrBefore({ gtids: both, ...ours }, { gtids: seen }, order), true);
    assert.equal(isAtOrBefore({ gtids: seen }, { gtids: both }, order), false);
    assert.equal(isAtOrBefore({ gtids: both }, { gtids: seen }, { family: order.family }), false);
    assert.equal(isAtOrBefore({ gtids: both, ...ours }, { gtids: seen, ...ours }, order), false);
  }
});
