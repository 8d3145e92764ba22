import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatExecutedGtids } from '../../../decoders/binlog/executed-gtids.ts';
import { TailraceError } from '../../../src/model/errors.ts';
import type { Position } from '../../../src/sources/mysql/offset.ts';
import type { ServerState } from '../../../src/sources/mysql/server-state.ts';
import { isFileKnown, planStart, type StartInput } from '../../../src/sources/mysql/start-check.ts';

const A = '3e7b12be-e5c5-11f1-9a06-02fc00000001';
const B = '7024545c-e5c5-11f1-93a1-02fc00000001';

const SERVER: ServerState = {
  version: '9.7.4',
  uuid: A,
  hasGtids: true,
  executed: `${A}:1-100`,
  purged: '',
  files: [
    { name: 'binlog.000003', bytes: 1000 },
    { name: 'binlog.000004', bytes: 500 },
  ],
  lowerCaseTableNames: 0,
  explicitDefaultsForTimestamp: true,
};

const STORED: Position = {
  file: 'binlog.000003',
  position: 400,
  gtids: `${A}:1-50`,
  skip: null,
  timestampSeconds: 1,
  serverId: 1,
  snapshot: 'none',
  serverUuid: A,
  fileBegan: 1_700_000_000,
};

interface Given extends Partial<Omit<StartInput, 'stored' | 'server'>> {
  readonly stored?: Partial<Position> | null;
  readonly server?: Partial<ServerState>;
}

function plan({ stored = {}, server = {}, ...rest }: Given) {
  return planStart({
    stored: stored === null ? null : { ...STORED, ...stored },
    server: { ...SERVER, ...server },
    family: 'mysql',
    mode: 'initial',
    hasHistory: true,
    capturesSource: null,
    fileBegan: STORED.fileBegan,
    ...rest,
  });
}

function loss(given: Given): string {
  try {
    plan(given);
  } catch (error) {
    assert.ok(error instanceof TailraceError);
    assert.ok((error.remedy ?? '').length > 20);
    // What no snapshot mends is no reason for one.
    if (error.code !== 'source.connect') {
      const mended = plan({ ...given, mode: 'when_needed' });
      assert.deepEqual([mended.snapshot, mended.from, mended.reason?.code], ['rows', null, error.code]);
    }
    return error.code;
  }
  return 'none';
}

test('a first start does what its mode says, and an unfinished snapshot is a first start', () => {
  for (const stored of [null, { snapshot: 'unfinished' as const }]) {
    const first = (mode: StartInput['mode']) => {
      const { snapshot, stream, from } = plan({ stored, mode, hasHistory: false });
      assert.equal(from, null);
      return [snapshot, stream];
    };
    assert.deepEqual(first('initial'), ['rows', true]);
    assert.deepEqual(first('when_needed'), ['rows', true]);
    assert.deepEqual(first('always'), ['rows', true]);
    assert.deepEqual(first('initial_only'), ['rows', false]);
    assert.deepEqual(first('no_data'), ['schema', true]);
    assert.throws(() => first('recovery'), /nothing to recover/);
  }
});

test('a stored position is gone on from, by GTID where there are any, and a mode can ask for more', () => {
  const { snapshot, stream, from } = plan({});
  assert.deepEqual([snapshot, stream], ['none', true]);
  assert.deepEqual(from!.dump, { gtids: `${A}:1-50` });
  assert.equal(formatExecutedGtids(from!.executed!), `${A}:1-50`);
  const byFile = plan({ stored: { gtids: null } }).from!;
  assert.deepEqual([byFile.dump, byFile.executed], [{ file: 'binlog.000003', position: 400 }, null]);
  const off = plan({ server: { hasGtids: false } }).from!;
  assert.deepEqual([off.dump, off.executed], [{ file: 'binlog.000003', position: 400 }, null]);
  assert.equal(plan({ mode: 'always' }).snapshot, 'rows');
  assert.deepEqual(plan({ mode: 'initial_only', stored: { snapshot: 'completed' } }).stream, false);
  const recovery = plan({ mode: 'recovery', hasHistory: false });
  assert.deepEqual([recovery.snapshot, recovery.from!.position], ['schema', 400]);
});

test('a position that the server cannot serve is told by its kind, and mended by when_needed alone', () => {
  assert.equal(loss({}), 'none');
  assert.equal(loss({ server: { purged: `${A}:1-50` } }), 'none');
  assert.equal(loss({ server: { purged: `${A}:1-51` } }), 'source.position_lost');
  assert.equal(loss({ server: { executed: `${A}:1-49` } }), 'source.position_lost');
  assert.equal(loss({ stored: { gtids: `${A}:1-50,${B}:1` } }), 'source.connect');
  assert.equal(loss({ hasHistory: false }), 'source.table');
  const byFile = { gtids: null };
  assert.equal(loss({ stored: { ...byFile, position: 1000 } }), 'none');
  assert.equal(loss({ stored: { ...byFile, position: 1001 } }), 'source.position_lost');
  assert.equal(loss({ stored: { ...byFile, file: 'binlog.000002' } }), 'source.position_lost');
  assert.equal(loss({ stored: { ...byFile, serverUuid: B } }), 'source.identity_changed');
  assert.equal(loss({ stored: { ...byFile, serverUuid: null } }), 'none');
  // Positions by GTID hold on every server.
  assert.equal(loss({ server: { uuid: B } }), 'none');
});

test('a binlog that ends before the stored position of its own server began anew, whatever its GTIDs are now', () => {
  assert.equal(loss({ stored: { file: 'binlog.000004', position: 500 } }), 'none');
  assert.equal(loss({ stored: { file: 'binlog.000004', position: 501 } }), 'source.position_lost');
  assert.equal(loss({ stored: { file: 'binlog.000010' } }), 'source.position_lost');
  // What is left of a file that a crash cut, or that was purged, is behind.
  assert.equal(loss({ stored: { file: 'binlog.000003', position: 5000 } }), 'none');
  assert.equal(loss({ stored: { file: 'binlog.000010' }, server: { uuid: B } }), 'none');
  assert.equal(loss({ stored: { file: 'binlog.000010', serverUuid: null } }), 'none');
  assert.equal(loss({ stored: { file: 'other.000010' } }), 'none');
});

test('a file that the server has begun at another time is not that of the stored position, whatever it holds now', () => {
  for (const gtids of [STORED.gtids, null]) {
    assert.equal(loss({ stored: { gtids }, fileBegan: 1_700_000_000 }), 'none');
    assert.equal(loss({ stored: { gtids }, fileBegan: 1_700_000_001 }), 'source.position_lost');
    // An offset of Debezium, and a file that the server has no more or never had.
    assert.equal(loss({ stored: { gtids, fileBegan: null }, fileBegan: 1_700_000_001 }), 'none');
    assert.equal(loss({ stored: { gtids }, fileBegan: null }), 'none');
  }
  const known = (stored: Partial<Position>) => isFileKnown({ ...STORED, ...stored }, SERVER);
  assert.equal(known({}), true);
  for (const stored of [{ fileBegan: null }, { file: 'binlog.000002' }, { serverUuid: B }, { serverUuid: null }]) {
    assert.equal(known(stored), false, JSON.stringify(stored));
  }
});

test('on another server the changes of a transaction that was cut count, not its events', () => {
  const skip = { events: 9, rows: 2, changes: 40, gtid: `${A}:51`, prepared: false };
  const on = (uuid: string, more: object = {}) =>
    plan({ stored: { skip: { ...skip, ...more } }, server: { uuid } }).from!.skip;
  assert.deepEqual(on(A), skip);
  assert.deepEqual(on(B), { ...skip, events: 0, rows: 0 });
  // Of a prepared transaction it is our own copy that is read; Debezium counts no changes.
  assert.equal(on(B, { prepared: true })!.events, 9);
  assert.equal(on(B, { changes: null })!.events, 9);
});

test('MariaDB’s GTIDs: behind the server is fine, before it is a loss; its machine’s name is no identity', () => {
  const mariadb = { family: 'mariadb' as const, server: { executed: '0-1-100,1-1-7', uuid: 'x' } };
  assert.equal(loss({ ...mariadb, stored: { gtids: '0-1-50' } }), 'none');
  assert.equal(loss({ ...mariadb, stored: { gtids: '0-1-101' } }), 'source.position_lost');
  assert.equal(loss({ ...mariadb, stored: { gtids: '2-1-1' } }), 'source.position_lost');
  assert.equal(loss({ ...mariadb, stored: { gtids: null, serverUuid: 'y' } }), 'none');
  assert.deepEqual(plan({ ...mariadb, stored: { gtids: '0-1-50' } }).from!.dump, { gtids: '0-1-50' });
  // Nothing was executed: the list alone would mean the oldest file.
  assert.deepEqual(plan({ ...mariadb, stored: { gtids: '' } }).from!.dump, { file: 'binlog.000003', position: 400 });
});

test('what a server purged of sources that are left out is not missed', () => {
  const capturesSource = (source: string) => source === A;
  const server = { executed: `${A}:1-100,${B}:1-9`, purged: `${B}:1-5` };
  assert.equal(loss({ server }), 'source.position_lost');
  const { from } = plan({ server, capturesSource });
  assert.deepEqual(from!.dump, { gtids: `${A}:1-50,${B}:1-5` });
});
